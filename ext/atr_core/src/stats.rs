//! Counters of a server, and what it answers when it is asked for them.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only the native threads change and anybody may read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Takes from it (for counts of what is there now).
    pub fn subtract(&self, count: u64) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Declares the counters once, with their names as a host sees them.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What a server has done since it started.
        #[derive(Debug, Default)]
        pub struct Stats {
            $($(#[$doc])* pub $name: Counter,)+
        }

        impl Stats {
            /// Each counter's name and value.
            pub fn snapshot(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get())),+]
            }
        }
    };
}

counters! {
    /// Websocket clients that are connected now.
    connections,
    /// Websocket clients that were let in.
    admitted,
    /// Requests that were refused because the app or the Origin rule said no (401, 403).
    refused,
    /// Requests that were turned away because the gate was full or late, or the server had no room (503).
    turned_away,
    /// Requests that failed because the app's code raised (500).
    failed,
    /// Events that came from the broker.
    events_received,
    /// Messages from the broker that were dropped: not JSON, not UTF-8 or too large.
    events_invalid,
    /// Events written or queued to clients, one for each client.
    events_delivered,
    /// Events that a shard could not take because its queue was full.
    events_dropped,
    /// Times that events of a scope could not be had any more, and its clients were told so.
    resets,
    /// Clients that were cut off because they did not read (4008).
    slow_clients,
    /// Clients that were cut off because they were silent for two pings.
    silent_clients,
    /// Messages of clients that nobody handles.
    messages_ignored,
    /// Scopes that the broker delivers to this server now.
    scopes,
    /// Times that the connection to the broker was made anew after a loss.
    broker_reconnects,
}
