//! Publishes over one connection to Redis, a pipelined batch at a time.
//!
//! Each event is a PUBLISH on its scope's channel and, if wanted, one of the same JSON on the channel that is its
//! routing key (the tap), for any program that listens to Redis. A batch is not sent again when its answers are
//! lost: without a log in Redis nobody could tell the second event from the first.

use super::failure::PublishFailure;
use super::queue::Entry;
use super::redis_link::{Answer, Link};
use super::sink::{Outcome, Sink, Unavailable};
use crate::broker::Timing;
use crate::broker::redis::Address;
use crate::broker::redis::failure::Failure;
use crate::event::Event;
use crate::log::Log;
use redis::{Cmd, RedisError};
use std::fmt;
use std::future::pending;

/// What Redis says when it cannot do anything now; a little later it can.
const PASSING: [&str; 7] =
    ["BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "NOREPLICAS", "READONLY", "TRYAGAIN"];
/// What it says when this connection is not logged in (any longer); another one will be, or says why not.
const NOT_LOGGED_IN: &str = "NOAUTH";

/// Publishes through a Redis.
pub(super) struct RedisSink {
    address: Address,
    /// Whether the JSON is published on the routing key's channel, too.
    tap: bool,
    tap_failure_told: bool,
    timing: Timing,
    log: Log,
    link: Option<Link>,
}

impl RedisSink {
    pub(super) fn new(address: Address, tap: bool, timing: Timing, log: Log) -> Self {
        Self { address, tap, tap_failure_told: false, timing, log, link: None }
    }

    fn commands(&self, batch: &[Entry]) -> Vec<Cmd> {
        let publish = |channel: &str, event: &Event| {
            let mut command = redis::cmd("PUBLISH");
            command.arg(channel).arg(&event.json[..]);
            command
        };
        let of_event = |entry: &Entry| {
            let event = &entry.event;
            let tap = self.tap.then(|| publish(&event.routing_key, event));
            std::iter::once(publish(&self.address.channel(&event.scope), event))
                .chain(tap)
                .collect::<Vec<_>>()
        };
        batch.iter().flat_map(of_event).collect()
    }

    /// What became of an event whose PUBLISH Redis has refused.
    fn refused(&mut self, error: RedisError) -> Outcome {
        let code = error.code().unwrap_or_default().to_owned();
        let reason = Failure::from(error).to_string();
        if code == NOT_LOGGED_IN {
            self.link = None;
            Outcome::Again(reason)
        } else if PASSING.contains(&code.as_str()) {
            Outcome::Again(reason)
        } else {
            Outcome::Failed(PublishFailure::Refused(reason))
        }
    }

    fn tell_tap_failure(&mut self, event: &Event, error: RedisError) {
        if !std::mem::replace(&mut self.tap_failure_told, true) {
            self.log.warn(format!(
                "{} refuses {} on the channel that is its routing key ({}). Browsers get it all the same; \
                 publish_on_routing_key = false ends the attempt (said once)",
                self.address,
                event.name,
                Failure::from(error)
            ));
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
        let commands = Self::MAX_EVENTS * 2;
        let link = Link::open(&self.address, &self.timing, commands).await;
        self.link = Some(link.map_err(|failure| Unavailable::Failed(failure.to_string()))?);
        Ok(())
    }

    async fn send(&mut self, batch: &[Entry]) -> Vec<Outcome> {
        let commands = self.commands(batch);
        let Some(link) = &mut self.link else {
            return vec![Outcome::Again(Failure::closed().to_string()); batch.len()];
        };
        let answers = link.exchange(commands, &self.timing).await;
        let is_lost = answers.iter().any(|answer| matches!(answer, Answer::Unknown(_) | Answer::NotSent));
        let mut answers = answers.into_iter();
        let mut outcomes = vec![];
        for entry in batch {
            outcomes.push(match answers.next() {
                Some(Answer::Done) => Outcome::Published,
                Some(Answer::Refused(error)) => self.refused(error),
                Some(Answer::Unknown(failure)) => {
                    Outcome::Failed(PublishFailure::Unknown(failure.to_string()))
                }
                Some(Answer::NotSent) | None => Outcome::Again(Failure::closed().to_string()),
            });
            if self.tap
                && let Some(Answer::Refused(error)) = answers.next()
            {
                self.tell_tap_failure(&entry.event, error);
            }
        }
        if is_lost {
            self.link = None;
        }
        outcomes
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
        self.address.fmt(formatter)
    }
}
