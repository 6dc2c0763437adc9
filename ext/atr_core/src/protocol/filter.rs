//! Which events a client of `atr.v1` wants, by name.

use super::atr_v1;
use crate::batch::Batch;
use crate::frame::Frames;
use crate::pattern::Pattern;
use crate::position::Position;
use crate::protocol::Protocol;
use crate::scope::Scope;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

/// The names that a client wants. What is held back counts as seen: the client hears with the next ping where it stands.
#[derive(Debug)]
pub(crate) struct Filter {
    patterns: Box<[Pattern]>,
    /// Positions of which the client knows nothing yet, by scope.
    unseen: RefCell<Vec<(Scope, Position)>>,
}

impl Filter {
    /// Events whose name one of the patterns stands for.
    pub(crate) fn new(patterns: Box<[Pattern]>) -> Self {
        Self { patterns, unseen: RefCell::default() }
    }

    /// The parts of the batch's frames that the client wants.
    pub(crate) fn wanted(&self, batch: &Batch) -> impl Iterator<Item = Range<usize>> + use<> {
        let frames = batch.frames(Protocol::AtrV1);
        let mut wanted: Vec<Range<usize>> = vec![];
        for (index, event) in batch.events().iter().enumerate() {
            if !self.patterns.iter().any(|pattern| pattern.matches(&event.name)) {
                continue;
            }
            let (start, end) = (frames.start_of(index), frames.start_of(index + 1));
            match wanted.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => wanted.push(start..end),
            }
        }
        self.note(batch, wanted.last().is_some_and(|last| last.end == frames.bytes().len()));
        wanted.into_iter()
    }

    fn note(&self, batch: &Batch, is_last_sent: bool) {
        let Some(position) = batch.last() else { return };
        self.forget(batch.scope());
        if !is_last_sent {
            self.unseen.borrow_mut().push((batch.scope().clone(), position));
        }
    }

    /// The client is told by other means where it stands in a scope.
    pub(crate) fn forget(&self, scope: &Scope) {
        self.unseen.borrow_mut().retain(|(other, _)| other != scope);
    }

    /// A ping that says what was held back since the last one.
    pub(crate) fn ping(&self) -> Arc<Frames> {
        let unseen = self.unseen.take();
        if unseen.is_empty() { atr_v1::ping() } else { Frames::of_text(&atr_v1::ping_with(&unseen)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Message;
    use bytes::Bytes;
    use serde_json::{Value, json};

    fn filter(patterns: &[&str]) -> Filter {
        Filter::new(patterns.iter().map(|pattern| Pattern::new(pattern).unwrap()).collect())
    }

    /// A batch of events with these names, the first of them at offset 1; at 0 they are in no log.
    fn batch(scope: &str, first: u64, names: &[&str]) -> Arc<Batch> {
        let message = |(offset, name): (u64, &&str)| Message {
            position: (first > 0).then(|| format!("00000000000000aa:{offset}").parse().unwrap()),
            name: (*name).into(),
            json: Bytes::from(format!("\"{name}\"")),
        };
        Batch::new(Scope::new(scope).unwrap(), (first..).zip(names).map(message).collect())
    }

    /// The positions that a ping brings, `null` when it brings none.
    fn pinged(filter: &Filter) -> Value {
        let ping = filter.ping();
        let mut ping: Value = serde_json::from_slice(&ping.bytes()[2..]).unwrap();
        assert_eq!(ping["type"], "ping");
        ping["positions"].take()
    }

    /// The indices of the first and last event of each part.
    fn parts(filter: &Filter, batch: &Batch) -> Vec<(usize, usize)> {
        let frames = batch.frames(Protocol::AtrV1);
        let index = |position| (0..=batch.len()).find(|&index| frames.start_of(index) == position).unwrap();
        filter.wanted(batch).map(|range| (index(range.start), index(range.end) - 1)).collect()
    }

    #[test]
    fn lets_whole_frames_through_and_joins_those_that_follow_each_other() {
        let names = ["post.created", "comment.created", "post.updated", "post.destroyed", "user.created"];
        let batch = batch("a", 1, &names);
        assert_eq!(parts(&filter(&["post.*", "user.created"]), &batch), [(0, 0), (2, 4)]);
        assert_eq!(parts(&filter(&["*"]), &batch), [(0, 4)]);
        assert_eq!(parts(&filter(&["comment.created"]), &batch), [(1, 1)]);
        assert_eq!(parts(&filter(&[]), &batch), []);
    }

    #[test]
    fn the_next_ping_says_what_was_held_back_and_the_one_after_it_does_not() {
        let filter = filter(&["post.*"]);
        assert_eq!(parts(&filter, &batch("a", 1, &["post.created", "comment.created"])), [(0, 0)]);
        assert_eq!(parts(&filter, &batch("b", 7, &["comment.created"])), []);
        assert_eq!(parts(&filter, &batch("b", 8, &["comment.updated"])), []);
        assert_eq!(pinged(&filter), json!({ "a": "00000000000000aa:2", "b": "00000000000000aa:8" }));
        assert_eq!(pinged(&filter), Value::Null);
    }

    #[test]
    fn an_event_that_is_sent_says_more_than_a_ping_could() {
        let filter = filter(&["post.*"]);
        assert_eq!(parts(&filter, &batch("a", 1, &["comment.created"])), []);
        assert_eq!(parts(&filter, &batch("a", 2, &["comment.created", "post.created"])), [(1, 1)]);
        assert_eq!(pinged(&filter), Value::Null);
    }

    #[test]
    fn no_ping_takes_a_reset_back() {
        let filter = filter(&["post.*"]);
        assert_eq!(parts(&filter, &batch("a", 1, &["comment.created"])), []);
        assert_eq!(parts(&filter, &batch("b", 7, &["comment.created"])), []);
        filter.forget(&Scope::new("a").unwrap());
        assert_eq!(pinged(&filter), json!({ "b": "00000000000000aa:7" }));
    }

    #[test]
    fn what_is_in_no_log_has_nothing_to_say_later() {
        let filter = filter(&["post.*"]);
        assert_eq!(parts(&filter, &batch("a", 0, &["comment.created"])), []);
        assert_eq!(pinged(&filter), Value::Null);
    }
}
