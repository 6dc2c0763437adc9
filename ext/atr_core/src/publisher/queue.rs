//! Holds the events that wait for the broker, within bounds.
//!
//! Events are numbered in the order they came. The worker takes them in that order, one batch at a time, and puts
//! back in front what has to be tried again; so "everything up to this one is settled" is one number.

use super::failure::PublishFailure;
use crate::event::Event;
use crate::position::Position;
use crate::sync::lock;
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::sync::{Notify, oneshot, watch};

/// What the one who published an event is told of it: its place in its scope's log, if that has one.
pub(super) type Answer = Result<Option<Position>, PublishFailure>;

/// An event that waits or is on its way.
#[derive(Debug)]
pub(super) struct Entry {
    /// Grows with each event.
    pub(super) number: u64,
    pub(super) event: Event,
    /// Who waits for the broker's answer, if anybody.
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// It was sent before, and nobody knows whether it arrived.
    pub(super) is_doubtful: bool,
}

impl Entry {
    /// Why it is not sent any more.
    pub(super) fn given_up(&self, reason: String) -> PublishFailure {
        if self.is_doubtful { PublishFailure::Unknown(reason) } else { PublishFailure::Refused(reason) }
    }
}

/// Why an event was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// The bounds are reached.
    Full,
    /// The publisher was closed.
    Closed,
}

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Notify,
    closed: watch::Sender<bool>,
    /// The number up to which every event is settled.
    settled: watch::Sender<u64>,
    max_events: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Entry>,
    /// The first event of the batch that is on its way.
    first_taken: Option<u64>,
    last_number: u64,
    /// Waiting and on their way: both take memory.
    events: usize,
    bytes: usize,
    closed: bool,
}

impl State {
    /// The number up to which every event is settled.
    fn settled(&self) -> u64 {
        let waiting = self.waiting.front().map(|entry| entry.number);
        let first = self.first_taken.into_iter().chain(waiting).min();
        first.map_or(self.last_number, |first| first - 1)
    }

    fn release(&mut self, entry: &Entry) {
        self.events -= 1;
        self.bytes -= entry.event.size();
    }
}

impl Queue {
    pub(super) fn new(max_events: usize, max_bytes: usize) -> Self {
        Self {
            state: Mutex::default(),
            filled: Notify::new(),
            closed: watch::Sender::new(false),
            settled: watch::Sender::new(0),
            max_events,
            max_bytes,
        }
    }

    /// Appends an event and answers its number. An event always fits into an empty queue.
    pub(super) fn push(
        &self,
        event: Event,
        answer: Option<oneshot::Sender<Answer>>,
    ) -> Result<u64, Rejected> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Rejected::Closed);
        }
        let bytes = state.bytes + event.size();
        if state.events > 0 && (state.events >= self.max_events || bytes > self.max_bytes) {
            return Err(Rejected::Full);
        }
        state.last_number += 1;
        state.events += 1;
        state.bytes = bytes;
        let number = state.last_number;
        let was_empty = state.waiting.is_empty();
        state.waiting.push_back(Entry { number, event, answer, is_doubtful: false });
        drop(state);
        if was_empty {
            self.filled.notify_one();
        }
        Ok(number)
    }

    /// Waits until an event waits. Cancel-safe.
    pub(super) async fn filled(&self) {
        while lock(&self.state).waiting.is_empty() {
            self.filled.notified().await;
        }
    }

    /// Takes the first events: one at least, if any waits.
    pub(super) fn take(&self, max_events: usize, max_bytes: usize) -> Vec<Entry> {
        let mut state = lock(&self.state);
        let (mut taken, mut bytes) = (vec![], 0);
        while let Some(entry) = state.waiting.front() {
            bytes += entry.event.size();
            if !taken.is_empty() && (taken.len() >= max_events || bytes > max_bytes) {
                break;
            }
            taken.extend(state.waiting.pop_front());
        }
        state.first_taken = taken.first().map(|entry| entry.number);
        taken
    }

    /// Ends the batch that was taken: `settled` leave the queue, `again` goes back to its front.
    pub(super) fn settle(&self, settled: &[Entry], again: Vec<Entry>) {
        let mut state = lock(&self.state);
        settled.iter().for_each(|entry| state.release(entry));
        again.into_iter().rev().for_each(|entry| state.waiting.push_front(entry));
        state.first_taken = None;
        self.settled.send_replace(state.settled());
    }

    /// Takes an event out again if it is not on its way yet, and never was.
    pub(super) fn withdraw(&self, number: u64) -> bool {
        let mut state = lock(&self.state);
        let index = state.waiting.partition_point(|entry| entry.number < number);
        if state.waiting.get(index).is_none_or(|entry| entry.number != number || entry.is_doubtful) {
            return false;
        }
        if let Some(entry) = state.waiting.remove(index) {
            state.release(&entry);
        }
        self.settled.send_replace(state.settled());
        true
    }

    /// Takes no more events.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.closed.send_replace(true);
    }

    /// Gives what waits, and how many more were on their way; nothing is left, and everything counts as settled.
    pub(super) fn abandon(&self) -> (Vec<Entry>, usize) {
        let mut state = lock(&self.state);
        let waiting = Vec::from(std::mem::take(&mut state.waiting));
        let taken = std::mem::take(&mut state.events) - waiting.len();
        (state.bytes, state.first_taken) = (0, None);
        self.settled.send_replace(state.settled());
        (waiting, taken)
    }

    /// Waits until the queue is closed. Cancel-safe.
    pub(super) async fn closed(&self) {
        // The sender is a field of this queue: it cannot be gone.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// The number of the last event that was taken in.
    pub(super) fn last_number(&self) -> u64 {
        lock(&self.state).last_number
    }

    /// Waits until every event up to this number is settled. Needs no runtime.
    pub(super) async fn settled(&self, number: u64) {
        let _ = self.settled.subscribe().wait_for(|settled| *settled >= number).await;
    }

    /// How many events wait or are on their way.
    pub(super) fn len(&self) -> usize {
        lock(&self.state).events
    }
}

#[cfg(test)]
mod tests;
