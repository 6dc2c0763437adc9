//! A client that does not read for a while comes back and has everything; its neighbours notice nothing.

use crate::harness::{Running, options};
use crate::v1::V1;
use atr_core::config::{BrokerOptions, ServerOptions};
use atr_core::retention::{Retention, Retentions};
use serde_json::Value;
use std::time::Duration;

const KEPT: Retention = Retention { size: 20_000, ttl: Duration::from_secs(300) };
const OUTBOX_BYTES: usize = 100_000;
/// What it takes to fill the kernel's buffers and the outbox in a test's time.
const LETTERS: usize = 4_000;

fn running() -> Running {
    let mut options = ServerOptions {
        broker: BrokerOptions::Memory { log_bytes: 1 << 28 },
        retentions: Retentions::all(KEPT),
        ..options()
    };
    options.limits.outbox_bytes = OUTBOX_BYTES;
    options.limits.event_bytes = OUTBOX_BYTES;
    Running::start(options)
}

/// Reads events from `position` on as long as the connection gives some. Answers the last position, and the code of the
/// close when that came.
fn read_on(client: &mut V1, position: &str, enough: u64) -> (String, Option<u64>) {
    let (epoch, offset) = position.split_once(':').unwrap();
    let mut offset: u64 = offset.parse().unwrap();
    while offset < enough {
        let frame = client.frame();
        if frame["type"] == "disconnect" {
            assert_eq!((&frame["reason"], &frame["reconnect"]), (&Value::from("slow"), &Value::from(true)));
            return (format!("{epoch}:{offset}"), Some(client.0.close_code().into()));
        }
        offset += 1;
        assert_eq!(frame["position"], format!("{epoch}:{offset}"), "it follows");
    }
    (format!("{epoch}:{offset}"), None)
}

#[test]
fn a_client_that_stops_reading_is_cut_off_and_loses_nothing() {
    let running = running();
    let (mut neighbour, mut slow) = (running.connect_v1("/in/a"), running.connect_v1("/in/a"));
    let begin = neighbour.hello(&[])["scopes"]["a"]["position"].as_str().unwrap().to_owned();
    assert_eq!(slow.hello(&[])["scopes"]["a"]["position"], begin);

    let data = format!("\"{}\"", "x".repeat(LETTERS));
    let mut published = 0;
    while running.stat("slow_clients") == 0 {
        assert!(published < KEPT.size, "it should have been cut off");
        running.publish(&[("a", &data)]);
        published += 1;
        // Each before the next is published: whoever stops holds nobody up.
        neighbour.event();
    }
    let total = u64::from(published) + 500;
    (published..total as u32).for_each(|_| running.publish(&[("a", &data)]));

    let (position, code) = read_on(&mut slow, &begin, total);
    assert_eq!(code, Some(4008));
    let mut back = running.connect_v1("/in/a");
    assert_eq!(back.hello(&[("a", &position)])["scopes"]["a"]["recovered"], true);
    // Twenty times what an outbox takes: a replay does not wait in it.
    let (position, code) = read_on(&mut back, &position, total);
    assert_eq!((position.split_once(':').unwrap().1, code), (total.to_string().as_str(), None));
    back.expect_silence();
    assert_eq!(running.stat("slow_clients"), 1);
}
