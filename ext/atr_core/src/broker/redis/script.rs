//! The two scripts that keep a log in Redis: what they are given, and what they answer.
//!
//! No I/O but loading them. `lua/head.lua` says how a log lies in Redis.

use super::address::Address;
use super::process::Run;
use crate::broker::{Message, Page, page};
use crate::event::Event;
use crate::position::{Epoch, Position};
use crate::retention::Retention;
use crate::scope::{Scope, is_valid_name};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisResult, Value};
use std::time::Duration;

const PUBLISH: &str = concat!(include_str!("lua/head.lua"), include_str!("lua/publish.lua"));
const READ: &str = concat!(include_str!("lua/head.lua"), include_str!("lua/read.lua"));
/// How long at least Redis remembers where a log ended: a client that comes back is told the truth so long.
const META_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// As good as for ever, and a number that Redis can add to a date.
const LONGEST_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// What stands where an event has no attributes.
const NO_ATTRIBUTES: &str = "-";
const FIRST_ATTEMPT: &str = "-";
const FURTHER_ATTEMPT: &str = "+";

/// The scripts, by the names that Redis has given them.
#[derive(Debug, Clone)]
pub(crate) struct Scripts {
    publish: String,
    read: String,
}

impl Scripts {
    /// Has Redis load them; again, when it says NOSCRIPT: they get the same names.
    ///
    /// # Errors
    /// What Redis says, or the connection's end.
    pub(crate) async fn load(connection: &mut MultiplexedConnection) -> RedisResult<Self> {
        let load = |source: &str| {
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg(source);
            load
        };
        Ok(Self {
            publish: load(PUBLISH).query_async(connection).await?,
            read: load(READ).query_async(connection).await?,
        })
    }

    /// Appends an event to its scope's log and publishes it; with `tap` on the routing key's channel, too. The event's
    /// id must have no white space.
    pub(crate) fn publish(&self, log: &Log<'_>, event: &Event, tap: bool, attempt: &Attempt<'_>) -> Cmd {
        let mut command = call(&self.publish, log);
        command
            .arg(log.address.channel(log.scope))
            .arg(if tap { &event.routing_key } else { "" })
            .arg(&event.id)
            .arg(&event.name)
            .arg(NO_ATTRIBUTES)
            .arg(&event.json[..])
            .arg(log.retention.size)
            .arg(milliseconds(log.retention.ttl))
            .arg(meta_ttl(log.retention))
            .arg(Epoch::random().to_string())
            .arg(log.run.as_str())
            .arg(if attempt.is_first { FIRST_ATTEMPT } else { FURTHER_ATTEMPT })
            .arg(attempt.publisher)
            .arg(attempt.number);
        command
    }

    /// Asks where a scope's log ends.
    pub(crate) fn head(&self, log: &Log<'_>) -> Cmd {
        let mut command = call(&self.read, log);
        command.arg(Epoch::random().to_string()).arg(log.run.as_str()).arg(meta_ttl(log.retention));
        command
    }

    /// Asks for what follows a position, up to an offset if there is one.
    pub(crate) fn page(&self, log: &Log<'_>, after: Position, upto: Option<u64>) -> Cmd {
        let mut command = self.head(log);
        command
            .arg(after.epoch.to_string())
            .arg(after.offset)
            .arg(upto.map(|upto| upto.to_string()).unwrap_or_default())
            .arg(page::MAX_EVENTS)
            .arg(page::MAX_BYTES);
        command
    }
}

/// A scope's log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log<'a> {
    pub(crate) address: &'a Address,
    pub(crate) scope: &'a Scope,
    pub(crate) retention: Retention,
    pub(crate) run: &'a Run,
}

/// One attempt to publish an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    /// A name that no other publisher has.
    pub(crate) publisher: &'a str,
    /// Grows with each event of this publisher; what it has published of a scope has numbers up to the last one.
    pub(crate) number: u64,
    /// Nothing of it was sent before.
    pub(crate) is_first: bool,
}

/// What became of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// `None` when an earlier attempt had done it and the log has the event no more.
    pub(crate) position: Option<Position>,
    /// An earlier attempt had done it.
    pub(crate) repeated: bool,
    /// What Redis said when it refused the scope's channel.
    pub(crate) refusal: Option<Box<str>>,
    /// The same of the routing key's channel.
    pub(crate) tap_refusal: Option<Box<str>>,
}

fn call(sha: &str, log: &Log<'_>) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(sha).arg(2).arg(log.address.log_key(log.scope)).arg(log.address.meta_key(log.scope));
    command
}

fn milliseconds(duration: Duration) -> u64 {
    duration.min(LONGEST_TTL).as_millis().max(1) as u64
}

/// Where a log ended is known longer than what was in it.
fn meta_ttl(retention: Retention) -> u64 {
    milliseconds(retention.ttl.saturating_mul(2).max(META_TTL))
}

/// Reads the answer to [`Scripts::publish`].
pub(crate) fn published(answer: &Value) -> Option<Published> {
    let Value::Array(parts) = answer else { return None };
    let [position, Value::Int(repeated), refusals @ ..] = &parts[..] else { return None };
    let refusal = |index: usize| refusals.get(index).and_then(text_of).map(Into::into);
    let position = match position {
        Value::Nil => None,
        position => Some(position_of(position)?),
    };
    Some(Published { position, repeated: *repeated == 1, refusal: refusal(0), tap_refusal: refusal(1) })
}

/// Reads the answer to [`Scripts::head`].
pub(crate) fn head(answer: &Value) -> Option<Position> {
    let Value::Array(parts) = answer else { return None };
    position_of(parts.first()?)
}

/// Reads the answer to [`Scripts::page`]. An entry that cannot be one of ours makes it a [`Page::Reset`]; whether an
/// event is JSON is not looked at.
pub(crate) fn page(answer: Value, after: Position) -> Option<Page> {
    let Value::Array(parts) = answer else { return None };
    let mut parts = parts.into_iter();
    let head = position_of(&parts.next()?)?;
    let reset = Page::Reset { head: Some(head) };
    let Some(Value::Array(entries)) = parts.next() else { return Some(reset) };
    let from = Position { epoch: head.epoch, ..after };
    let events = entries.into_iter().zip(1..).map(|(entry, count)| message(entry, from.plus(count)));
    let events = events.collect::<Option<Vec<_>>>();
    Some(events.map_or(reset, |events| Page::Events { head, events }))
}

fn message(entry: Value, position: Position) -> Option<Message> {
    let Value::Array(parts) = entry else { return None };
    let [id, Value::Array(fields)] = <[Value; 2]>::try_from(parts).ok()? else { return None };
    let [i, _, n, name, a, _, d, json] = <[Value; 8]>::try_from(fields).ok()?;
    let is_ours = text_of(&id)? == format!("{}-0", position.offset)
        && [&i, &n, &a, &d].map(text_of) == ["i", "n", "a", "d"].map(Some);
    let name = text_of(&name).filter(|name| is_ours && is_valid_name(name))?;
    let Value::BulkString(json) = json else { return None };
    Some(Message { position: Some(position), name: name.into(), json: json.into() })
}

fn position_of(value: &Value) -> Option<Position> {
    text_of(value)?.parse().ok()
}

fn text_of(value: &Value) -> Option<&str> {
    let Value::BulkString(bytes) = value else { return None };
    std::str::from_utf8(bytes).ok()
}
