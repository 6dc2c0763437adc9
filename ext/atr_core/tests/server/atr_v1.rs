//! The protocol `atr.v1`, as docs/protocol.md has it.

use crate::harness::{DEADLINE, Running, options};
use crate::v1::V1;
use serde_json::json;
use std::time::{Duration, Instant};

fn start() -> Running {
    Running::start(options())
}

/// The part of a position before the colon.
fn epoch(position: &str) -> &str {
    position.split_once(':').unwrap().0
}

#[test]
fn a_client_is_welcomed_and_gets_events_with_positions() {
    let running = start();
    let mut client = running.connect_v1("/in/a,b");
    let welcome = client.hello(&[]);
    assert_eq!(welcome["ping_interval"], 3_600_000);
    assert_eq!((&welcome["client_key"], &welcome["ignored"]), (&json!(null), &json!([])));
    assert_eq!(welcome["session"].as_str().unwrap().len(), 16);
    let begin = welcome["scopes"]["a"]["position"].as_str().unwrap().to_owned();
    assert!(begin.ends_with(":0") && welcome["scopes"]["a"]["recovered"].is_null(), "{welcome}");
    assert_eq!(welcome["scopes"].as_object().unwrap().len(), 2);

    running.publish(&[("a", "{\"n\" : 1}"), ("b", "2"), ("a", "3")]);
    let frames = [client.frame(), client.frame(), client.frame()];
    let of_a: Vec<_> = frames.iter().filter(|frame| frame["scope"] == "a").collect();
    assert_eq!(of_a[0]["position"], format!("{}:1", epoch(&begin)));
    assert_eq!((&of_a[0]["event"], &of_a[1]["event"]), (&json!({ "n": 1 }), &json!(3)));
}

#[test]
fn nothing_comes_before_the_hello_and_the_plain_protocol_stays_bare() {
    let running = start();
    let (mut silent, mut plain) = (running.connect_v1("/in/a"), running.join("a"));
    running.publish(&[("a", "1")]);
    assert_eq!(plain.text(), "1");
    silent.expect_silence();
    let welcome = silent.hello(&[]);
    assert!(welcome["scopes"]["a"]["position"].as_str().unwrap().ends_with(":1"), "{welcome}");
    running.publish(&[("a", "2")]);
    assert_eq!((silent.event().1, plain.text()), (json!(2), "2".to_owned()));
}

#[test]
fn a_client_that_comes_back_gets_what_it_has_missed() {
    let running = start();
    let mut client = running.connect_v1("/in/a");
    client.hello(&[]);
    running.publish(&[("a", "1")]);
    let (position, _) = client.event();
    drop(client);
    running.publish(&[("a", "2"), ("a", "3")]);

    let mut client = running.connect_v1("/in/a");
    let welcome = client.hello(&[("a", &position)]);
    assert_eq!(welcome["scopes"]["a"], json!({ "position": position, "recovered": true }));
    assert_eq!((client.event().1, client.event().1), (json!(2), json!(3)));
    running.publish(&[("a", "4")]);
    assert_eq!(client.event(), (format!("{}:4", epoch(&position)), json!(4)));
}

#[test]
fn a_client_that_missed_nothing_gets_nothing() {
    let running = start();
    running.publish(&[("a", "1")]);
    let mut client = running.connect_v1("/in/a");
    let position = client.hello(&[])["scopes"]["a"]["position"].as_str().unwrap().to_owned();
    let mut again = running.connect_v1("/in/a");
    assert_eq!(again.hello(&[("a", &position)])["scopes"]["a"]["recovered"], true);
    again.expect_silence();
}

#[test]
fn what_cannot_be_resumed_is_said_and_none_of_it_is_sent() {
    let running = start();
    running.publish(&[("a", "1")]);
    let mut client = running.connect_v1("/in/a");
    let now = client.hello(&[])["scopes"]["a"]["position"].as_str().unwrap().to_owned();
    for position in [format!("{}:9", epoch(&now)), "00000000000000aa:1".into()] {
        let mut client = running.connect_v1("/in/a");
        let welcome = client.hello(&[("a", &position)]);
        assert_eq!(welcome["scopes"]["a"], json!({ "position": now, "recovered": false }));
        client.expect_silence();
    }
    for n in 0..500 {
        running.publish(&[("a", &n.to_string())]);
    }
    let mut client = running.connect_v1("/in/a");
    assert_eq!(client.hello(&[("a", &now)])["scopes"]["a"]["recovered"], false, "it was trimmed");
    client.expect_silence();
}

