//! One scope on one shard: who is in it, where it stands, and the walk that writes a batch to all of them.

use crate::batch::Batch;
use crate::broker::Standing;
use crate::connection::{Connection, Sent};
use crate::position::Position;
use crate::protocol::reset::Reset;
use crate::recent::Recent;
use crate::router::Recovered;
use crate::scope::Scope;
use crate::track::{Step, Track};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Connections served before the shard's other tasks get a turn: accepts, reads and pings must not starve.
const STRIDE: usize = 256;

/// What a walk came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// Connections that got the batch.
    pub(crate) connections: u64,
    /// Connections that were cut off because they were too slow.
    pub(crate) cut_off: u64,
}

/// One scope on one shard.
#[derive(Debug)]
pub(crate) struct Group {
    scope: Scope,
    members: RefCell<Vec<Rc<Connection>>>,
    /// Who entered while a walk was under way: a batch goes to those who were there when it came.
    entering: RefCell<Vec<Rc<Connection>>>,
    walking: Cell<bool>,
    /// Connections that belong here, in `members` or on their way there. Those who have left still stand in `members` for a
    /// while: finding each would be a search.
    present: Cell<usize>,
    empty_since: Cell<Instant>,
    track: RefCell<Track>,
    /// The position up to which the walks have begun. [`Track::head`] may be ahead of it.
    head: Cell<Option<Position>>,
    /// The broker has said something of this scope.
    is_heard: Cell<bool>,
    /// It has said that the scope is live, once at least: `head` means something.
    is_open: Cell<bool>,
    /// Somebody may have waited for what has changed now.
    changed: Notify,
    recent: RefCell<Recent>,
    catching_up: Cell<usize>,
}

/// While it is there, what is handed on is kept for whoever is catching up.
#[derive(Debug)]
pub(crate) struct CatchingUp(Rc<Group>);

impl Drop for CatchingUp {
    fn drop(&mut self) {
        let left = self.0.catching_up.get() - 1;
        self.0.catching_up.set(left);
        if left == 0 {
            self.0.recent.borrow_mut().clear();
        }
    }
}

