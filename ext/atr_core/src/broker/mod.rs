//! Carries events from publishers to this server.
//!
//! A broker is one task on the server's control thread. It is told which scopes somebody here wants, and hands
//! what it receives to a [`Sink`]. It never waits for a client or a shard.

pub mod memory;
pub mod redis;

pub(crate) mod news;
mod timing;
pub(crate) mod wire;

pub use timing::Timing;

use crate::event::Event;
use crate::log::Log;
use crate::scope::Scope;
use crate::stats::Stats;
use bytes::Bytes;
use serde::de::IgnoredAny;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::oneshot;

/// Takes what a broker received. Called on the control thread; must not block.
pub trait Sink: 'static {
    /// Takes all messages that were ready, in the order they came: each is the JSON of one event of its scope.
    fn deliver(&self, messages: Vec<(Scope, Bytes)>);
}

/// What a server asks of its broker.
#[derive(Debug)]
pub enum Command {
    /// Deliver this scope from now on. `live` is answered when every event published after it will come, and
    /// dropped at once when the broker is out of reach (it subscribes by itself when it is back).
    Subscribe {
        /// The scope.
        scope: Scope,
        /// Answered when the subscription stands.
        live: oneshot::Sender<()>,
    },
    /// Nobody here wants this scope any longer.
    Unsubscribe {
        /// The scope.
        scope: Scope,
    },
    /// Events of a publisher in another process, posted to the admin port (memory broker only).
    Publish {
        /// The batch.
        batch: Batch,
        /// Answered when the batch was handed on.
        done: oneshot::Sender<Accepted>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// Its events were handed on.
    Applied,
    /// It had been applied before: a retry after a lost answer.
    Repeated,
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
}

impl Context {
    /// Counts a message, and says whether it may be handed on.
    ///
    /// Anybody who may write to a Redis may publish there, and one message that is not JSON would make `JSON.parse`
    /// throw in every page. The check is one pass over a message, however many clients get it.
    fn accepts(&self, event: &[u8]) -> bool {
        self.stats.events_received.add(1);
        let fault = self.fault_of(event);
        if let Some(fault) = &fault {
            self.stats.events_invalid.add(1);
            self.log.warn_repeated("invalid events", 1, |count| {
                format!("{count} messages from the broker were dropped; the last was {fault}")
            });
        }
        fault.is_none()
    }

    fn fault_of(&self, event: &[u8]) -> Option<String> {
        if event.len() > self.max_event_bytes {
            return Some(format!("larger than max_event_bytes ({})", self.max_event_bytes));
        }
        let Ok(text) = std::str::from_utf8(event) else { return Some("not UTF-8".into()) };
        serde_json::from_str::<IgnoredAny>(text).is_err().then(|| "not JSON".into())
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

    fn context(max_event_bytes: usize) -> Context {
        Context {
            log: Log::default(),
            stats: Arc::default(),
            reachable: Reachable::default(),
            max_event_bytes,
        }
    }

    #[test]
    fn takes_json_up_to_its_size() {
        let context = context(8);
        for json in [r#"{"a":1}"#, "[1,2,3]", r#""é""#, "17"] {
            assert!(context.accepts(json.as_bytes()), "{json}");
        }
        assert!(!context.accepts(b"123456789"));
    }

    #[test]
    fn drops_and_counts_what_no_browser_could_use() {
        let context = context(100);
        for message in [&b""[..], b"1 17:4 id post.created - {}", b"\x04\x08o:\x0aPost", b"{\"a\":\"\xff\"}"]
        {
            assert!(!context.accepts(message), "{message:?}");
        }
        assert_eq!((context.stats.events_received.get(), context.stats.events_invalid.get()), (4, 4));
    }
}
