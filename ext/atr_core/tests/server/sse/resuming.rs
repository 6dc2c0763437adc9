//! Where a stream begins that a client comes back to.

use super::{join, open};
use crate::event_source::EventSource;
use crate::harness::{Running, options};
use crate::support::{self, RedisServer, json as numbered, publish, publisher};
use atr_core::config::{BrokerOptions, ServerOptions};
use atr_core::retention::{Retention, Retentions};
use serde_json::{Value, json};
use std::ops::RangeInclusive;

/// Publishes events `"1"` … to a scope, one by one.
fn publish_numbers(running: &Running, scope: &str, numbers: RangeInclusive<u64>) {
    numbers.for_each(|n| running.publish(&[(scope, &n.to_string())]));
}

/// How a client comes back that has seen what is in `source`.
fn come_back(running: &Running, scopes: &str, cursor: &str) -> (EventSource, Value) {
    let headers = format!("Last-Event-ID: {cursor}\r\n");
    let mut source = EventSource::open(running.address(), &format!("/in/{scopes}"), &headers);
    let welcome = source.welcome();
    (source, welcome)
}

fn expect_numbers(source: &mut EventSource, numbers: RangeInclusive<u64>) {
    numbers.for_each(|n| assert_eq!(source.data(), n.to_string()));
}

#[test]
fn a_client_that_comes_back_gets_what_it_has_missed() {
    let running = Running::start(options());
    let mut source = join(&running, "a,b");
    publish_numbers(&running, "a", 1..=3);
    expect_numbers(&mut source, 1..=3);
    let cursor = source.last_id.clone();
    assert!(source.cursor()["a"].as_str().unwrap().ends_with(":3"));
    assert!(source.cursor()["b"].as_str().unwrap().ends_with(":0"));
    drop(source);
    publish_numbers(&running, "a", 4..=50);
    publish_numbers(&running, "b", 51..=99);

    let (mut source, welcome) = come_back(&running, "a,b", &cursor);
    for scope in ["a", "b"] {
        assert_eq!(welcome["scopes"][scope]["recovered"], true);
        assert_eq!(
            welcome["scopes"][scope]["position"],
            serde_json::from_str::<Value>(&cursor).unwrap()[scope]
        );
    }
    publish_numbers(&running, "b", 100..=100);
    let numbers = std::iter::from_fn(|| Some(source.data().parse::<u64>().unwrap()));
    let (of_a, of_b): (Vec<_>, Vec<_>) = numbers.take(97).partition(|&n| n <= 50);
    assert!(
        of_a == (4..=50).collect::<Vec<_>>() && of_b == (51..=100).collect::<Vec<_>>(),
        "{of_a:?} {of_b:?}"
    );
    assert!(source.cursor()["a"].as_str().unwrap().ends_with(":50"));
    assert!(source.cursor()["b"].as_str().unwrap().ends_with(":50"));

    let (mut source, welcome) = come_back(&running, "a,b", &source.last_id);
    assert_eq!(welcome["scopes"]["b"]["recovered"], true);
    running.publish(&[("b", "101")]);
    assert_eq!(source.data(), "101", "it had missed nothing");
}

#[test]
fn each_event_can_be_come_back_to() {
    let running = Running::start(options());
    let mut source = join(&running, "a");
    let first = source.last_id.clone();
    publish_numbers(&running, "a", 1..=20);
    let mut cursors = vec![first];
    for n in 1..=20_u64 {
        assert_eq!(source.data(), n.to_string());
        cursors.push(source.last_id.clone());
    }
    for (seen, cursor) in (0..).zip(&cursors) {
        let (mut source, welcome) = come_back(&running, "a", cursor);
        assert_eq!(welcome["scopes"]["a"]["recovered"], true);
        expect_numbers(&mut source, seen + 1..=20);
    }
}

