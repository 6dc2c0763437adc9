//! Follows a scope's positions on one shard: what comes is handed on in order, once, and without a hole.
//!
//! Plain decisions, no I/O. The subscription is never trusted: messages may be missing, come again or come too early,
//! and a hole is filled from the log before anything behind it goes on. What cannot be filled is told as a reset.

use crate::batch::Batch;
use crate::broker::Standing;
use crate::position::Position;
use crate::router::Recovered;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes that may wait behind a hole; what is let go beyond it is read from the log, too.
const MAX_WAITING_BYTES: usize = 1024 * 1024;

/// What is to be done next, in this order.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Everybody who is in the scope gets it.
    Send(Arc<Batch>),
    /// Everybody is told that events before this position may be missing.
    Reset(Option<Position>),
    /// The log behind this position is wanted. The answer is for [`Track::take_page`].
    Read(Position),
}

/// Where a scope is on this shard.
#[derive(Debug, Default)]
pub(crate) struct Track {
    /// The last position that was handed on; `None` before the first, or when there is no log.
    head: Option<Position>,
    state: State,
    /// What came while it could not be handed on.
    waiting: VecDeque<Arc<Batch>>,
    waiting_bytes: usize,
    /// Positions up to here are known to exist: it is not caught up before it has been there.
    target: Option<Position>,
    /// What [`Track::target`] was when the log was asked first.
    asked: Option<Position>,
    /// How often in a row the log had nothing more.
    empty_pages: u8,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The broker has not said yet where the scope stands, or is out of reach.
    #[default]
    Suspended,
    /// What comes is handed on.
    Flowing,
    /// A part of the log has been asked for.
    Reading,
}

impl Track {
    /// The last position that was handed on.
    pub(crate) fn head(&self) -> Option<Position> {
        self.head
    }

    /// Whether nothing is known to be missing.
    pub(crate) fn is_flowing(&self) -> bool {
        self.state == State::Flowing
    }

    /// Takes events from the subscription.
    pub(crate) fn take_batch(&mut self, batch: Arc<Batch>) -> Vec<Step> {
        let mut steps = vec![];
        if batch.first().is_none() {
            // It is in no log: there is no order to keep it in.
            steps.push(Step::Send(batch));
        } else if self.is_flowing() {
            self.follow(batch, &mut steps);
        } else {
            self.wait(batch);
        }
        steps
    }

    /// Takes the broker's news.
    pub(crate) fn take_standing(&mut self, standing: Standing) -> Vec<Step> {
        let mut steps = vec![];
        match (standing, self.state) {
            (Standing::Away, _) => {
                self.state = State::Suspended;
                // What waits may be of another log than the one that comes back; what is in that one comes from there.
                self.forget_waiting();
            }
            (Standing::Live(None), State::Suspended) => match self.head {
                Some(_) => self.start_anew(None, &mut steps),
                None => self.flow(&mut steps),
            },
            (Standing::Live(None), _) => {}
            (Standing::Live(Some(end)), State::Reading) => self.aim(end),
            (Standing::Live(Some(end)), state) => match self.head {
                None => {
                    self.head = Some(end);
                    self.flow(&mut steps);
                }
                // Whether the one leads to the other, only the log can say.
                Some(head) if state == State::Suspended && head != end => {
                    self.aim(end);
                    self.read(head, &mut steps);
                }
                Some(_) => {
                    self.aim(end);
                    self.flow(&mut steps);
                }
            },
        }
        steps
    }