#[test]
fn what_is_no_position_is_said_and_not_recovered() {
    let running = start();
    for position in ["", "nan", "8f3a52c1d09e4b76:-1", "8f3a52c1d09e4b76:1000000000000000000000000000000"] {
        let mut client = running.connect_v1("/in/a");
        client.say(&json!({ "type": "hello", "positions": { "a": position, "b": "x" } }));
        assert_eq!(client.expect("error")["code"], "malformed_position");
        let welcome = client.expect("welcome");
        assert_eq!(welcome["scopes"]["a"]["recovered"], false);
        assert_eq!(welcome["ignored"], json!(["b"]), "it is not the client's");
    }
}

#[test]
fn a_thousand_scopes_that_are_not_the_clients_are_ignored() {
    let running = start();
    let positions: serde_json::Map<_, _> =
        (0..1000).map(|n| (format!("s{n}"), json!("8f3a52c1d09e4b76:1"))).collect();
    let mut client = running.connect_v1("/in/a");
    client.say(&json!({ "type": "hello", "positions": positions }));
    let welcome = client.expect("welcome");
    assert_eq!(welcome["ignored"].as_array().unwrap().len(), 10);
    assert_eq!(welcome["scopes"].as_object().unwrap().len(), 1);
}

#[test]
fn scopes_that_are_wanted_again_while_they_are_given_up_are_not_lost() {
    let mut options = options();
    options.subscription_grace = Duration::from_millis(20);
    let running = Running::start(options);
    let scopes: Vec<_> = (0..1500).map(|n| format!("s{n}")).collect();
    let path = format!("/in/{}", scopes.join(","));
    for round in 0..20 {
        let mut client = running.connect_v1(&path);
        let welcome = client.hello(&[]);
        assert_eq!(welcome["scopes"].as_object().unwrap().len(), scopes.len());
        let events: Vec<_> = scopes.iter().map(|scope| (scope.as_str(), "1")).collect();
        running.publish(&events);
        let mut seen: Vec<_> =
            scopes.iter().map(|_| client.expect("event")["scope"].as_str().unwrap().to_owned()).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), scopes.len(), "round {round}");
        drop(client);
        running
            .eventually("scopes are being given up", |running| running.stat("scopes") < scopes.len() as u64);
    }
}

#[test]
fn a_filter_is_applied_here_and_what_it_holds_back_counts_as_seen() {
    let mut options = options();
    options.ping_interval = Duration::from_millis(500);
    let running = Running::start(options);
    let mut client = running.connect_v1("/in/a");
    client.say(&json!({ "type": "hello", "names": ["post.*", "note"] }));
    client.expect("welcome");
    running.publish_named(&[
        ("a", "post.created", "1"),
        ("a", "comment.created", "2"),
        ("a", "note", "3"),
        ("a", "comment.updated", "4"),
    ]);
    assert_eq!((client.event().1, client.event().1), (json!(1), json!(3)));
    let ping = loop {
        let frame = client.expect("ping");
        if frame.get("positions").is_some() {
            break frame;
        }
        client.say(&json!({ "type": "pong" }));
    };
    let position = ping["positions"]["a"].as_str().unwrap().to_owned();
    assert!(position.ends_with(":4"), "{ping}");
    let mut again = running.connect_v1("/in/a");
    assert_eq!(again.hello(&[("a", &position)])["scopes"]["a"]["recovered"], true);
}

#[test]
fn a_malformed_hello_is_answered_and_closed() {
    let running = start();
    let names = vec!["a"; 10_000];
    for (hello, code) in [
        (json!({ "type": "hello", "positions": [] }), "malformed_hello"),
        (json!({ "type": "hello", "names": ["*.a"] }), "malformed_hello"),
        (json!({ "type": "hello", "names": names }), "malformed_hello"),
        (json!({ "type": "helo" }), "malformed_message"),
        (json!([]), "malformed_message"),
    ] {
        let mut client = running.connect_v1("/in/a");
        client.say(&hello);
        assert_eq!(client.expect("error")["code"], code);
        let disconnect = client.expect("disconnect");
        assert_eq!((&disconnect["reason"], &disconnect["reconnect"]), (&json!("malformed"), &json!(false)));
        assert_eq!(client.0.close_code(), 4400);
    }
}

