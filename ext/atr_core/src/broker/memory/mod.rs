//! The broker that is part of the server: publishers post their events to the admin port, and the logs of the scopes are
//! kept here.

mod log;
mod logs;
mod seen;

use super::{Accepted, Batch, Command, Context, Sink, Standing};
use crate::event::Event;
use crate::scope::Scope;
use logs::Logs;
use seen::Seen;
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

/// How often what is too old is let go; it is told to nobody long before.
const SWEEP_PERIOD: Duration = Duration::from_secs(60);

/// What a memory broker needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes that the logs of all scopes may take together.
    pub log_bytes: usize,
}

/// Carries events until every sender of commands is gone.
pub async fn run(options: Options, mut commands: mpsc::Receiver<Command>, sink: impl Sink, context: Context) {
    let mut memory = Memory::new(options, context);
    memory.context.reachable.set(true);
    memory.context.log.info("memory broker: publishers post events to the admin port");
    let mut sweep = interval(SWEEP_PERIOD);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(command) => memory.handle(command, &sink),
                None => break,
            },
            _ = sweep.tick() => memory.logs.sweep(),
        }
    }
    memory.context.reachable.set(false);
}

struct Memory {
    wanted: HashSet<Scope>,
    seen: Seen,
    logs: Logs,
    context: Context,
}

impl Memory {
    fn new(options: Options, context: Context) -> Self {
        let logs = Logs::new(options.log_bytes, context.retentions.clone());
        Self { wanted: HashSet::new(), seen: Seen::default(), logs, context }
    }

    fn handle(&mut self, command: Command, sink: &impl Sink) {
        // Who asked may have left meanwhile; that is no error.
        match command {
            Command::Subscribe { scope } => {
                if self.wanted.insert(scope.clone()) {
                    self.context.stats.scopes.add(1);
                }
                let head = self.logs.head(&scope);
                sink.tell(vec![(scope, Standing::Live(head))]);
            }
            Command::Unsubscribe { scope } => {
                if self.wanted.remove(&scope) {
                    self.context.stats.scopes.subtract(1);
                }
            }
            Command::Read(read) => {
                let page = self.logs.page(&read);
                let _ = read.reply.send(page);
            }
            Command::Heads { scopes, reply } => {
                let _ = reply.send(scopes.iter().map(|scope| self.logs.head(scope)).collect());
            }
            Command::Publish { batch, done } => {
                let _ = done.send(self.publish(batch, sink));
            }
        }
    }

    fn publish(&mut self, batch: Batch, sink: &impl Sink) -> Accepted {
        if let Some(positions) = self.seen.answer(&batch.publisher, batch.seq, batch.events.len()) {
            return Accepted { positions, repeated: true };
        }
        let (mut positions, mut messages) = (vec![], vec![]);
        for event in batch.events {
            if !self.accepts(&event) {
                positions.push(None);
                continue;
            }
            let scope = event.scope.clone();
            let message = self.logs.append(event);
            positions.push(message.position);
            if self.wanted.contains(&scope) {
                messages.push((scope, message));
            }
        }
        if !messages.is_empty() {
            sink.deliver(messages);
        }
        self.seen.remember(&batch.publisher, batch.seq, positions.clone());
        Accepted { positions, repeated: false }
    }

    fn accepts(&self, event: &Event) -> bool {
        self.context.stats.events_received.add(1);
        self.context.check(&event.json).map_err(|fault| self.context.drop_message(&fault)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::{Message, tests::context};
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
        Memory::new(Options { log_bytes: 1 << 20 }, context(100))
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

    fn offsets(accepted: &Accepted) -> Vec<Option<u64>> {
        accepted.positions.iter().map(|position| position.map(|position| position.offset)).collect()
    }

    #[test]
    fn delivers_only_what_is_wanted_and_keeps_the_rest_as_well() {
        let (mut memory, sink) = (memory(), Delivered::default());
        memory.handle(Command::Subscribe { scope: Scope::new("a").unwrap() }, &sink);
        let accepted = memory.publish(batch(1, &[("a", "[1]"), ("b", "[2]"), ("a", "[3]")]), &sink);
        assert_eq!(offsets(&accepted), [Some(1), Some(1), Some(2)]);
        memory.handle(Command::Unsubscribe { scope: Scope::new("a").unwrap() }, &sink);
        assert_eq!(offsets(&memory.publish(batch(2, &[("a", "[4]")]), &sink)), [Some(3)]);

        assert_eq!(*sink.0.borrow(), [("a".to_owned(), "[1]".into()), ("a".to_owned(), "[3]".into())]);
        assert_eq!(memory.context.stats.scopes.get(), 0);
    }

    #[test]
    fn a_batch_that_comes_again_is_answered_as_before_and_not_delivered_again() {
        let (mut memory, sink) = (memory(), Delivered::default());
        memory.wanted.insert(Scope::new("").unwrap());
        let first = memory.publish(batch(1, &[("", "[1]")]), &sink);
        let again = memory.publish(batch(1, &[("", "[1]")]), &sink);
        assert_eq!((first.repeated, again.repeated), (false, true));
        assert_eq!(first.positions, again.positions);
        assert_eq!(offsets(&memory.publish(batch(2, &[("", "[2]")]), &sink)), [Some(2)]);
        assert!(memory.publish(batch(1, &[("", "[1]")]), &sink).repeated);
        assert_eq!(sink.0.borrow().len(), 2);
    }

    #[test]
    fn what_no_browser_could_use_is_in_no_log() {
        let (mut memory, sink) = (memory(), Delivered::default());
        memory.wanted.insert(Scope::new("").unwrap());
        let accepted = memory.publish(batch(1, &[("", "[1]"), ("", "no json"), ("", "[2]")]), &sink);
        assert_eq!(offsets(&accepted), [Some(1), None, Some(2)]);
        assert_eq!((sink.0.borrow().len(), memory.context.stats.events_invalid.get()), (2, 1));
    }
}
