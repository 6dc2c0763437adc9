//! What a worker asks of the way to a broker.

use super::failure::PublishFailure;
use super::question::Heads;
use super::queue::Entry;
use crate::position::Position;
use crate::scope::Scope;
use std::fmt::Display;

/// The way to a broker. Shown, it says where that is; reasons need not repeat it.
pub(super) trait Sink: Display {
    /// Events of a batch at most.
    const MAX_EVENTS: usize;
    /// Bytes of a batch at most, unless a single event is larger.
    const MAX_BYTES: usize;

    /// Makes sure that there is a connection that answers. Cancel-safe.
    async fn ready(&mut self) -> Result<(), Unavailable>;

    /// Sends a batch and says of each event what became of it. Ends within a few deadlines.
    async fn send(&mut self, batch: &[Entry]) -> Vec<Outcome>;

    /// Asks where the logs of these scopes end. Ends within a few deadlines.
    async fn heads(&mut self, scopes: &[Scope]) -> Heads;

    /// Waits, while there is nothing to send, until the other side has closed the connection, and lets it go.
    /// Cancel-safe.
    async fn watch_idle(&mut self);
}

/// Why nothing can be sent now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unavailable {
    /// Nothing is wrong, but nobody is there to hear of events: they are let go.
    #[error("{0}")]
    NobodyListens(String),
    /// Events wait until this is over.
    #[error("{0}")]
    Failed(String),
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The broker has it, at this place of its scope's log if that has one.
    Published(Option<Position>),
    /// The broker does not have it, for this reason, and may take it a little later.
    Again(String),
    /// Nobody knows, for this reason, whether the broker has it. It may be sent again: the broker knows it by its id then.
    Unanswered(String),
    /// It will not be sent again.
    Failed(PublishFailure),
}

/// Gives up what cannot be tried again without breaking the order of its scope: a later event of the same scope
/// is published, or may be.
pub(super) fn keep_order(batch: &[Entry], outcomes: &mut [Outcome]) {
    let mut passed = std::collections::HashSet::new();
    for (entry, outcome) in batch.iter().zip(outcomes).rev() {
        match outcome {
            Outcome::Published(_) | Outcome::Unanswered(_) | Outcome::Failed(PublishFailure::Unknown(_)) => {
                passed.insert(&entry.event.scope);
            }
            Outcome::Again(reason) if passed.contains(&entry.event.scope) => {
                *outcome = Outcome::Failed(entry.given_up(std::mem::take(reason)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::queue::Queue;
    use crate::publisher::tests::test_event;
    use crate::scope::Scope;

    #[test]
    fn an_event_is_not_sent_behind_a_later_one_of_its_scope() {
        let queue = Queue::new(10, usize::MAX);
        for scope in ["a", "b", "a", "c", "c", "b"] {
            let event = crate::event::Event { scope: Scope::new(scope).unwrap(), ..test_event("1") };
            queue.push(event, None).unwrap();
        }
        let batch = queue.take(10, usize::MAX);
        let again = || Outcome::Again("BUSY".into());
        let unknown = || Outcome::Failed(PublishFailure::Unknown("gone".into()));
        let mut outcomes = vec![again(), again(), Outcome::Published(None), again(), unknown(), again()];
        keep_order(&batch, &mut outcomes);
        let given_up = Outcome::Failed(PublishFailure::Refused("BUSY".into()));
        assert_eq!(
            outcomes,
            [given_up.clone(), again(), Outcome::Published(None), given_up, unknown(), again()]
        );
    }
}