#[test]
fn a_client_of_many_scopes_is_not_cut_off_for_the_length_of_its_ids_and_can_come_back_to_each() {
    const EVENTS: usize = 4000;
    let mut options = options();
    options.limits.outbox_bytes = 600_000;
    options.limits.event_bytes = 600_000;
    let running = Running::start(options);
    let scopes: Vec<_> = (0..40).map(|n| format!("organization.{n}")).collect();
    let joined = scopes.join(",");
    let mut source = join(&running, &joined);
    // Batches of four scopes at once, each event with 1.4 kB of cursor.
    let numbers: Vec<_> = (0..EVENTS).map(|n| n.to_string()).collect();
    let scope_of = |n: usize| scopes[n * 4 / EVENTS].as_str();
    running.publish(&(0..EVENTS).map(|n| (scope_of(n), numbers[n].as_str())).collect::<Vec<_>>());
    let seen: Vec<_> = (0..EVENTS).map(|_| (source.data(), source.last_id.clone())).collect();
    assert_eq!(running.stat("slow_clients"), 0);
    let sorted = |numbers: &mut dyn Iterator<Item = String>| {
        let mut numbers: Vec<usize> = numbers.map(|n| n.parse().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    };
    assert!(sorted(&mut seen.iter().map(|(n, _)| n.clone())).into_iter().eq(0..EVENTS));
    for last in (EVENTS - 50..EVENTS).step_by(7) {
        let (mut source, welcome) = come_back(&running, &joined, &seen[last].1);
        assert!(scopes.iter().all(|scope| welcome["scopes"][scope]["recovered"] == true), "{welcome}");
        let missed = sorted(&mut seen[last + 1..].iter().map(|(n, _)| n.clone()));
        assert_eq!(sorted(&mut missed.iter().map(|_| source.data())), missed);
    }
}

#[test]
fn a_loss_without_a_position_is_told_again() {
    let running = Running::start(options());
    let mut source = join(&running, "a,b");
    running.publish(&[("b", "1")]);
    source.data();
    let mut cursor = source.cursor();
    cursor["a"] = Value::Null;
    let (_, welcome) = come_back(&running, "a,b", &cursor.to_string());
    assert_eq!(
        (&welcome["scopes"]["a"]["recovered"], &welcome["scopes"]["b"]["recovered"]),
        (&json!(false), &json!(true))
    );
}

#[test]
fn the_first_connection_of_a_page_says_where_it_was_in_its_url_and_later_ones_in_the_header() {
    let running = Running::start(options());
    let mut source = join(&running, "a");
    publish_numbers(&running, "a", 1..=3);
    let seen = |_| {
        source.data();
        source.last_id.clone()
    };
    let cursors: Vec<_> = (1..=3).map(seen).collect();
    let path = format!(
        "/in/a?last_event_id={}",
        cursors[0].replace('{', "%7B").replace('}', "%7D").replace('"', "%22")
    );
    let mut source = EventSource::open(running.address(), &path, "");
    assert_eq!(source.welcome()["scopes"]["a"]["recovered"], true);
    expect_numbers(&mut source, 2..=3);
    let header = format!("Last-Event-ID: {}\r\n", cursors[1]);
    let mut source = EventSource::open(running.address(), &path, &header);
    assert_eq!(source.welcome()["scopes"]["a"]["recovered"], true);
    expect_numbers(&mut source, 3..=3);
}

#[test]
fn what_cannot_be_resumed_is_said_and_none_of_it_is_sent() {
    let running = Running::start(options());
    let mut source = join(&running, "a");
    let cursor = source.last_id.clone();
    publish_numbers(&running, "a", 1..=3);
    expect_numbers(&mut source, 1..=3);
    let epoch = cursor.strip_suffix(":0\"}").unwrap().to_owned();
    let other_epoch = "{\"a\":\"00000000000000aa:2\"}".to_owned();
    for (lost, expected) in [
        (format!("{epoch}:4\"}}"), false),
        (format!("{epoch}:9007199254740991\"}}"), false),
        (format!("{epoch}:9007199254740992\"}}"), false),
        (format!("{epoch}:-1\"}}"), false),
        (other_epoch, false),
        (format!("{epoch}:3\"}}"), true),
    ] {
        let (source, welcome) = come_back(&running, "a", &lost);
        let start = &welcome["scopes"]["a"];
        assert_eq!(
            (&start["recovered"], &source.cursor()["a"]),
            (&json!(expected), &start["position"]),
            "{lost}"
        );
        assert!(start["position"].as_str().unwrap().ends_with(":3"), "{lost}: {start}");
    }
    publish_numbers(&running, "a", 4..=104);
    let (mut source, welcome) = come_back(&running, "a", &cursor);
    assert_eq!(welcome["scopes"]["a"]["recovered"], false, "the log has 100 events");
    publish_numbers(&running, "a", 105..=105);
    expect_numbers(&mut source, 105..=105);
}

#[test]
fn a_log_that_is_larger_than_the_outbox_comes_as_fast_as_it_is_read() {
    let mut options = options();
    options.limits.outbox_bytes = 50_000;
    options.limits.event_bytes = 50_000;
    let running = Running::start(options);
    let mut source = join(&running, "a");
    let event = |n| format!("\"{n} {}\"", "x".repeat(9_000));
    for n in 1..=80 {
        running.publish(&[("a", &event(n))]);
        assert!(source.data() == event(n));
    }
    let cursor = source.last_id.replace(":80\"", ":0\"");
    let mut slow = EventSource::open(running.address(), "/in/a", &format!("Last-Event-ID: {cursor}\r\n"));
    running.publish(&[("a", "81")]);
    assert_eq!(source.data(), "81");
    assert_eq!(slow.welcome()["scopes"]["a"]["recovered"], true);
    (1..=80).for_each(|n| assert!(slow.data() == event(n), "{n}"));
    assert_eq!(slow.data(), "81");
    assert_eq!(running.stat("slow_clients"), 0);
}

#[test]
fn events_in_no_log_have_no_place_to_come_back_to() {
    let mut options = options();
    options.retentions = Retentions::all(Retention::NONE);
    let running = Running::start(options);
    let mut source = open(&running, "a");
    assert_eq!(source.welcome()["scopes"]["a"], json!({ "position": null, "recovered": null }));
    running.publish(&[("a", "1")]);
    assert_eq!((source.data().as_str(), source.last_id.as_str()), ("1", "{}"));
}

#[test]
fn a_cursor_that_is_none_recovers_nothing_and_says_so() {
    let running = Running::start(options());
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(8000));
    for garbage in ["17", "too-long", "{\"a\":", "[[[[", "\u{e9}", &long] {
        let headers = format!("Last-Event-ID: {garbage}\r\n");
        let mut source = EventSource::open(running.address(), "/in/a,b", &headers);
        let welcome = source.welcome();
        let recovered = ["a", "b"].map(|scope| welcome["scopes"][scope]["recovered"].clone());
        let expected =
            if garbage == long { [json!(false), json!(null)] } else { [json!(false), json!(false)] };
        assert_eq!(recovered, expected, "{garbage}");
        running.publish(&[("a", "1")]);
        assert_eq!(source.data(), "1");
    }
}