impl Group {
    pub(crate) fn new(scope: Scope) -> Self {
        Self {
            scope,
            members: RefCell::default(),
            entering: RefCell::default(),
            walking: Cell::new(false),
            present: Cell::new(0),
            empty_since: Cell::new(Instant::now()),
            track: RefCell::default(),
            head: Cell::new(None),
            is_heard: Cell::new(false),
            is_open: Cell::new(false),
            changed: Notify::new(),
            recent: RefCell::default(),
            catching_up: Cell::new(0),
        }
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Notes a connection that belongs here: the scope stays while it is there.
    pub(crate) fn enlist(&self) {
        self.present.set(self.present.get() + 1);
    }

    /// Has a connection that was enlisted get everything that is handed on from now on, behind [`Group::head`].
    pub(crate) fn enter(&self, connection: &Rc<Connection>) {
        let entered = if self.walking.get() { &self.entering } else { &self.members };
        entered.borrow_mut().push(Rc::clone(connection));
    }

    /// Notes that an enlisted connection, which is not open any more, has left.
    pub(crate) fn depart(&self) {
        self.present.set(self.present.get() - 1);
        if self.present.get() == 0 {
            self.empty_since.set(Instant::now());
        }
        self.forget_departed();
    }

    /// Drops those who have left, once they are the larger part.
    fn forget_departed(&self) {
        if !self.walking.get() && self.members.borrow().len() > 2 * self.present.get() {
            self.members.borrow_mut().retain(|member| member.is_open());
        }
    }

    /// Whether nobody has been here for `grace`.
    pub(crate) fn is_abandoned(&self, grace: Duration) -> bool {
        self.present.get() == 0 && !self.walking.get() && self.empty_since.get().elapsed() >= grace
    }

    /// The position behind which whoever enters now gets everything; `None` without a log.
    pub(crate) fn head(&self) -> Option<Position> {
        self.head.get()
    }

    /// Waits until the broker has said anything of this scope.
    pub(crate) async fn heard(&self) {
        while !self.is_heard.get() {
            self.changed.notified().await;
        }
    }

    /// Waits until it is known where the scope stands.
    pub(crate) async fn open(&self) {
        while !self.is_open.get() {
            self.changed.notified().await;
        }
    }

    /// Waits until the scope has moved on, or stands otherwise.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Keeps what is handed on from now on.
    pub(crate) fn catch_up(self: &Rc<Self>) -> CatchingUp {
        self.catching_up.set(self.catching_up.get() + 1);
        CatchingUp(Rc::clone(self))
    }

    /// What was handed on behind `cursor`, about `max_bytes` of it; nothing when that is not known.
    pub(crate) fn recent_after(&self, cursor: Position, max_bytes: usize) -> Vec<Arc<Batch>> {
        self.recent.borrow().after(cursor, max_bytes)
    }

    /// Takes events from the subscription.
    pub(crate) fn take_batch(&self, batch: &Arc<Batch>) -> Vec<Step> {
        self.track.borrow_mut().take_batch(Arc::clone(batch))
    }

    /// Takes the broker's news.
    pub(crate) fn take_standing(&self, standing: Standing) -> Vec<Step> {
        let steps = self.track.borrow_mut().take_standing(standing);
        self.is_heard.set(true);
        self.is_open.set(self.is_open.get() || matches!(standing, Standing::Live(_)));
        steps
    }

    /// Takes a part of the log that [`Step::Read`] has asked for.
    pub(crate) fn take_page(&self, after: Position, page: Option<Recovered>) -> Vec<Step> {
        self.track.borrow_mut().take_page(after, page)
    }

    /// To be called when the steps of what was taken are done.
    pub(crate) fn settle(&self) {
        self.head.set(self.track.borrow().head());
        self.changed.notify_waiters();
    }

    /// Tells everybody who is here that something may be missing before `head`.
    pub(crate) async fn reset(&self, head: Option<Position>) -> Delivered {
        self.head.set(head);
        self.recent.borrow_mut().clear();
        let reset = Reset::new(self.scope.clone(), head);
        self.visit(|member| member.reset(&reset)).await
    }

    /// Writes a batch to every connection that is here now.
    pub(crate) async fn walk(&self, batch: &Arc<Batch>) -> Delivered {
        if let Some(last) = batch.last() {
            if self.catching_up.get() > 0 {
                self.recent.borrow_mut().push(self.head.get(), batch);
            }
            self.head.set(Some(last));
        }
        self.visit(|member| member.deliver(batch)).await
    }

    /// Does the same for every connection that is here now.
    async fn visit(&self, act: impl Fn(&Connection) -> Sent) -> Delivered {
        let mut delivered = Delivered::default();
        let mut start = 0;
        self.walking.set(true);
        loop {
            let more = {
                let members = self.members.borrow();
                let end = members.len().min(start + STRIDE);
                for member in &members[start..end] {
                    delivered.count(act(member));
                }
                start = end;
                end < members.len()
            };
            if !more {
                break;
            }
            tokio::task::yield_now().await;
        }
        self.walking.set(false);
        self.members.borrow_mut().append(&mut self.entering.borrow_mut());
        self.forget_departed();
        delivered
    }
}

impl Delivered {
    fn count(&mut self, sent: Sent) {
        match sent {
            Sent::Yes => self.connections += 1,
            Sent::CutOff => self.cut_off += 1,
            Sent::No => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::{batch, unlogged};
    use crate::connection::Ending;
    use crate::connection::tests::connection;

    const EPOCH: &str = "00000000000000aa";

    fn at(offset: u64) -> Position {
        format!("{EPOCH}:{offset}").parse().unwrap()
    }

    fn group() -> Rc<Group> {
        Rc::new(Group::new(Scope::new("a").unwrap()))
    }

    fn join(group: &Group) -> Rc<Connection> {
        let connection = connection();
        group.enlist();
        group.enter(&connection);
        connection
    }

    fn leave(group: &Group, connection: &Connection) {
        connection.end(Ending::Abort);
        group.depart();
    }

    fn delivered(connections: u64) -> Delivered {
        Delivered { connections, cut_off: 0 }
    }

    #[tokio::test]
    async fn a_batch_goes_to_everybody_who_is_here() {
        let group = group();
        let members: Vec<_> = (0..600).map(|_| join(&group)).collect();
        members.iter().step_by(2).for_each(|member| leave(&group, member));
        assert_eq!(group.walk(&unlogged("1")).await, delivered(300));
        assert_eq!(group.present.get(), 300);
    }

    #[tokio::test]
    async fn who_enters_or_leaves_during_a_walk_disturbs_nobody() {
        let group = group();
        let members: Vec<_> = (0..STRIDE * 2).map(|_| join(&group)).collect();
        let batch = unlogged("1");
        let mut walk = Box::pin(group.walk(&batch));
        assert!(futures_util::poll!(walk.as_mut()).is_pending());
        join(&group);
        members[..STRIDE].iter().for_each(|member| leave(&group, member));
        leave(&group, &members[STRIDE]);
        assert_eq!(walk.await, delivered(2 * STRIDE as u64 - 1));
        assert_eq!(group.walk(&unlogged("2")).await, delivered(STRIDE as u64));
        assert_eq!(group.members.borrow().len(), STRIDE, "those who left are let go");
    }

    #[tokio::test]
    async fn is_abandoned_when_the_last_has_left_for_a_while() {
        let group = group();
        let member = join(&group);
        assert!(!group.is_abandoned(Duration::ZERO));
        leave(&group, &member);
        assert!(group.is_abandoned(Duration::ZERO));
        assert!(!group.is_abandoned(Duration::from_secs(60)));
    }

    #[tokio::test]
    async fn waits_for_the_brokers_word() {
        let group = group();
        let mut heard = Box::pin(group.heard());
        let mut open = Box::pin(group.open());
        assert!(
            futures_util::poll!(heard.as_mut()).is_pending()
                && futures_util::poll!(open.as_mut()).is_pending()
        );
        group.take_standing(Standing::Away);
        group.settle();
        assert!(
            futures_util::poll!(heard.as_mut()).is_ready() && futures_util::poll!(open.as_mut()).is_pending()
        );
        group.take_standing(Standing::Live(Some(at(3))));
        group.settle();
        assert!(futures_util::poll!(open.as_mut()).is_ready());
        assert_eq!(group.head(), Some(at(3)));
    }

    #[tokio::test]
    async fn the_head_moves_as_a_walk_begins() {
        let group = group();
        (0..=STRIDE).for_each(|_| _ = join(&group));
        let catching_up = group.catch_up();
        let batch = batch("a", EPOCH, 4..=5);
        let mut walk = Box::pin(group.walk(&batch));
        assert!(futures_util::poll!(walk.as_mut()).is_pending());
        assert_eq!(group.head(), Some(at(5)));
        assert_eq!(group.recent_after(at(4), usize::MAX).len(), 1);
        walk.await;
        drop(catching_up);
        assert!(group.recent_after(at(4), usize::MAX).is_empty(), "nobody needs it any more");
    }
}
