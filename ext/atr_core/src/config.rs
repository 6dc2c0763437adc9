//! What a server is started with. There are no defaults here: the host's configuration has them all.

use crate::retention::Retentions;
use crate::{Error, Result};
use std::time::Duration;

/// The smallest head that hyper can be limited to.
const MIN_HEAD_BYTES: usize = 8192;

/// Everything a server needs to know when it starts.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The address that browsers connect to.
    pub host: String,
    /// Its port; 0 takes any free one.
    pub port: u16,
    /// The listener for the operator and for publishers of the memory broker.
    pub admin: Option<AdminOptions>,
    /// Where events come from.
    pub broker: BrokerOptions,
    /// Whether every request is a job for the app's code. Otherwise only those with an `Origin` header are.
    pub gate_required: bool,
    /// Jobs that may wait for the app's code; further requests are turned away.
    pub gate_queue_size: usize,
    /// How long a request waits for the app's answer.
    pub gate_deadline: Duration,
    /// Threads that own connections; 0 is one a core.
    pub shards: usize,
    /// Clients at most, if the descriptor limit allows as many.
    pub max_connections: usize,
    /// The bounds that hold for each client.
    pub limits: Limits,
    /// What is kept of each scope's log.
    pub retentions: Retentions,
    /// The time between two pings to a client.
    pub ping_interval: Duration,
    /// How long a server that stops takes to close its clients, one after the other.
    pub drain: Duration,
    /// How long a scope stays subscribed after its last client has left.
    pub subscription_grace: Duration,
    /// Whether lines at debug (one for each connection) are written at all.
    pub debug_log: bool,
}

/// The admin listener.
#[derive(Debug, Clone)]
pub struct AdminOptions {
    /// The address it listens on.
    pub host: String,
    /// Its port; 0 takes any free one.
    pub port: u16,
    /// What a publisher has to show; `None` refuses all of them.
    pub token: Option<String>,
}

/// Where a server's events come from.
#[derive(Debug, Clone)]
pub enum BrokerOptions {
    /// This process: publishers post to the admin listener.
    Memory {
        /// Bytes that the logs of all scopes may take together.
        log_bytes: usize,
    },
    /// A Redis.
    Redis {
        /// `redis://[user:password@]host[:port][/database]`
        url: String,
        /// The first word of every key and channel.
        namespace: String,
    },
}

/// The bounds that hold for each client.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest message that a client may send.
    pub message_bytes: usize,
    /// The largest request head.
    pub head_bytes: usize,
    /// How long a client may take to send its request head.
    pub head_timeout: Duration,
    /// Bytes that may wait for a slow client.
    pub outbox_bytes: usize,
    /// The largest event; not more than `outbox_bytes`, or nobody could ever be sent one.
    pub event_bytes: usize,
}

impl ServerOptions {
    /// Checks what cannot be left to a type.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting, its value and what it should be.
    pub fn validate(&self) -> Result<()> {
        let limits = &self.limits;
        check(limits.head_bytes >= MIN_HEAD_BYTES, || {
            format!("max_head_bytes is {}; it must be at least {MIN_HEAD_BYTES}", limits.head_bytes)
        })?;
        check(limits.message_bytes > 0, || "max_message_bytes is 0; it must be at least 1".into())?;
        check(limits.event_bytes <= limits.outbox_bytes, || {
            let (event, outbox) = (limits.event_bytes, limits.outbox_bytes);
            format!("max_event_bytes ({event}) is more than outbox_bytes ({outbox}): raise outbox_bytes")
        })?;
        check(self.gate_queue_size > 0, || "gate_queue_size is 0; it must be at least 1".into())?;
        check(self.max_connections > 0, || "max_connections is 0; it must be at least 1".into())?;
        check(!self.ping_interval.is_zero(), || {
            "ping_interval_seconds is 0; it must be more than that".into()
        })
    }

    /// The number of shards to start.
    pub(crate) fn shard_count(&self) -> usize {
        match self.shards {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        }
    }
}

fn check(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::Config(message())) }
}
