//! Publishes over one connection to Redis, a pipelined batch at a time.
//!
//! Each event of a scope with a log is one call of a script, which appends it to the log and publishes it there and
//! then. A batch whose answers are lost is sent again, with the same ids: what is in a log already keeps its place.
//! Without a log an event is a PUBLISH on its scope's channel and, if wanted, one of the same JSON on the channel that
//! is its routing key (the tap), for any program that listens to Redis. Those are not sent again: nobody could tell
//! the second one from the first.

use super::question::Heads;
use super::queue::Entry;
use super::redis_link::{Answer, Link};
use super::redis_requests::{Requests, head};
use super::refusal::Refusal;
use super::sink::{Outcome, Sink, Unavailable, keep_order};
use crate::broker::Timing;
use crate::broker::redis::Address;
use crate::broker::redis::failure::Failure;
use crate::event::Event;
use crate::log::Log;
use crate::scope::Scope;
use redis::Cmd;
use std::collections::HashSet;
use std::fmt;
use std::future::pending;

/// How often a batch is sent to a Redis that is told to forget its scripts again and again.
const SCRIPT_ATTEMPTS: usize = 3;

/// Publishes through a Redis.
pub(super) struct RedisSink {
    requests: Requests,
    timing: Timing,
    log: Log,
    /// What need not be said again.
    told: HashSet<&'static str>,
    link: Option<Link>,
}

impl RedisSink {
    pub(super) fn new(requests: Requests, timing: Timing, log: Log) -> Self {
        Self { requests, timing, log, told: HashSet::new(), link: None }
    }

    async fn open(&mut self) -> Result<Link, Failure> {
        let Requests { address, retentions, .. } = &self.requests;
        let link = Link::open(address, &self.timing, Self::MAX_EVENTS * 2, retentions.keep_any()).await?;
        if let Some(refusal) = link.logs().and_then(|logs| logs.refusal.as_ref()) {
            self.warn_once("run", |address| {
                format!(
                    "{address} does not say which process it is: {refusal}. Should it come back with older data, \
                     clients may miss events and not be told"
                )
            });
        }
        Ok(link)
    }

    /// Sends the events that are due and notes what became of them. Gives those for which Redis did not know the script.
    async fn send_due(
        &mut self,
        batch: &[Entry],
        mut due: Vec<usize>,
        outcomes: &mut [Outcome],
    ) -> Vec<usize> {
        let Some(link) = &self.link else { return vec![] };
        let request = |&index| self.requests.publish(link.logs(), &batch[index]).into_iter().flatten();
        let commands = due.iter().flat_map(request).collect();
        let mut answers = self.exchange(commands).await.into_iter();
        due.retain(|&index| {
            let verdict = self.requests.judge(&batch[index], &mut answers);
            outcomes[index] = verdict.outcome;
            if let Some(reason) = verdict.channel_refusal {
                self.tell_channel_refusal(&batch[index].event, &reason);
            }
            if let Some(reason) = verdict.tap_refusal {
                self.tell_tap_refusal(&batch[index].event, &reason);
            }
            if verdict.refusal == Some(Refusal::NotLoggedIn) {
                self.link = None;
            }
            verdict.refusal == Some(Refusal::NoScript)
        });
        due
    }

    async fn ask_for_heads(&mut self, scopes: &[Scope]) -> Heads {
        for _ in 0..SCRIPT_ATTEMPTS {
            let Some(logs) = self.link.as_ref().and_then(Link::logs) else { break };
            let questions = scopes.iter().map(|scope| self.requests.head(logs, scope)).collect();
            let answers = self.exchange(questions).await;
            if !answers.iter().any(Answer::is_missing_script) {
                return answers.into_iter().map(head).collect();
            }
            self.reload_scripts().await.map_err(|failure| failure.to_string())?;
        }
        Err("it does not keep its scripts".into())
    }

    /// Lets the connection go when it has failed.
    async fn exchange(&mut self, commands: Vec<Cmd>) -> Vec<Answer> {
        let Some(link) = &mut self.link else { return vec![] };
        let answers = link.exchange(commands, &self.timing).await;
        if answers.iter().any(Answer::is_lost) {
            self.link = None;
        }
        answers
    }

    async fn reload_scripts(&mut self) -> Result<(), Failure> {
        let Some(link) = &mut self.link else { return Err(Failure::closed()) };
        let reloaded = link.reload_scripts(&self.timing).await;
        if reloaded.is_err() {
            self.link = None;
        }
        reloaded
    }

    fn tell_channel_refusal(&mut self, event: &Event, reason: &str) {
        let channel = self.requests.address.channel(&event.scope);
        self.warn_once("channel", |address| {
            format!(
                "{address} keeps {} in the log of its scope and refuses it on the channel {channel} ({reason}). Clients \
                 get such events when they resume, and not before",
                event.name
            )
        });
    }

    fn tell_tap_refusal(&mut self, event: &Event, reason: &str) {
        self.warn_once("tap", |address| {
            format!(
                "{address} refuses {} on the channel that is its routing key ({reason}). Browsers get it all the same; \
                 publish_on_routing_key = false ends the attempt",
                event.name
            )
        });
    }

    fn warn_once(&mut self, about: &'static str, message: impl FnOnce(&Address) -> String) {
        if self.told.insert(about) {
            self.log.warn(message(&self.requests.address) + " (said once)");
        }
    }
}

impl Sink for RedisSink {
    const MAX_EVENTS: usize = 1000;
    const MAX_BYTES: usize = 1024 * 1024;

    async fn ready(&mut self) -> Result<(), Unavailable> {
        if let Some(link) = &mut self.link {
            if link.is_alive(&self.timing).await {
                return Ok(());
            }
            self.link = None;
        }
        self.link = Some(self.open().await.map_err(|failure| Unavailable::Failed(failure.to_string()))?);
        Ok(())
    }

    async fn send(&mut self, batch: &[Entry]) -> Vec<Outcome> {
        let mut outcomes = vec![Outcome::Again(Failure::closed().to_string()); batch.len()];
        let mut due: Vec<_> = (0..batch.len()).collect();
        for _ in 0..SCRIPT_ATTEMPTS {
            due = self.send_due(batch, due, &mut outcomes).await;
            // Another publisher may have loaded the script in the middle of the batch.
            keep_order(batch, &mut outcomes);
            due.retain(|&index| matches!(outcomes[index], Outcome::Again(_)));
            if due.is_empty() || self.reload_scripts().await.is_err() {
                break;
            }
        }
        outcomes
    }

    async fn heads(&mut self, scopes: &[Scope]) -> Heads {
        let mut heads = vec![];
        for scopes in scopes.chunks(Self::MAX_EVENTS) {
            heads.extend(self.ask_for_heads(scopes).await?);
        }
        Ok(heads)
    }

    async fn watch_idle(&mut self) {
        match &mut self.link {
            Some(link) => link.ended().await,
            None => pending().await,
        }
        self.link = None;
    }
}

impl fmt::Display for RedisSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.requests.address.fmt(formatter)
    }
}
