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
        let mut unseen = self.unseen.borrow_mut();
        unseen.retain(|(scope, _)| scope != batch.scope());
        if !is_last_sent {
            unseen.push((batch.scope().clone(), position));
        }
    }

    /// A ping that says what was held back since the last one.
    pub(crate) fn ping(&self) -> Arc<Frames> {
        let unseen = self.unseen.take();
        if unseen.is_empty() { atr_v1::ping() } else { Frames::of_text(&atr_v1::ping_with(&unseen)) }
    }
}
