//! Carries events from publishers to this server.
//!
//! A broker is one task on the server's control thread. It is told which scopes somebody here wants, and hands
//! what it receives to a [`Sink`]. It never waits for a client or a shard.

pub mod memory;
pub mod redis;

mod message;
pub(crate) mod news;
pub(crate) mod page;
mod timing;
pub(crate) mod wire;

pub use timing::Timing;

use crate::event::Event;
use crate::log::Log;
use crate::position::Position;
use crate::retention::Retentions;
use crate::scope::Scope;
use crate::stats::Stats;
use bytes::Bytes;
use serde::de::IgnoredAny;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, oneshot};

/// An event as a broker hands it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its place in its scope's log; `None` when it is in none.
    pub position: Option<Position>,
    /// Its name.
    pub name: Box<str>,
    /// Its JSON, as the app's serializer made it.
    pub json: Bytes,
}

/// Whether a scope's events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Every event after this position comes, through [`Sink::deliver`], behind this news. `None`: the scope has no log,
    /// or it cannot be read now; what is published from now on comes.
    Live(Option<Position>),
    /// The broker is out of reach. It subscribes by itself when it is back, and says [`Standing::Live`] then.
    Away,
}

/// Which broker, and what it needs to know.
#[derive(Debug, Clone)]
pub enum Options {
    /// This process.
    Memory(memory::Options),
    /// A Redis.
    Redis(Box<redis::Options>),
}

impl Options {
    /// Runs it until every sender of commands is gone.
    pub async fn run(self, commands: mpsc::Receiver<Command>, sink: impl Sink, context: Context) {
        match self {
            Self::Memory(options) => memory::run(options, commands, sink, context).await,
            Self::Redis(options) => redis::run(*options, commands, sink, context).await,
        }
    }
}

/// Takes what a broker received, in one order. Called on the control thread; must not block.
pub trait Sink: 'static {
    /// Takes all messages that were ready, in the order they came. Messages of a scope may come before it is said to be
    /// live, come twice, or be missing: whoever takes them looks at the positions.
    fn deliver(&self, messages: Vec<(Scope, Message)>);

    /// Takes news of scopes: one for each [`Command::Subscribe`], and for every wanted scope when the broker is lost
    /// or is back.
    fn tell(&self, standings: Vec<(Scope, Standing)>);
}

/// What a server asks of its broker.
#[derive(Debug)]
pub enum Command {
    /// Deliver this scope from now on. Answered by [`Sink::tell`], also when it is delivered already.
    Subscribe {
        /// The scope.
        scope: Scope,
    },
    /// Nobody here wants this scope any longer.
    Unsubscribe {
        /// The scope.
        scope: Scope,
    },
    /// Read a part of a scope's log.
    Read(Read),
    /// Where the logs of these scopes end: for publishers of the memory broker; nothing else answers it.
    Heads {
        /// The scopes.
        scopes: Vec<Scope>,
        /// Answered with one for each, in their order; `None` where there is no log.
        reply: oneshot::Sender<Vec<Option<Position>>>,
    },
    /// Events of a publisher in another process, posted to the admin port (memory broker only).
    Publish {
        /// The batch.
        batch: Batch,
        /// Answered when the batch was handed on.
        done: oneshot::Sender<Accepted>,
    },
}

/// Asks for the events that follow a position.
#[derive(Debug)]
pub struct Read {
    /// The scope.
    pub scope: Scope,
    /// The last position that is there.
    pub after: Position,
    /// The offset of the last event that is wanted; without it, all are.
    pub upto: Option<u64>,
    /// Answered with what the log has; dropped when the broker is out of reach.
    pub reply: oneshot::Sender<Page>,
}

/// What a log has after a position: everything that was asked for, in order, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// The first of the events that were asked for, without a gap; a broker limits their number and bytes. None when
    /// there are no more.
    Events {
        /// Where the log ends. Its epoch may be another than the one asked for, whose past it shares then.
        head: Position,
        /// The events, the first of them one behind the position that was asked for.
        events: Vec<Message>,
    },
    /// Some of them are gone, or the position is of another log, or nobody can tell.
    Reset {
        /// Where the log ends; `None` when it cannot be read.
        head: Option<Position>,
    },
}

/// An ordered batch of one publisher.
#[derive(Debug)]
pub struct Batch {
    /// The publisher's own random name.
    pub publisher: String,
    /// Counts this publisher's batches from 1 on.
    pub seq: u64,
    /// The events, in order.
    pub events: Vec<Event>,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The place of each of its events; `None` where there is no log.
    pub positions: Vec<Option<Position>>,
    /// It had been applied before: a retry after a lost answer.
    pub repeated: bool,
}

/// What every broker is given beside its own options.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where changes of state are told.
    pub log: Log,
    /// The server's counters.
    pub stats: Arc<Stats>,
    /// Set while events can come.
    pub reachable: Reachable,
    /// The largest event that is handed on.
    pub max_event_bytes: usize,
    /// What is kept of each scope's log.
    pub retentions: Retentions,
}

impl Context {
    /// Counts and tells a message that is not handed on.
    fn drop_message(&self, fault: &str) {
        self.stats.events_invalid.add(1);
        self.log.warn_repeated("invalid events", 1, |count| {
            format!("{count} messages from the broker were dropped; the last was {fault}")
        });
    }

    /// Whether an event may be handed on. The error says what is wrong with it.
    fn check(&self, event: &[u8]) -> Result<(), String> {
        if event.len() > self.max_event_bytes {
            return Err(format!("larger than max_event_bytes ({})", self.max_event_bytes));
        }
        let text = std::str::from_utf8(event).map_err(|_| "not UTF-8")?;
        serde_json::from_str::<IgnoredAny>(text).map_err(|_| "not JSON")?;
        Ok(())
    }
}

/// Whether events can come now; clones tell the same.
#[derive(Debug, Clone, Default)]
pub struct Reachable(Arc<AtomicBool>);

impl Reachable {
    /// Whether events can come now.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, reachable: bool) {
        self.0.store(reachable, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::Retention;
    use std::time::Duration;

    /// A context whose scopes have a log of ten events.
    pub(super) fn context(max_event_bytes: usize) -> Context {
        Context {
            log: Log::default(),
            stats: Arc::default(),
            reachable: Reachable::default(),
            max_event_bytes,
            retentions: Retentions::all(Retention { size: 10, ttl: Duration::from_secs(300) }),
        }
    }

    #[test]
    fn takes_json_up_to_its_size() {
        let context = context(8);
        for json in [r#"{"a":1}"#, "[1,2,3]", r#""é""#, "17"] {
            assert_eq!(context.check(json.as_bytes()), Ok(()), "{json}");
        }
        assert!(context.check(b"123456789").is_err());
    }
}
