//! Who gets which events.

use crate::harness::{Running, options};
use std::time::Duration;

#[test]
fn an_event_goes_to_its_scope_and_no_other() {
    let running = Running::start(options());
    let (mut one, mut two) = (running.join("organization.1"), running.join("organization.2"));
    let mut deeper = running.join("organization.1.team.2");
    running.publish(&[("organization.1", r#"{"n":1}"#), ("organization.2", r#"{"n":2}"#)]);
    running.publish(&[("organization.1.team.2", r#"{"n":3}"#)]);
    assert_eq!(one.text(), r#"{"n":1}"#);
    assert_eq!(two.text(), r#"{"n":2}"#);
    assert_eq!(deeper.text(), r#"{"n":3}"#);
    running.eventually("each event is counted once", |running| running.stat("events_delivered") == 3);
}

#[test]
fn unscoped_events_go_to_the_empty_scope_alone() {
    let running = Running::start(options());
    let (mut everybody, mut scoped) = (running.join(""), running.join("organization.1"));
    running.publish(&[("", r#"{"n":1}"#), ("organization.1", r#"{"n":2}"#)]);
    assert_eq!(everybody.text(), r#"{"n":1}"#);
    assert_eq!(scoped.text(), r#"{"n":2}"#);
    running.eventually("each event is counted once", |running| running.stat("events_delivered") == 2);
}

#[test]
fn a_client_of_two_scopes_gets_both_once_even_if_a_scope_is_named_twice() {
    let running = Running::start(options());
    let mut client = running.join("a,b,a");
    running.publish(&[("a", "1"), ("b", "2")]);
    running.publish(&[("a", "3")]);
    let mut texts = [client.text(), client.text(), client.text()];
    texts.sort();
    assert_eq!(texts, ["1", "2", "3"]);
    running.eventually("each event is counted once", |running| running.stat("events_delivered") == 3);
}

#[test]
fn many_events_arrive_whole_and_in_order() {
    let running = Running::start(options());
    let mut clients: Vec<_> = (0..20).map(|_| running.join("a")).collect();
    for block in 0..50 {
        let events: Vec<_> = (0..40).map(|n| format!("{}", block * 40 + n)).collect();
        running.publish(&events.iter().map(|event| ("a", event.as_str())).collect::<Vec<_>>());
    }
    for client in &mut clients {
        (0..2000).for_each(|n| assert_eq!(client.text(), n.to_string()));
    }
}

#[test]
fn bytes_are_those_of_the_publisher() {
    let running = Running::start(options());
    let mut client = running.join("a");
    let odd = "{ \"b\" : 1.00, \"a\":\"é😀\\u0000\" }";
    running.publish(&[("a", odd)]);
    assert_eq!(client.text(), odd);
}

#[test]
fn events_of_all_sizes_of_a_frame_header_arrive() {
    let running = Running::start(options());
    let mut client = running.join("a");
    for size in [2, 125, 126, 65_535, 65_536, 1_000_000] {
        let event = format!("\"{}\"", "x".repeat(size - 2));
        running.publish(&[("a", &event)]);
        assert!(client.text() == event, "{size}");
    }
}

#[test]
fn what_is_too_large_or_no_json_is_dropped_and_the_next_event_comes() {
    let mut options = options();
    options.limits.event_bytes = 100;
    let running = Running::start(options);
    let mut client = running.join("a");
    let large = format!("\"{}\"", "x".repeat(100));
    running.publish(&[("a", &large), ("a", "{oops"), ("a", "[1]")]);
    assert_eq!(client.text(), "[1]");
    assert_eq!(running.stat("events_invalid"), 2);
}

#[test]
fn a_client_that_does_not_read_is_cut_off_with_4008_and_the_others_do_not_notice() {
    let running = Running::start(options());
    let (mut slow, mut reading) = (running.join("a"), running.join("a"));
    let event = format!("\"{}\"", "x".repeat(500_000));
    let mut published = 0;
    while running.stat("slow_clients") == 0 {
        running.publish(&[("a", &event)]);
        assert!(reading.text() == event);
        published += 1;
        assert!(published < 100, "the outbox is not bounded");
    }
    // It still finds whole frames, and the reason behind them.
    assert_eq!(slow.close_code(), 4008);
    running.publish(&[("a", "1")]);
    assert_eq!(reading.text(), "1");
}

#[test]
fn a_slow_client_that_catches_up_gets_everything_in_order() {
    let mut options = options();
    options.limits.outbox_bytes = 64 << 20;
    let running = Running::start(options);
    let mut slow = running.join("a");
    let filler = "x".repeat(100_000);
    for n in 0..200 {
        running.publish(&[("a", &format!("\"{n} {filler}\"")), ("a", &n.to_string())]);
    }
    for n in 0..200 {
        assert!(slow.text().starts_with(&format!("\"{n} ")), "{n}");
        assert!(slow.text() == n.to_string(), "{n}");
    }
    assert_eq!(running.stat("slow_clients"), 0);
}

#[test]
fn a_scope_is_left_after_its_last_client_and_joined_anew() {
    let running = Running::start(options());
    let client = running.join("a");
    assert_eq!(running.stat("scopes"), 1);
    drop(client);
    running.eventually("the scope is left", |running| running.stat("scopes") == 0);
    let mut client = running.join("a");
    running.publish(&[("a", "1")]);
    assert_eq!(client.text(), "1");
}

#[test]
fn a_thousand_clients_that_vanish_at_once_leave_nothing_behind() {
    let running = Running::start(options());
    let mut staying = running.join("a");
    let vanishing: Vec<_> = (0..1000).map(|n| running.join(if n % 2 == 0 { "a" } else { "b" })).collect();
    assert_eq!(running.stat("connections"), 1001);
    drop(vanishing);
    running.publish(&[("a", "1")]);
    assert_eq!(staying.text(), "1");
    running.eventually("the clients are forgotten", |running| running.stat("connections") == 1);
}

#[test]
fn a_silent_client_is_pinged_and_then_cut_off() {
    let mut options = options();
    options.ping_interval = Duration::from_millis(250);
    let running = Running::start(options);
    let mut answering = running.join("a");
    let silent = running.join("a");
    while running.stat("silent_clients") == 0 {
        // Reading answers the pings.
        assert!(answering.message().is_ping());
    }
    running.eventually("the silent client is gone", |running| running.stat("connections") == 1);
    drop(silent);
}