    /// Takes the part of the log behind `after` that was asked for; `None` when there is no answer, and the question
    /// stands unless the broker is known to be out of reach.
    pub(crate) fn take_page(&mut self, after: Position, page: Option<Recovered>) -> Vec<Step> {
        let mut steps = vec![];
        if self.state != State::Reading || self.head != Some(after) {
            // The broker was lost meanwhile, and the question, if it still stands, was asked again.
            return steps;
        }
        match page {
            None => self.read(after, &mut steps),
            Some(Recovered::Reset { head }) => self.start_anew(head, &mut steps),
            Some(Recovered::Events { head: end, events }) => {
                // The log may have another epoch by now, of whose past everything up to here is a part.
                let here = Position { epoch: end.epoch, ..after };
                self.head = Some(events.as_ref().and_then(|events| events.last()).unwrap_or(here));
                match events {
                    None if end.epoch == after.epoch => self.doubt(),
                    _ => self.empty_pages = 0,
                }
                steps.extend(events.map(Step::Send));
                if self.target.is_none_or(|target| target.epoch != end.epoch) {
                    self.target = Some(end);
                }
                self.flow(&mut steps);
            }
        }
        steps
    }

    /// The log does not have what made it be read. Another shard's question may have been answered, which was older
    /// than what came here; the second time it is clear that somebody else has sent it, or that the log has begun anew.
    fn doubt(&mut self) {
        self.empty_pages += 1;
        if self.empty_pages < 2 {
            return;
        }
        self.empty_pages = 0;
        if self.target == self.asked {
            self.target = None;
        }
        // If it is in the log after all, it comes from there.
        let follows = |batch: &Arc<Batch>| self.head.map(|head| head.plus(1)) == batch.first();
        if !self.waiting.front().is_none_or(follows)
            && let Some(batch) = self.waiting.pop_front()
        {
            self.waiting_bytes -= batch.size();
        }
    }

    fn start_anew(&mut self, head: Option<Position>, steps: &mut Vec<Step>) {
        self.head = head;
        self.target = None;
        steps.push(Step::Reset(head));
        self.flow(steps);
    }

    /// Keeps a batch until what is before it is there.
    fn wait(&mut self, batch: Arc<Batch>) {
        if let Some(last) = batch.last() {
            self.aim(last);
        }
        self.waiting_bytes += batch.size();
        self.waiting.push_back(batch);
        if self.waiting_bytes > MAX_WAITING_BYTES {
            // The log has them, too.
            self.forget_waiting();
        }
    }

    fn forget_waiting(&mut self) {
        self.waiting = VecDeque::new();
        self.waiting_bytes = 0;
    }

    /// Notes that the log goes up to here at least.
    fn aim(&mut self, end: Position) {
        match self.target {
            Some(target) if target.epoch == end.epoch && target.offset >= end.offset => {}
            _ => self.target = Some(end),
        }
    }

    /// Hands on what waits and follows, and goes on reading when something is missing.
    fn flow(&mut self, steps: &mut Vec<Step>) {
        self.state = State::Flowing;
        while self.is_flowing() {
            let Some(batch) = self.waiting.pop_front() else { break };
            self.waiting_bytes -= batch.size();
            self.follow(batch, steps);
        }
        if self.is_flowing()
            && let (Some(head), Some(target)) = (self.head, self.target.take())
            && (head.epoch != target.epoch || head.offset < target.offset)
        {
            self.target = Some(target);
            self.read(head, steps);
        }
    }

    fn follow(&mut self, batch: Arc<Batch>, steps: &mut Vec<Step>) {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return };
        let Some(head) = self.head else {
            // The log could not be read when it was asked for, and there it is.
            self.head = Some(last);
            steps.push(Step::Send(batch));
            return;
        };
        // A log that begins anew under an unbroken subscription: everything before it has come.
        let begins_anew = first.epoch != head.epoch && first.offset == 1;
        let follows = first.epoch == head.epoch && first.offset <= head.offset + 1;
        if begins_anew {
            self.head = Some(last);
            steps.push(Step::Send(batch));
        } else if follows {
            if let Some(rest) = batch.after(head.offset) {
                self.head = Some(last);
                steps.push(Step::Send(rest));
            }
        } else {
            self.waiting_bytes += batch.size();
            self.waiting.push_front(batch);
            self.aim(last);
            self.read(head, steps);
        }
    }

    fn read(&mut self, after: Position, steps: &mut Vec<Step>) {
        self.state = State::Reading;
        if self.empty_pages == 0 {
            self.asked = self.target;
        }
        steps.push(Step::Read(after));
    }
}

#[cfg(test)]
mod tests;
