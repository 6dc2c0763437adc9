//! What the threads that publish and the thread that sends have in common.

use super::failure::PublishFailure;
use super::question::Question;
use super::queue::{Answer, Entry, Queue};
use crate::log::Log;
use crate::stats::Counter;
use crate::sync::lock;
use futures_util::FutureExt;
use std::collections::HashMap;
use std::sync::Mutex;

/// Questions that may wait: many more than threads that could ask.
const MAX_QUESTIONS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) pushed: Counter,
    pub(super) published: Counter,
    pub(super) dropped_full: Counter,
    pub(super) lost: Counter,
    pub(super) unheard: Counter,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    /// They are answered before the events that wait.
    pub(super) questions: crate::queue::Queue<Question>,
    pub(super) counters: Counters,
    pub(super) log: Log,
    /// Why nothing goes out now, for those who wait in vain.
    trouble: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn new(queue: Queue, log: Log) -> Self {
        let questions = crate::queue::Queue::new(MAX_QUESTIONS);
        Self { queue, questions, counters: Counters::default(), log, trouble: Mutex::default() }
    }

    pub(super) fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }

    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        *lock(&self.trouble) = trouble;
    }

    /// Counts what became of an event and tells whoever waits for it.
    pub(super) fn answer(&self, entry: &mut Entry, answer: Answer, losses: &mut Losses) {
        match &answer {
            Ok(_) => self.counters.published.add(1),
            Err(PublishFailure::Unheard(_)) => self.counters.unheard.add(1),
            Err(failure) => {
                self.counters.lost.add(1);
                losses.add(failure);
            }
        }
        if let Some(waiting) = entry.answer.take() {
            // Who has stopped waiting has told its caller.
            let _ = waiting.send(answer);
        }
    }

    /// Ends everything: the publisher is closed, or its thread has failed. The log ends, too.
    pub(super) fn end(&self) {
        self.queue.close();
        let (mut waiting, taken) = self.queue.abandon();
        // Only a thread that failed leaves a batch behind; those who wait for it see their answer dropped.
        self.counters.lost.add(taken as u64);
        let mut losses = Losses::default();
        for entry in &mut waiting {
            let failure = match entry.is_doubtful {
                true => PublishFailure::Unknown("the publisher was closed".into()),
                false => PublishFailure::Closed,
            };
            self.answer(entry, Err(failure), &mut losses);
        }
        losses.tell(&self.log);
        self.questions.close();
        // Those who wait see their question dropped.
        while let Some(Some(_)) = self.questions.pop().now_or_never() {}
        self.log.close();
    }
}

/// Counts the losses of a batch, so that the log tells of them in one line for each kind.
#[derive(Debug, Default)]
pub(super) struct Losses(HashMap<&'static str, (u64, String)>);

impl Losses {
    fn add(&mut self, failure: &PublishFailure) {
        let kind = match failure {
            PublishFailure::Refused(_) => "events were refused",
            PublishFailure::Unknown(_) => "events may be lost",
            PublishFailure::Closed | PublishFailure::Unheard(_) => "events are lost",
        };
        let (count, last) = self.0.entry(kind).or_default();
        *count += 1;
        *last = failure.to_string();
    }

    pub(super) fn tell(self, log: &Log) {
        for (kind, (count, last)) in self.0 {
            log.warn_repeated(kind, count, |count| format!("{count} {kind}; the last: {last}"));
        }
    }
}
