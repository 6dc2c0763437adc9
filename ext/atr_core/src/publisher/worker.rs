//! Takes events from the queue to the broker, one batch at a time, until the publisher is closed.

use super::failure::PublishFailure;
use super::queue::Entry;
use super::shared::{Losses, Shared};
use super::sink::{Outcome, Sink, Unavailable, keep_order};
use crate::backoff::Backoff;
use crate::broker::Timing;
use crate::broker::news::{Found, News};
use std::sync::Arc;
use tokio::time::sleep;

/// Sends what is queued through a sink.
pub(super) struct Worker<S> {
    shared: Arc<Shared>,
    sink: S,
    news: News,
    backoff: Backoff,
}

impl<S: Sink> Worker<S> {
    pub(super) fn new(shared: Arc<Shared>, sink: S, timing: &Timing) -> Self {
        Self { shared, sink, news: News::default(), backoff: timing.backoff() }
    }

    /// Works until the publisher is closed. A batch that is on its way then is waited for, nothing else is.
    pub(super) async fn run(mut self) {
        while self.round().await.is_some() {}
    }

    /// One batch, or one failed attempt. `None` when the publisher is closed.
    async fn round(&mut self) -> Option<()> {
        let shared = self.shared.clone();
        shared.log.tell_overdue();
        unless_closed(&shared, self.wait_for_events()).await?;
        let failure = match unless_closed(&shared, self.sink.ready()).await? {
            Ok(()) => self.send().await,
            Err(Unavailable::Failed(reason)) => Some(reason),
            Err(Unavailable::NobodyListens(reason)) => {
                self.let_go(reason);
                None
            }
        };
        if let Some(reason) = failure {
            self.tell_failure(reason);
            unless_closed(&shared, sleep(self.backoff.next_delay())).await?;
        }
        Some(())
    }

    /// Sends a batch. Why a part of it has to be tried again, if one has.
    async fn send(&mut self) -> Option<String> {
        let batch = self.shared.queue.take(S::MAX_EVENTS, S::MAX_BYTES);
        if batch.is_empty() {
            // All of it was taken back.
            return None;
        }
        let mut outcomes = self.sink.send(&batch).await;
        keep_order(&batch, &mut outcomes);
        let is_published = outcomes.contains(&Outcome::Published);
        let failure = self.settle(batch, outcomes);
        if failure.is_none() {
            self.shared.set_trouble(None);
            if is_published {
                self.tell_found();
            }
        }
        failure
    }

    async fn wait_for_events(&mut self) {
        loop {
            tokio::select! {
                () = self.shared.queue.filled() => return,
                () = self.sink.watch_idle() => {}
            }
        }
    }

    /// Tells everybody what became of the batch. Why a part of it is to be tried again, if one is.
    fn settle(&mut self, batch: Vec<Entry>, outcomes: Vec<Outcome>) -> Option<String> {
        let (mut settled, mut again, mut reason) = (vec![], vec![], None);
        let mut losses = Losses::default();
        for (mut entry, outcome) in batch.into_iter().zip(outcomes) {
            let answer = match outcome {
                Outcome::Published => Ok(()),
                Outcome::Failed(failure) => Err(failure.at(&self.sink)),
                Outcome::Again(why) => {
                    reason = Some(why);
                    again.push(entry);
                    continue;
                }
            };
            self.shared.answer(&mut entry, answer, &mut losses);
            settled.push(entry);
        }
        losses.tell(&self.shared.log);
        self.shared.queue.settle(&settled, again);
        reason
    }

    /// Nobody would hear of what is queued.
    fn let_go(&mut self, reason: String) {
        if self.news.lost(&reason).is_some() {
            self.shared.log.info(format!("{reason}: events are let go until that changes"));
        }
        self.shared.set_trouble(None);
        let batch = self.shared.queue.take(usize::MAX, usize::MAX);
        let outcomes = vec![Outcome::Failed(PublishFailure::Unheard(reason)); batch.len()];
        self.settle(batch, outcomes);
    }

    fn tell_failure(&mut self, reason: String) {
        self.shared.set_trouble(Some(format!("{}: {reason}", self.sink)));
        if self.news.lost(&reason).is_some() {
            let sink = &self.sink;
            self.shared.log.warn(format!("cannot publish to {sink}: {reason}; events wait, trying again"));
        }
    }

    fn tell_found(&mut self) {
        self.backoff.reset();
        if let Some(Found { again, after_failures: true }) = self.news.found() {
            let (sink, waiting, again) =
                (&self.sink, self.shared.queue.len(), if again { " again" } else { "" });
            self.shared.log.info(format!("publishing to {sink}{again}, {waiting} more events wait"));
        }
    }
}

/// `None` when the publisher is closed before `future` is done.
async fn unless_closed<T>(shared: &Shared, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = shared.queue.closed() => None,
        done = future => Some(done),
    }
}
