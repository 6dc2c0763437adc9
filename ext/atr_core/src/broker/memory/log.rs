//! One scope's log in memory.

use crate::broker::{Message, Page, page};
use crate::position::{Epoch, Position};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// The last events of a scope, and where it stands.
#[derive(Debug)]
pub(super) struct ScopeLog {
    /// The position of the last event that there was.
    head: Position,
    /// The last of the events up to there, without a gap.
    events: VecDeque<Message>,
    /// When the last event came.
    published_at: Instant,
    /// When it was last of use to anybody.
    used_at: Instant,
}

impl ScopeLog {
    /// A log that begins.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            head: Position::new(Epoch::random(), 0),
            events: VecDeque::new(),
            published_at: now,
            used_at: now,
        }
    }

    /// Where it ends.
    pub(super) fn head(&mut self) -> Position {
        self.used_at = Instant::now();
        self.head
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Appends an event.
    pub(super) fn append(&mut self, name: &str, json: Bytes) -> &Message {
        let now = Instant::now();
        (self.published_at, self.used_at) = (now, now);
        self.head = self.head.plus(1);
        self.events.push_back(Message { position: Some(self.head), name: name.into(), json });
        &self.events[self.events.len() - 1]
    }

    /// Takes out the oldest event.
    pub(super) fn shed(&mut self) -> Option<Message> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
        event
    }

    /// Whether its last event is older than that.
    pub(super) fn is_expired(&self, ttl: Duration) -> bool {
        self.published_at.elapsed() >= ttl
    }

    /// Whether it was of use to nobody for so long.
    pub(super) fn is_idle(&self, ttl: Duration) -> bool {
        self.used_at.elapsed() >= ttl
    }

    /// What follows a position, up to an offset if there is one.
    pub(super) fn page(&mut self, after: Position, upto: Option<u64>) -> Page {
        let head = self.head();
        let first = head.offset - self.events.len() as u64;
        let upto = upto.unwrap_or(head.offset).min(head.offset);
        if after.epoch != head.epoch || after.offset > head.offset {
            return Page::Reset { head: Some(head) };
        }
        if upto <= after.offset {
            return Page::Events { head, events: vec![] };
        }
        if after.offset < first {
            return Page::Reset { head: Some(head) };
        }
        let (from, to) = ((after.offset - first) as usize, (upto - first) as usize);
        let mut bytes = 0;
        let fits = |event: &&Message| {
            let is_first = bytes == 0;
            bytes += size_of(event);
            is_first || bytes <= page::MAX_BYTES
        };
        let events = self.events.range(from..to).take(page::MAX_EVENTS).take_while(fits).cloned().collect();
        Page::Events { head, events }
    }
}

/// About how many bytes an event takes in a log.
pub(super) fn size_of(event: &Message) -> usize {
    std::mem::size_of::<Message>() + event.name.len() + event.json.len()
}
