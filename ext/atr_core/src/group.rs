//! The connections of one scope on one shard, and the walk that writes a batch to all of them.

use crate::connection::{Connection, Sent};
use crate::frame::Batch;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

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

/// The connections of one scope on one shard.
#[derive(Debug)]
pub(crate) struct Group {
    members: RefCell<Vec<Rc<Connection>>>,
    /// Who joined while a walk was under way: a batch goes to those who were there when it came.
    joining: RefCell<Vec<Rc<Connection>>>,
    walking: Cell<bool>,
    /// How many are here. Those who have left still stand in `members` for a while: finding each would be a search.
    present: Cell<usize>,
    empty_since: Cell<Instant>,
    subscription: RefCell<Subscription>,
}

/// Whether the broker delivers the scope.
#[derive(Debug)]
enum Subscription {
    /// It was asked to; these wait until it does.
    Asked(Vec<oneshot::Sender<()>>),
    /// It does, or will by itself as soon as it can.
    Settled,
}

impl Group {
    pub(crate) fn new() -> Self {
        Self {
            members: RefCell::default(),
            joining: RefCell::default(),
            walking: Cell::new(false),
            present: Cell::new(0),
            empty_since: Cell::new(Instant::now()),
            subscription: RefCell::new(Subscription::Asked(vec![])),
        }
    }

    /// Adds a connection.
    pub(crate) fn join(&self, connection: Rc<Connection>) {
        let joined = if self.walking.get() { &self.joining } else { &self.members };
        joined.borrow_mut().push(connection);
        self.present.set(self.present.get() + 1);
    }

    /// Notes that a connection, which is not open any more, has left.
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

    /// Writes a batch to every connection that is here now.
    pub(crate) async fn walk(&self, batch: &Arc<Batch>) -> Delivered {
        let mut delivered = Delivered::default();
        let mut start = 0;
        self.walking.set(true);
        loop {
            let more = {
                let members = self.members.borrow();
                let end = members.len().min(start + STRIDE);
                for member in &members[start..end] {
                    match member.deliver(batch) {
                        Sent::Yes => delivered.connections += 1,
                        Sent::CutOff => delivered.cut_off += 1,
                        Sent::No => {}
                    }
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
        self.members.borrow_mut().append(&mut self.joining.borrow_mut());
        self.forget_departed();
        delivered
    }

    /// Waits until the broker delivers the scope, or has been found out of reach.
    pub(crate) fn subscribed(&self) -> Option<oneshot::Receiver<()>> {
        match &mut *self.subscription.borrow_mut() {
            Subscription::Asked(waiters) => {
                let (waiter, waiting) = oneshot::channel();
                waiters.push(waiter);
                Some(waiting)
            }
            Subscription::Settled => None,
        }
    }

    /// Lets everybody go on who waits for the subscription.
    pub(crate) fn settle_subscription(&self) {
        // Dropping the senders wakes the receivers, which do not care for a value.
        self.subscription.replace(Subscription::Settled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Ending;

    fn connection() -> Rc<Connection> {
        Rc::new(Connection::new(Box::new([]), 1 << 20))
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
        let group = Group::new();
        let members: Vec<_> = (0..600).map(|_| connection()).collect();
        members.iter().for_each(|member| group.join(Rc::clone(member)));
        members.iter().step_by(2).for_each(|member| leave(&group, member));
        assert_eq!(group.walk(&Batch::ping()).await, delivered(300));
        assert_eq!(group.present.get(), 300);
    }

    #[tokio::test]
    async fn who_joins_or_leaves_during_a_walk_disturbs_nobody() {
        let group = Group::new();
        let members: Vec<_> = (0..STRIDE * 2).map(|_| connection()).collect();
        members.iter().for_each(|member| group.join(Rc::clone(member)));
        let batch = Batch::ping();
        let mut walk = Box::pin(group.walk(&batch));
        assert!(futures_util::poll!(walk.as_mut()).is_pending());
        group.join(connection());
        members[..STRIDE].iter().for_each(|member| leave(&group, member));
        leave(&group, &members[STRIDE]);
        assert_eq!(walk.await, delivered(STRIDE as u64 * 2 - 1));
        assert_eq!(group.walk(&Batch::ping()).await, delivered(STRIDE as u64));
    }

    #[tokio::test]
    async fn a_group_is_abandoned_after_its_grace() {
        let group = Group::new();
        assert!(group.is_abandoned(Duration::ZERO));
        let member = connection();
        group.join(Rc::clone(&member));
        assert!(!group.is_abandoned(Duration::ZERO));
        leave(&group, &member);
        assert!(group.is_abandoned(Duration::ZERO));
        assert!(!group.is_abandoned(Duration::from_secs(60)));
    }

    #[tokio::test]
    async fn everybody_waits_for_one_subscription() {
        let group = Group::new();
        let (first, second) = (group.subscribed().unwrap(), group.subscribed().unwrap());
        group.settle_subscription();
        assert!(first.await.is_err() && second.await.is_err());
        assert!(group.subscribed().is_none());
    }
}
