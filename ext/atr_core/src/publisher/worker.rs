//! Takes events from the queue to the broker, one batch at a time, until the publisher is closed. Questions are
//! answered between two batches.

use super::failure::PublishFailure;
use super::question::Question;
use super::queue::Entry;
use super::shared::{Losses, Shared};
use super::sink::{Outcome, Sink, Unavailable, keep_order};
use crate::backoff::Backoff;
use crate::broker::Timing;
use crate::broker::news::{Found, News};
use std::pin::pin;
use std::sync::Arc;
use tokio::time::sleep;

/// Sends what is queued through a sink.
pub(super) struct Worker<S> {
    shared: Arc<Shared>,
    sink: S,
    news: News,
    backoff: Backoff,
    /// Why the broker could not be reached the last time.
    away: Option<String>,
}

impl<S: Sink> Worker<S> {
    pub(super) fn new(shared: Arc<Shared>, sink: S, timing: &Timing) -> Self {
        Self { shared, sink, news: News::default(), backoff: timing.backoff(), away: None }
    }

    /// Works until the publisher is closed. A batch that is on its way then is waited for, nothing else is.
    pub(super) async fn run(mut self) {
        while self.round().await.is_some() {}
    }

    /// A batch and what was asked before, or one failed attempt. `None` when the publisher is closed.
    async fn round(&mut self) -> Option<()> {
        let shared = self.shared.clone();
        shared.log.tell_overdue();
        let mut questions = unless_closed(&shared, self.wait_for_work()).await?;
        questions.extend(std::iter::from_fn(|| shared.questions.try_pop()));
        let away = self.away.take();
        let failure = match unless_closed(&shared, refusing(&shared, away, self.sink.ready())).await? {
            Ok(()) => {
                unless_closed(&shared, self.answer(questions)).await?;
                self.send().await
            }
            Err(Unavailable::Failed(reason)) => {
                let away = format!("{}: {reason}", self.sink);
                refuse(questions, &away);
                self.away = Some(away);
                Some(reason)
            }
            Err(Unavailable::NobodyListens(reason)) => {
                refuse(questions, &reason);
                self.let_go(reason);
                None
            }
        };
        if let Some(reason) = failure {
            self.tell_failure(reason);
            unless_closed(&shared, self.rest()).await?;
        }
        Some(())
    }

    /// Waits until it is time for the next attempt. A broker that is there, and only takes no events now, is asked
    /// meanwhile what there is to ask.
    async fn rest(&mut self) {
        let shared = self.shared.clone();
        let mut rest = pin!(sleep(self.backoff.next_delay()));
        if self.away.is_some() {
            return refusing(&shared, self.away.clone(), rest).await;
        }
        loop {
            let question = tokio::select! {
                biased;
                () = &mut rest => return,
                Some(question) = shared.questions.pop() => question,
            };
            match self.sink.ready().await {
                Ok(()) => self.answer(vec![question]).await,
                Err(unavailable) => question.answer(Err(unavailable.to_string())),
            }
        }
    }

    /// Waits until there is something to send, or (what it gives) a question.
    async fn wait_for_work(&mut self) -> Vec<Question> {
        loop {
            tokio::select! {
                () = self.shared.queue.filled() => return vec![],
                Some(question) = self.shared.questions.pop() => return vec![question],
                () = self.sink.watch_idle() => {}
            }
        }
    }

    async fn answer(&mut self, questions: Vec<Question>) {
        for question in questions {
            let heads = self.sink.heads(&question.scopes).await;
            if heads.is_ok() && self.shared.queue.len() == 0 {
                self.tell_found();
            }
            question.answer(heads.map_err(|reason| format!("{}: {reason}", self.sink)));
        }
    }

    /// Sends a batch. Why a part of it has to be tried again, if one has.
    async fn send(&mut self) -> Option<String> {
        let batch = self.shared.queue.take(S::MAX_EVENTS, S::MAX_BYTES);
        if batch.is_empty() {
            // All of it was taken back, or there were only questions.
            return None;
        }
        let mut outcomes = self.sink.send(&batch).await;
        keep_order(&batch, &mut outcomes);
        let is_published = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Published(_)));
        let failure = self.settle(batch, outcomes);
        match failure {
            None if is_published => self.tell_found(),
            None => self.shared.set_trouble(None),
            Some(_) => {}
        }
        failure
    }

    /// Tells everybody what became of the batch. Why a part of it is to be tried again, if one is.
    fn settle(&mut self, batch: Vec<Entry>, outcomes: Vec<Outcome>) -> Option<String> {
        let (mut settled, mut again, mut reason) = (vec![], vec![], None);
        let mut losses = Losses::default();
        for (mut entry, outcome) in batch.into_iter().zip(outcomes) {
            let answer = match outcome {
                Outcome::Published(position) => Ok(position),
                Outcome::Failed(failure) => Err(failure.at(&self.sink)),
                Outcome::Again(why) => {
                    reason = Some(why);
                    again.push(entry);
                    continue;
                }
                Outcome::Unanswered(why) => {
                    entry.is_doubtful = true;
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
        self.shared.set_trouble(None);
        self.backoff.reset();
        if let Some(Found { again, after_failures: true }) = self.news.found() {
            let (sink, waiting, again) =
                (&self.sink, self.shared.queue.len(), if again { " again" } else { "" });
            self.shared.log.info(format!("publishing to {sink}{again}, {waiting} more events wait"));
        }
    }
}

fn refuse(questions: Vec<Question>, reason: &str) {
    questions.into_iter().for_each(|question| question.answer(Err(reason.to_owned())));
}

/// Who asks meanwhile is told at once why the broker is away, if it was the last time: a page that is being rendered must
/// not wait for it.
async fn refusing<T>(shared: &Shared, away: Option<String>, future: impl Future<Output = T>) -> T {
    let Some(away) = away else { return future.await };
    let mut future = pin!(future);
    loop {
        tokio::select! {
            biased;
            done = &mut future => return done,
            Some(question) = shared.questions.pop() => question.answer(Err(away.clone())),
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