#[test]
fn later_mistakes_are_told_and_cost_nothing() {
    let running = start();
    let mut client = running.connect_v1("/in/a");
    client.hello(&[]);
    for (frame, code) in [
        ("{", "malformed_message"),
        (r#"{"type":"hello"}"#, "repeated_hello"),
        (r#"{"type":1}"#, "malformed_message"),
    ] {
        client.0.send_text(frame);
        let error = client.expect("error");
        assert_eq!(error["code"], code);
        assert!(
            !error["message"].as_str().unwrap().is_empty() && !error["help"].as_str().unwrap().is_empty()
        );
    }
    running.publish(&[("a", "1")]);
    assert_eq!(client.event().1, json!(1));
}

#[test]
fn who_says_no_hello_is_closed_with_4408() {
    let mut options = options();
    options.limits.head_timeout = Duration::from_millis(100);
    let running = Running::start(options);
    let mut client = running.connect_v1("/in/a");
    assert_eq!(client.expect("error")["code"], "late_hello");
    assert_eq!(client.expect("disconnect")["reconnect"], true);
    assert_eq!(client.0.close_code(), 4408);
}

#[test]
fn pings_go_both_ways_and_silence_is_noticed() {
    let mut options = options();
    options.ping_interval = Duration::from_millis(100);
    let running = Running::start(options);
    let mut client = running.connect_v1("/in/a");
    client.hello(&[]);
    for _ in 0..4 {
        client.expect("ping");
        client.say(&json!({ "type": "pong" }));
    }
    let mut silent = running.connect_v1("/in/a");
    running.eventually("the silent one is cut off", |running| running.stat("silent_clients") > 0);
    silent.expect("ping");
}

#[test]
fn a_refused_client_can_read_why() {
    let running = start();
    for (path, code, reconnect) in
        [("/no/401", 4401, false), ("/no/403", 4403, false), ("/raise", 4500, true), ("/drop", 4500, true)]
    {
        let mut client = running.connect_v1(path);
        let disconnect = client.expect("disconnect");
        assert_eq!(disconnect["reconnect"], reconnect, "{path}");
        assert_eq!(client.0.close_code(), code, "{path}");
    }
    assert_eq!((running.stat("refused"), running.stat("failed")), (2, 2));
    running.eventually("all have left", |running| running.stat("connections") == 0);
}

#[test]
fn without_room_a_client_is_told_when_to_come_back() {
    let mut options = options();
    options.max_connections = 1;
    let running = Running::start(options);
    let _first = running.connect_v1("/in/a");
    let mut second = running.connect_v1("/in/a");
    let disconnect = second.expect("disconnect");
    assert_eq!((&disconnect["reason"], &disconnect["after"]), (&json!("busy"), &json!(1000)));
    assert_eq!(second.0.close_code(), 4503);
}

#[test]
fn a_server_that_stops_sends_its_clients_away_one_after_the_other() {
    let mut options = options();
    options.drain = Duration::from_secs(2);
    let running = Running::start(options);
    let mut clients: Vec<_> = (0..200).map(|_| running.connect_v1("/in/a")).collect();
    clients.iter_mut().for_each(|client| _ = client.hello(&[]));
    let begun = Instant::now();
    let leaving: Vec<_> =
        clients.into_iter().map(|client| std::thread::spawn(move || leave(client, begun))).collect();
    assert!(running.stop(DEADLINE));
    let mut ends: Vec<_> = leaving.into_iter().map(|client| client.join().unwrap()).collect();
    let afters: std::collections::HashSet<_> = ends.iter().map(|(_, after)| *after).collect();
    assert!(afters.len() > 100 && afters.iter().all(|after| *after < 2000), "{afters:?}");
    ends.sort_unstable();
    assert!(ends[199].0 - ends[0].0 > Duration::from_millis(100), "{:?}", ends[199].0 - ends[0].0);
}

/// When a client was sent away, and when it is to come back.
fn leave(mut client: V1, begun: Instant) -> (Duration, u64) {
    let disconnect = client.expect("disconnect");
    assert_eq!((&disconnect["reason"], &disconnect["reconnect"]), (&json!("restart"), &json!(true)));
    let end = begun.elapsed();
    assert_eq!(client.0.close_code(), 1012);
    (end, disconnect["after"].as_u64().unwrap())
}