#[test]
fn scopes_that_are_not_the_client_s_are_named_and_nothing_else_comes_of_them() {
    let running = Running::start(options());
    let cursor: serde_json::Map<_, _> =
        (0..100).map(|n| (format!("b.{n}"), json!("8f3a52c1d09e4b76:1"))).collect();
    let headers = format!("Last-Event-ID: {}\r\n", Value::from(cursor));
    let mut source = EventSource::open(running.address(), "/in/a", &headers);
    let welcome = source.welcome();
    assert_eq!(welcome["scopes"].as_object().unwrap().keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(welcome["scopes"]["a"]["recovered"], Value::Null);
    assert_eq!(welcome["ignored"].as_array().map(Vec::len), Some(10));
    running.publish(&[("b.1", "1"), ("a", "2")]);
    assert_eq!(source.data(), "2");
}

#[test]
fn a_log_that_is_lost_is_a_reset_that_says_where_to_go_on() {
    let mut redis = RedisServer::start();
    let broker = BrokerOptions::Redis { url: redis.url(), namespace: "atr".into() };
    let running = Running::start(ServerOptions { broker, ..options() });
    let publisher = publisher(support::options(&redis));
    let mut source = join(&running, "a,b");
    publish(&publisher, 1).unwrap();
    assert_eq!(source.data(), numbered(1));
    let before = source.cursor();
    redis.kill();
    redis.restart();
    for _ in ["a", "b"] {
        let reset = source.event();
        assert_eq!(reset.name, "reset");
        let reset = reset.json();
        let scope = reset["scope"].as_str().unwrap();
        assert_eq!(source.cursor()[scope], reset["position"]);
        assert_ne!(before[scope], reset["position"]);
    }
    let cursor = source.last_id.clone();
    publish(&publisher, 2).unwrap();
    assert_eq!(source.data(), numbered(2));
    let (mut source, welcome) = come_back(&running, "a,b", &cursor);
    assert_eq!(welcome["scopes"]["a"]["recovered"], true);
    assert_eq!(source.data(), numbered(2));
}
