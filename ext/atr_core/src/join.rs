//! Has a connection take part in its scopes from the positions that it names: replay and live, joined exactly.
//!
//! The rule that makes it exact: a connection enters a scope's fan-out only in a step without an await in which it has
//! everything up to the scope's head. Until then it reads pages of the log, each when its socket has taken the one
//! before, and in the end what was handed on meanwhile.

use crate::batch::Batch;
use crate::connection::Connection;
use crate::frame::Frames;
use crate::group::{CatchingUp, Group};
use crate::position::Position;
use crate::protocol::atr_v1;
use crate::protocol::reset::Reset;
use crate::random;
use crate::router::Recovered;
use crate::scope::Scope;
use crate::shard::Shard;
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;

/// How soon the log is asked again when nothing is heard of the scope.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// From where a client wants the events of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// From now on.
    Now,
    /// Behind a position.
    After(Position),
    /// It cannot say: something is missing for certain.
    Lost,
}

/// Where a client begins in one of its scopes.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    /// The scope.
    pub(crate) scope: Scope,
    /// Its events follow from here; `None` without a log.
    pub(crate) position: Option<Position>,
    /// Whether nothing is missing; `None` for a client that did not say what it has.
    pub(crate) recovered: Option<bool>,
}

/// How a scope's beginning was decided.
enum Decision {
    /// At the head, with this to say.
    AtHead(Option<bool>),
    /// Behind a position that the log still has.
    Replay(Replay),
}

/// A scope that a connection is catching up with.
struct Replay {
    group: Rc<Group>,
    cursor: Position,
    page: Option<Arc<Batch>>,
    /// While it is this scope's turn.
    kept: Option<CatchingUp>,
}

/// A connection that is about to take part.
pub(crate) struct Join {
    pub(crate) shard: Rc<Shard>,
    pub(crate) connection: Rc<Connection>,
}

impl Join {
    /// Takes part in every scope of the connection, behind its position in `starts`, and ends when that is so. `welcome`
    /// makes what is sent before the first event. Without an end while the broker is out of reach and must be asked.
    pub(crate) async fn run(
        &self,
        starts: &HashMap<Scope, Start>,
        welcome: impl FnOnce(&[Opened]) -> Arc<Frames>,
    ) {
        let groups = self.shard.groups_of(&self.connection);
        let mut decisions = Vec::with_capacity(groups.len());
        let mut has_page = false;
        // One after the other, and all but the first page is let go: a client has no more of them than it can be sent.
        for group in &groups {
            let start = starts.get(group.scope()).copied().unwrap_or(Start::Now);
            let mut decision = self.decide(group, start).await;
            if let Decision::Replay(replay) = &mut decision {
                if has_page {
                    replay.let_go();
                }
                has_page |= replay.page.is_some();
            }
            decisions.push(decision);
        }
        // From here to the end of the loop nothing waits: the positions of the welcome are those that are entered at.
        let opened: Vec<_> =
            groups.iter().zip(&decisions).map(|(group, decision)| opened(group, decision)).collect();
        self.connection.send(&welcome(&opened));
        let mut replays = vec![];
        for (group, decision) in groups.iter().zip(decisions) {
            match decision {
                Decision::AtHead(_) => group.enter(&self.connection),
                Decision::Replay(replay) if replay.is_done() => group.enter(&self.connection),
                Decision::Replay(replay) => replays.push(replay),
            }
        }
        for replay in replays {
            self.replay(replay).await;
        }
    }

    /// What a client is welcomed with.
    pub(crate) fn welcome(&self, opened: &[Opened], ignored: &[String]) -> String {
        let session = format!("{:016x}", random::number());
        let interval = self.shard.options().ping_interval;
        atr_v1::welcome(&session, self.connection.client_key(), interval, opened, ignored)
    }

