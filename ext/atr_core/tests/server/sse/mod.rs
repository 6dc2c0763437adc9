//! Server-sent events: what is in a stream. Who gets one, where it begins and how it ends is in the other files here.

mod admission;
mod ending;
mod resuming;

use crate::event_source::{EventSource, request};
use crate::harness::{DEADLINE, Running, options};
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};

fn open(running: &Running, scopes: &str) -> EventSource {
    EventSource::open(running.address(), &format!("/in/{scopes}"), "")
}

/// A client that has its welcome.
fn join(running: &Running, scopes: &str) -> EventSource {
    let mut source = open(running, scopes);
    source.welcome();
    source
}

#[test]
fn an_answer_begins_with_what_a_browser_needs_and_the_welcome() {
    let running = Running::start(options());
    let mut source = open(&running, "organization.1,user.2");
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("connection", "close"),
        ("vary", "origin"),
    ] {
        assert_eq!(source.header(name), Some(value), "{}", source.head);
    }
    assert!(!source.head.contains("access-control"), "{}", source.head);
    let mut welcome = source.welcome();
    assert_eq!(source.retry.as_deref(), Some("2000"));
    assert_eq!(welcome["session"].take().as_str().map(str::len), Some(16));
    let scopes = welcome["scopes"].take();
    for scope in ["organization.1", "user.2"] {
        let position = scopes[scope]["position"].as_str().unwrap();
        assert!(position.ends_with(":0"), "{position}");
        assert_eq!(scopes[scope]["recovered"], Value::Null);
        assert_eq!(source.cursor()[scope], position);
    }
    let expected = json!({
        "type": "welcome", "session": null, "client_key": null, "ping_interval": 3_600_000, "ignored": [], "scopes": null
    });
    assert_eq!(welcome, expected);
    assert_eq!((running.stat("connections"), running.stat("admitted")), (1, 1));
}

#[test]
fn events_are_unnamed_messages_of_the_client_s_scopes() {
    let running = Running::start(options());
    let (mut both, mut one) = (join(&running, "a,b"), join(&running, "b"));
    let mut websocket = running.join("b");
    running.publish(&[("a", r#"{"n":1}"#), ("c", r#"{"n":2}"#)]);
    running.publish(&[("b", r#"{"n":3}"#)]);
    assert_eq!([both.data(), both.data()], [r#"{"n":1}"#, r#"{"n":3}"#]);
    assert_eq!([one.data(), websocket.text()], [r#"{"n":3}"#; 2]);
    running.eventually("each event is counted once", |running| running.stat("events_delivered") == 4);
}

#[test]
fn json_on_several_lines_arrives_whole() {
    let running = Running::start(options());
    let mut source = join(&running, "a");
    let odd = "{\n\n \"a\" : [1.00,\r\n\"é😀\\n: \"\r]\n}";
    running.publish(&[("a", odd), ("a", "2")]);
    let data = source.data();
    assert_eq!(serde_json::from_str::<Value>(&data).unwrap(), json!({ "a": [1.0, "é😀\n: "] }));
    assert_eq!(data, odd.replace("\r\n", "\n\n").replace('\r', "\n"));
    assert_eq!(source.data(), "2");
}

#[test]
fn many_events_arrive_whole_and_in_order() {
    let running = Running::start(options());
    let mut sources: Vec<_> = (0..20).map(|_| join(&running, "a,b")).collect();
    let filler = "x".repeat(100);
    for block in 0..50 {
        let events: Vec<_> = (0..20).map(|n| format!("\"{} {filler}\"", block * 20 + n)).collect();
        running.publish(&events.iter().map(|event| ("a", event.as_str())).collect::<Vec<_>>());
    }
    for source in &mut sources {
        (0..1000).for_each(|n| assert_eq!(source.data(), format!("\"{n} {filler}\"")));
    }
}

#[test]
fn comments_keep_a_stream_awake_and_want_no_answer() {
    let mut options = options();
    options.ping_interval = Duration::from_millis(50);
    let running = Running::start(options);
    let mut source = join(&running, "a");
    running.publish(&[("a", "1")]);
    assert_eq!(source.data(), "1");
    let begun = Instant::now();
    while source.comments < 5 {
        running.publish(&[("a", "2")]);
        assert_eq!(source.data(), "2");
        assert!(begun.elapsed() < DEADLINE, "no comment comes");
    }
    assert_eq!((running.stat("silent_clients"), running.stat("connections")), (0, 1));
}

#[test]
fn what_a_client_sends_behind_its_request_is_not_heard() {
    let running = Running::start(options());
    let mut source = join(&running, "a");
    for _ in 0..10 {
        source.socket().write_all(request("/in/b", "").as_bytes()).unwrap();
        source.socket().write_all(&[0xff; 10_000]).unwrap();
    }
    running.publish(&[("b", "1"), ("a", "2")]);
    assert_eq!(source.data(), "2");
    assert_eq!(running.stat("admitted"), 1);
}
