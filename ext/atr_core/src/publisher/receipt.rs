//! Waits for the broker's answer to one event.

use super::queue::Answer;
use super::shared::Shared;
use crate::position::Position;
use crate::wait::{Ended, Interrupt, wait};
use crate::{Error, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// What became of an event, some time. Dropped before, it takes the event back, unless that is on its way.
#[derive(Debug)]
#[must_use = "dropping it takes the event back"]
pub struct Receipt {
    shared: Arc<Shared>,
    number: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Receipt {
    pub(super) fn new(shared: Arc<Shared>, number: u64, answer: oneshot::Receiver<Answer>) -> Self {
        Self { shared, number, answer }
    }

    /// Waits for the broker's answer: the event's place in its scope's log, `None` when that has none. After
    /// [`Error::Interrupted`] it can be called again.
    ///
    /// # Errors
    /// [`Error::Publish`] says whether the event was published, was not, or nobody can tell;
    /// [`Error::Interrupted`] when the interrupt was set.
    pub fn wait(&mut self, timeout: Duration, interrupt: &Interrupt) -> Result<Option<Position>> {
        match wait(&mut self.answer, Some(timeout), interrupt) {
            Ok(answer) => Self::tell(answer),
            Err(Ended::Interrupted) => Err(Error::Interrupted),
            Err(Ended::TimedOut) => self.give_up(timeout),
        }
    }

    /// Says all that is known when the time is over.
    fn give_up(&mut self, timeout: Duration) -> Result<Option<Position>> {
        let seconds = timeout.as_secs_f64();
        let trouble = self.shared.trouble().map(|trouble| format!(" ({trouble})")).unwrap_or_default();
        if self.take_back() {
            return Err(Error::Publish(format!(
                "the event was not published: it could not be sent within {seconds:.1} s{trouble}"
            )));
        }
        match self.answer.try_recv() {
            Err(oneshot::error::TryRecvError::Empty) => Err(Error::Publish(format!(
                "nobody can tell whether the event was published: no answer within {seconds:.1} s{trouble}"
            ))),
            answer => Self::tell(answer.map_err(|_| ())),
        }
    }

    fn tell<E>(answer: Result<Answer, E>) -> Result<Option<Position>> {
        let dropped = |_| {
            Error::Publish("nobody can tell whether the event was published: the publisher failed".into())
        };
        answer.map_err(dropped)?.map_err(Error::from)
    }

    fn take_back(&self) -> bool {
        let is_back = self.shared.queue.withdraw(self.number);
        if is_back {
            self.shared.counters.lost.add(1);
        }
        is_back
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.take_back();
    }
}
