//! Publishers, and what they are made with.

use super::{PATIENCE, RedisServer, TIMING};
use atr_core::broker::Timing;
use atr_core::event::Event;
use atr_core::position::Position;
use atr_core::publisher::{Options, Publisher, Target};
use atr_core::retention::{Retention, Retentions};
use atr_core::scope::Scope;
use atr_core::wait::Interrupt;
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Duration;

/// What is kept of a log unless a test says otherwise.
pub const RETENTION: Retention = Retention { size: 100, ttl: Duration::from_secs(300) };

/// An event of a scope whose JSON is `{"n":…}`.
pub fn event(scope: &str, n: usize) -> Event {
    let separator = if scope.is_empty() { "" } else { "." };
    Event {
        id: format!("{n:x}"),
        scope: Scope::new(scope).unwrap(),
        name: "post.created".into(),
        routing_key: format!("{scope}{separator}post.created"),
        json: Bytes::from(format!("{{\"n\":{n}}}")),
    }
}

/// What the JSON of the event with this number is.
pub fn json(n: usize) -> String {
    format!("{{\"n\":{n}}}")
}

pub fn publisher(options: Options) -> Publisher {
    Publisher::with_timing(options, TIMING).unwrap()
}

/// A publisher that trusts its connection however long that was silent.
pub fn trusting(options: Options) -> Publisher {
    let timing = Timing { ping_interval: Duration::from_secs(3600), ..TIMING };
    Publisher::with_timing(options, timing).unwrap()
}

pub fn interrupt() -> Interrupt {
    Interrupt::for_this_thread()
}

/// Waits until all is settled.
pub fn flush(publisher: &Publisher) {
    assert!(publisher.flush(PATIENCE, &interrupt()).unwrap(), "{:?}", publisher.stats());
}

/// Publishes an event of the scope `a` and waits for the broker's answer.
pub fn publish(publisher: &Publisher, n: usize) -> atr_core::Result<Option<Position>> {
    publisher.publish(event("a", n), PATIENCE, &interrupt())
}

/// What publishes to this Redis, without the tap.
pub fn options(redis: &RedisServer) -> Options {
    options_as(redis.url(), false)
}

pub fn options_as(url: String, publish_on_routing_key: bool) -> Options {
    Options {
        target: Target::Redis { url, namespace: "atr".into(), publish_on_routing_key },
        retentions: Retentions::all(RETENTION),
        queue_size: 10_000,
        queue_bytes: 10_000_000,
        max_event_bytes: 1000,
    }
}

/// The same, without a log.
pub fn without_log(options: Options) -> Options {
    Options { retentions: Retentions::all(Retention::NONE), ..options }
}

/// What publishes to the admin port at this address.
pub fn memory_options(address: SocketAddr, token: &str) -> Options {
    let target = Target::Memory { admin_url: format!("http://{address}"), admin_token: token.into() };
    Options { target, ..options_as("redis://localhost".into(), false) }
}

/// One of a publisher's counters.
pub fn stat(publisher: &Publisher, name: &str) -> u64 {
    publisher.stats().into_iter().find(|(key, _)| *key == name).expect("a counter of this name").1
}
