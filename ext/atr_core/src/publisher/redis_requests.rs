//! What Redis is asked for an event or a scope, and what its answers mean.

use super::failure::PublishFailure;
use super::queue::Entry;
use super::redis_link::Answer;
use super::refusal::Refusal;
use super::sink::Outcome;
use crate::broker::redis::Address;
use crate::broker::redis::failure::Failure;
use crate::broker::redis::logs::Logs;
use crate::broker::redis::script::{self, Attempt};
use crate::position::Position;
use crate::retention::Retentions;
use crate::scope::Scope;
use redis::{Cmd, RedisError};

/// Words the requests to one Redis.
pub(super) struct Requests {
    pub(super) address: Address,
    /// Whether the JSON is published on the routing key's channel, too.
    pub(super) tap: bool,
    pub(super) retentions: Retentions,
    /// The name that Redis knows this publisher by.
    pub(super) publisher: String,
}

/// What became of an event, and of the attempt to send it.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    /// Why Redis has not done it, if it has said so.
    pub(super) refusal: Option<Refusal>,
    /// Why Redis has put it into its scope's log and not published it there.
    pub(super) channel_refusal: Option<String>,
    /// Why Redis has not published it on the routing key's channel.
    pub(super) tap_refusal: Option<String>,
}

impl Requests {
    /// For each event a call of the script, or, where it has no log, one or two times PUBLISH.
    pub(super) fn publish(&self, logs: Option<&Logs>, entry: &Entry) -> [Option<Cmd>; 2] {
        let event = &entry.event;
        let plain = |channel: &str| {
            let mut command = redis::cmd("PUBLISH");
            command.arg(channel).arg(&event.json[..]);
            command
        };
        match logs.filter(|_| self.has_log(&event.scope)) {
            Some(logs) => {
                let log = self.log_of(logs, &event.scope);
                let attempt = Attempt {
                    publisher: &self.publisher,
                    number: entry.number,
                    is_first: !entry.is_doubtful,
                };
                [Some(logs.scripts.publish(&log, event, self.tap, &attempt)), None]
            }
            None => {
                let tap = self.tap.then(|| plain(&event.routing_key));
                [Some(plain(&self.address.channel(&event.scope))), tap]
            }
        }
    }

    /// Asks where a scope's log ends.
    pub(super) fn head(&self, logs: &Logs, scope: &Scope) -> Cmd {
        logs.scripts.head(&self.log_of(logs, scope))
    }

    /// Reads as many answers as there were requests for this event.
    pub(super) fn judge(&self, entry: &Entry, answers: &mut impl Iterator<Item = Answer>) -> Verdict {
        let has_log = self.has_log(&entry.event.scope);
        let answer = answers.next();
        let tap_answer = if self.tap && !has_log { answers.next() } else { None };
        let mut tap_refusal = match tap_answer {
            Some(Answer::Refused(error)) => Some(Failure::from(error).to_string()),
            _ => None,
        };
        let mut channel_refusal = None;
        let (mut refusal, unknown) = (None, |reason| Outcome::Failed(PublishFailure::Unknown(reason)));
        let outcome = match answer {
            Some(Answer::Done(answer)) if has_log => match script::published(&answer) {
                Some(published) => {
                    channel_refusal = published.refusal.map(Into::into);
                    tap_refusal = published.tap_refusal.map(Into::into);
                    Outcome::Published(published.position)
                }
                None => unknown(unreadable()),
            },
            Some(Answer::Done(_)) => Outcome::Published(None),
            Some(Answer::Refused(error)) => {
                refusal = Some(Refusal::of(&error));
                refused(entry, error)
            }
            Some(Answer::Unknown(failure)) if has_log => Outcome::Unanswered(failure.to_string()),
            Some(Answer::Unknown(failure)) => unknown(failure.to_string()),
            Some(Answer::NotSent) | None => Outcome::Again(Failure::closed().to_string()),
        };
        Verdict { outcome, refusal, channel_refusal, tap_refusal }
    }

    fn has_log(&self, scope: &Scope) -> bool {
        self.retentions.of(scope).is_kept()
    }

    fn log_of<'a>(&'a self, logs: &'a Logs, scope: &'a Scope) -> script::Log<'a> {
        script::Log { address: &self.address, scope, retention: self.retentions.of(scope), run: &logs.run }
    }
}

/// Reads the answer to [`Requests::head`].
pub(super) fn head(answer: Answer) -> Result<Option<Position>, String> {
    match answer {
        Answer::Done(answer) => script::head(&answer).map(Some).ok_or_else(unreadable),
        Answer::Refused(error) => Err(Failure::from(error).to_string()),
        Answer::Unknown(failure) => Err(failure.to_string()),
        Answer::NotSent => Err(Failure::closed().to_string()),
    }
}

fn refused(entry: &Entry, error: RedisError) -> Outcome {
    let refusal = Refusal::of(&error);
    let reason = Failure::from(error).to_string();
    match refusal {
        Refusal::Final => Outcome::Failed(entry.given_up(reason)),
        Refusal::Passing | Refusal::NoScript | Refusal::NotLoggedIn => Outcome::Again(reason),
    }
}

fn unreadable() -> String {
    "its answer cannot be read".into()
}
