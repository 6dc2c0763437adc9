//! Events and options of publishers.

use super::RedisServer;
use atr_core::event::Event;
use atr_core::publisher::{Options, Publisher, Target};
use atr_core::scope::Scope;
use bytes::Bytes;

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

/// What publishes to this Redis, without the tap.
pub fn options(redis: &RedisServer) -> Options {
    options_as(redis.url(), false)
}

pub fn options_as(url: String, publish_on_routing_key: bool) -> Options {
    Options {
        target: Target::Redis { url, namespace: "atr".into(), publish_on_routing_key },
        queue_size: 10_000,
        queue_bytes: 10_000_000,
        max_event_bytes: 1000,
    }
}

/// One of a publisher's counters.
pub fn stat(publisher: &Publisher, name: &str) -> u64 {
    publisher.stats().into_iter().find(|(key, _)| *key == name).expect("a counter of this name").1
}
