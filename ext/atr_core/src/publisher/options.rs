//! What a publisher is made with. There are no defaults here: the host's configuration has them all.

use crate::retention::Retentions;
use crate::{Error, Result};

/// Where events go.
#[derive(Debug, Clone)]
pub enum Target {
    /// To a Redis.
    Redis {
        /// `redis://[user:password@]host[:port][/database]`
        url: String,
        /// The first word of every key and channel of a scope.
        namespace: String,
        /// Whether the JSON is also published on the channel that is the routing key.
        publish_on_routing_key: bool,
    },
    /// To the admin port of a server with the memory broker.
    Memory {
        /// `http://host:port`
        admin_url: String,
        /// What the server knows a publisher by.
        admin_token: String,
    },
}

/// What a publisher is made with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where events go.
    pub target: Target,
    /// What is kept of each scope's log. A memory broker goes by its server's.
    pub retentions: Retentions,
    /// Events that may wait.
    pub queue_size: usize,
    /// Bytes that may wait; at least one event of the largest size.
    pub queue_bytes: usize,
    /// The largest JSON of an event.
    pub max_event_bytes: usize,
}

impl Options {
    /// Checks the bounds; the addresses are checked where they are read.
    pub(super) fn validate(&self) -> Result<()> {
        let Self { queue_size, queue_bytes, max_event_bytes, .. } = self;
        if *queue_size == 0 {
            return Err(Error::Config("publisher_queue_size is 0; it must be at least 1".into()));
        }
        if queue_bytes < max_event_bytes {
            return Err(Error::Config(format!(
                "publisher_queue_bytes ({queue_bytes}) is less than max_event_bytes ({max_event_bytes}): raise it"
            )));
        }
        Ok(())
    }
}
