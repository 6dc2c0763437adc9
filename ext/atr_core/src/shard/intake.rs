//! Hands on what comes of scopes: from the broker, and from their logs.

use super::{Notice, Parcel, Shard};
use crate::broker::Standing;
use crate::group::{Delivered, Group};
use crate::position::Position;
use crate::router::{Interest, Recovered};
use crate::scope::Scope;
use crate::track::Step;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::spawn_local;

/// How soon the log is asked again when the broker was out of reach and says nothing of it.
const REREAD_DELAY: Duration = Duration::from_millis(100);

/// What a task of the shard has found out of a scope.
pub(super) enum Finding {
    /// What its log has behind a position; `None` without an answer.
    Page { after: Position, page: Option<Recovered> },
    /// That its log goes up to here at least.
    Head(Position),
}

impl Shard {
    pub(super) async fn take_parcel(self: &Rc<Self>, parcel: &Parcel) {
        for notice in &parcel.notices {
            let Some(group) = self.group(notice.scope()) else { continue };
            let steps = match notice {
                Notice::Batch(batch) => group.take_batch(batch),
                Notice::Standing(_, standing) => group.take_standing(*standing),
            };
            self.perform(&group, steps).await;
        }
    }

    pub(super) async fn take_finding(self: &Rc<Self>, scope: &Scope, finding: Finding) {
        let Some(group) = self.group(scope) else { return };
        let steps = match finding {
            Finding::Page { after, page } => group.take_page(after, page),
            Finding::Head(end) => group.take_standing(Standing::Live(Some(end))),
        };
        self.perform(&group, steps).await;
    }

    /// Has a scope go on to a position that somebody has seen already.
    pub(crate) fn tell_head(&self, scope: &Scope, end: Position) {
        // The shard has ended otherwise.
        let _ = self.findings.send((scope.clone(), Finding::Head(end)));
    }

    /// Does what a scope's track says, in order.
    async fn perform(self: &Rc<Self>, group: &Rc<Group>, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Send(batch) => {
                    let delivered = group.walk(&batch).await;
                    self.stats.events_delivered.add(delivered.connections * batch.len() as u64);
                    self.tell_cut_off(&delivered);
                }
                Step::Reset(head) => {
                    self.stats.resets.add(1);
                    self.tell_cut_off(&group.reset(head).await);
                }
                Step::Read(after) => self.read_for(group, after),
            }
        }
        group.settle();
    }

    fn tell_cut_off(&self, delivered: &Delivered) {
        if delivered.cut_off > 0 {
            self.stats.slow_clients.add(delivered.cut_off);
            self.log.warn_repeated("slow", delivered.cut_off, |count| {
                format!("{count} clients were cut off (4008): they did not read, and outbox_bytes is reached")
            });
        }
    }

    /// Has a part of a log read; the answer comes to [`Shard::take_answer`].
    fn read_for(self: &Rc<Self>, group: &Rc<Group>, after: Position) {
        let (shard, scope) = (Rc::clone(self), group.scope().clone());
        spawn_local(async move {
            let page = shard.read(&scope, after, None).await;
            if page.is_none() {
                tokio::time::sleep(REREAD_DELAY).await;
            }
            // The shard has ended otherwise.
            let _ = shard.findings.send((scope, Finding::Page { after, page }));
        });
    }

    /// A part of a scope's log; `None` when the broker is out of reach.
    pub(crate) async fn read(&self, scope: &Scope, after: Position, upto: Option<u64>) -> Option<Recovered> {
        let (reply, answer) = oneshot::channel();
        let question = Interest::Read { scope: scope.clone(), after, upto, reply };
        self.interests.send(question).await.ok()?;
        answer.await.ok()
    }
}