    async fn decide(&self, group: &Rc<Group>, start: Start) -> Decision {
        group.open().await;
        let after = match start {
            Start::Now => return Decision::AtHead(None),
            Start::Lost => return Decision::AtHead(Some(false)),
            Start::After(after) => after,
        };
        let mut replay =
            Replay { group: Rc::clone(group), cursor: after, page: None, kept: Some(group.catch_up()) };
        loop {
            let Some(head) = group.head() else { return Decision::AtHead(Some(false)) };
            if head == after {
                return Decision::Replay(replay);
            }
            match self.read(group, after, head).await {
                Some(Recovered::Events { events, .. }) => {
                    replay.page = events;
                    return Decision::Replay(replay);
                }
                Some(Recovered::Reset { .. }) => return Decision::AtHead(Some(false)),
                None => unanswered(group).await,
            }
        }
    }

    /// Not further than the scope was handed on here: what is behind that comes by itself.
    async fn read(&self, group: &Group, after: Position, head: Position) -> Option<Recovered> {
        let upto = (head.epoch == after.epoch && head.offset > after.offset).then_some(head.offset);
        self.shard.read(group.scope(), after, upto).await
    }

    async fn replay(&self, mut replay: Replay) {
        replay.kept.get_or_insert_with(|| replay.group.catch_up());
        loop {
            self.drained().await;
            if !self.connection.is_open() {
                return;
            }
            if let Some(page) = replay.page.take() {
                replay.cursor = page.last().unwrap_or(replay.cursor);
                self.connection.deliver(&page);
                continue;
            }
            if self.hand_on(&mut replay) {
                return replay.group.enter(&self.connection);
            }
            if !self.connection.is_drained() {
                continue;
            }
            let Some(head) = replay.group.head() else {
                return self.give_up(&replay.group);
            };
            match self.read(&replay.group, replay.cursor, head).await {
                Some(Recovered::Events { events: Some(page), .. }) => replay.page = Some(page),
                Some(Recovered::Events { head: end, events: None }) => {
                    replay.cursor = Position { epoch: end.epoch, ..replay.cursor };
                    if !replay.is_done() {
                        self.wait_for_head(&replay.group, end).await;
                    }
                }
                Some(Recovered::Reset { .. }) => return self.give_up(&replay.group),
                None => unanswered(&replay.group).await,
            }
        }
    }

    /// Sends what the scope has handed on lately behind the cursor. Whether the connection has everything now.
    fn hand_on(&self, replay: &mut Replay) -> bool {
        // The rest of the outbox is for what the other scopes bring meanwhile.
        let room = self.connection.outbox_bytes() / 2;
        for batch in replay.group.recent_after(replay.cursor, room) {
            self.connection.deliver(&batch);
            replay.cursor = batch.last().unwrap_or(replay.cursor);
        }
        replay.is_done()
    }

    /// The client is ahead of this shard: it was told by another one what has yet to come here.
    async fn wait_for_head(&self, group: &Rc<Group>, end: Position) {
        self.shard.tell_head(group.scope(), end);
        group.changed().await;
    }

    /// Something was lost while the client was catching up.
    fn give_up(&self, group: &Rc<Group>) {
        self.connection.reset(&Reset::new(group.scope().clone(), group.head()));
        group.enter(&self.connection);
    }

    /// Waits until the client has read what it was sent. Whoever polls this flushes the connection first, and is woken
    /// when the socket takes more.
    async fn drained(&self) {
        poll_fn(|_| if self.connection.is_drained() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// Waits until it is worth asking the log again: the broker was out of reach. It may be back already, and have said so
/// before this was polled, so that nothing more would come of a quiet scope.
async fn unanswered(group: &Group) {
    // Late or in time, it is asked again.
    let _ = timeout(ASK_AGAIN, group.changed()).await;
}

impl Replay {
    /// Keeps nothing for this scope before its turn.
    fn let_go(&mut self) {
        (self.page, self.kept) = (None, None);
    }

    fn is_done(&self) -> bool {
        self.page.is_none() && self.group.head() == Some(self.cursor)
    }
}

fn opened(group: &Group, decision: &Decision) -> Opened {
    let (position, recovered) = match decision {
        Decision::AtHead(recovered) => (group.head(), *recovered),
        Decision::Replay(replay) => (Some(replay.cursor), Some(true)),
    };
    Opened { scope: group.scope().clone(), position, recovered }
}
