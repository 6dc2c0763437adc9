//! The broker that is part of the server: publishers post their events to the admin port.
//!
//! It keeps nothing but the last batch number of each publisher, so that a batch whose answer was lost can be
//! sent again without being delivered twice.

use super::{Accepted, Batch, Command, Context, Message, Page, Sink, Standing};
use crate::event::Event;
use crate::scope::Scope;
use std::collections::{HashMap, HashSet};
use tokio::sync::mpsc;

/// Publishers that are remembered: far more than processes that publish to one server without a Redis.
const MAX_PUBLISHERS: usize = 4096;

/// Carries events until every sender of commands is gone.
pub async fn run(mut commands: mpsc::Receiver<Command>, sink: impl Sink, context: Context) {
    let mut memory = Memory { wanted: HashSet::new(), seen: Seen::new(MAX_PUBLISHERS), context };
    memory.context.reachable.set(true);
    memory.context.log.info("memory broker: publishers post events to the admin port");
    while let Some(command) = commands.recv().await {
        memory.handle(command, &sink);
    }
    memory.context.reachable.set(false);
}

struct Memory {
    wanted: HashSet<Scope>,
    seen: Seen,
    context: Context,
}

impl Memory {
    fn handle(&mut self, command: Command, sink: &impl Sink) {
        match command {
            Command::Subscribe { scope } => {
                if self.wanted.insert(scope.clone()) {
                    self.context.stats.scopes.add(1);
                }
                sink.tell(vec![(scope, Standing::Live(None))]);
            }
            Command::Unsubscribe { scope } => {
                if self.wanted.remove(&scope) {
                    self.context.stats.scopes.subtract(1);
                }
            }
            Command::Read(read) => _ = read.reply.send(Page::Reset { head: None }),
            Command::Heads { scopes, reply } => _ = reply.send(vec![None; scopes.len()]),
            Command::Publish { batch, done } => {
                let _ = done.send(self.publish(batch, sink));
            }
        }
    }

    fn publish(&mut self, batch: Batch, sink: &impl Sink) -> Accepted {
        if !self.seen.is_new(&batch.publisher, batch.seq) {
            return Accepted { positions: vec![None; batch.events.len()], repeated: true };
        }
        let accepted = Accepted { positions: vec![None; batch.events.len()], repeated: false };
        let message = |event: Event| {
            (event.scope, Message { position: None, name: event.name.into(), json: event.json })
        };
        let messages: Vec<_> =
            batch.events.into_iter().filter(|event| self.accepts(event)).map(message).collect();
        if !messages.is_empty() {
            sink.deliver(messages);
        }
        accepted
    }

    fn accepts(&self, event: &Event) -> bool {
        self.wanted.contains(&event.scope) && self.context.accepts(&event.json)
    }
}

/// The last batch of each publisher. When there are too many, the one that was silent longest is forgotten: it
/// can hardly be waiting for an answer.
struct Seen {
    last: HashMap<String, Last>,
    capacity: usize,
    clock: u64,
}

struct Last {
    seq: u64,
    at: u64,
}

impl Seen {
    fn new(capacity: usize) -> Self {
        Self { last: HashMap::new(), capacity, clock: 0 }
    }

    /// Whether this batch was not there before; remembers it.
    fn is_new(&mut self, publisher: &str, seq: u64) -> bool {
        self.clock += 1;
        let at = self.clock;
        if let Some(last) = self.last.get_mut(publisher) {
            last.at = at;
            let is_new = seq > last.seq;
            last.seq = last.seq.max(seq);
            return is_new;
        }
        if self.last.len() >= self.capacity {
            self.forget_oldest();
        }
        self.last.insert(publisher.to_owned(), Last { seq, at });
        true
    }

    fn forget_oldest(&mut self) {
        if let Some(name) = self.last.iter().min_by_key(|(_, last)| last.at).map(|(name, _)| name.clone()) {
            self.last.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Reachable;
    use bytes::Bytes;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[derive(Default, Clone)]
    struct Delivered(Rc<RefCell<Vec<(String, Bytes)>>>);

    impl Sink for Delivered {
        fn deliver(&self, messages: Vec<(Scope, Message)>) {
            let messages = messages.into_iter().map(|(scope, message)| (scope.as_str().into(), message.json));
            self.0.borrow_mut().extend(messages);
        }

        fn tell(&self, _: Vec<(Scope, Standing)>) {}
    }

    fn memory() -> Memory {
        let context = Context {
            log: Default::default(),
            stats: Default::default(),
            reachable: Reachable::default(),
            max_event_bytes: 100,
            retentions: crate::retention::Retentions::all(crate::retention::Retention::NONE),
        };
        Memory { wanted: HashSet::new(), seen: Seen::new(2), context }
    }

    fn batch(seq: u64, events: &[(&str, &str)]) -> Batch {
        let events = events.iter().map(|(scope, json)| Event {
            id: "1".into(),
            scope: Scope::new(scope).unwrap(),
            name: "post.created".into(),
            routing_key: "post.created".into(),
            json: Bytes::copy_from_slice(json.as_bytes()),
        });
        Batch { publisher: "p".into(), seq, events: events.collect() }
    }

    #[test]
    fn delivers_only_what_is_wanted() {
        let (mut memory, sink) = (memory(), Delivered::default());
        memory.handle(Command::Subscribe { scope: Scope::new("a").unwrap() }, &sink);
        assert!(!memory.publish(batch(1, &[("a", "[1]"), ("b", "[2]"), ("a", "[3]")]), &sink).repeated);
        memory.handle(Command::Unsubscribe { scope: Scope::new("a").unwrap() }, &sink);
        assert!(!memory.publish(batch(2, &[("a", "[4]")]), &sink).repeated);

        assert_eq!(*sink.0.borrow(), [("a".to_owned(), "[1]".into()), ("a".to_owned(), "[3]".into())]);
        assert_eq!(memory.context.stats.scopes.get(), 0);
    }

    #[test]
    fn a_batch_that_comes_again_is_not_delivered_again() {
        let (mut memory, sink) = (memory(), Delivered::default());
        memory.wanted.insert(Scope::new("").unwrap());
        assert!(!memory.publish(batch(1, &[("", "[1]")]), &sink).repeated);
        assert!(memory.publish(batch(1, &[("", "[1]")]), &sink).repeated);
        assert!(!memory.publish(batch(2, &[("", "[2]")]), &sink).repeated);
        assert!(memory.publish(batch(1, &[("", "[1]")]), &sink).repeated);
        assert_eq!(sink.0.borrow().len(), 2);
    }

    #[test]
    fn forgets_the_publisher_that_was_silent_longest() {
        let mut seen = Seen::new(2);
        assert!(seen.is_new("a", 5));
        assert!(seen.is_new("b", 5));
        assert!(!seen.is_new("a", 5));
        assert!(seen.is_new("c", 1));
        assert!(!seen.is_new("a", 5));
        assert!(seen.is_new("b", 5), "it was forgotten");
    }
}
