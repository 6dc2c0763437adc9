//! How a stream ends: because the client leaves, does not read, or the server stops.

use super::admission::refusal;
use super::{join, open};
use crate::event_source::{EventSource, request};
use crate::harness::{DEADLINE, Running, options};
use crate::witness::Witness;
use atr_core::config::BrokerOptions;
use serde_json::json;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

fn eventually_alone(running: &Running) {
    running.eventually("nobody but the witness is here", |running| running.stat("connections") == 1);
}

#[test]
fn a_client_of_http_1_0_is_served_until_the_end_of_the_connection() {
    let running = Running::start(options());
    let request = "GET /in/a HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n";
    let mut source = EventSource::request(running.address(), request);
    source.welcome();
    running.publish(&[("a", "1")]);
    assert_eq!(source.data(), "1");
    let ending = std::thread::spawn(move || (source.event().name, source.next_event()));
    assert!(running.stop(DEADLINE));
    assert_eq!(ending.join().unwrap(), ("disconnect".into(), None));
}

#[test]
fn while_the_broker_is_out_of_reach_comments_come_and_the_welcome_waits() {
    let mut options = options();
    options.ping_interval = Duration::from_millis(50);
    // Nothing listens there.
    options.broker = BrokerOptions::Redis { url: "redis://127.0.0.1:1".into(), namespace: "atr".into() };
    let running = Running::start(options);
    let mut source = open(&running, "a");
    running.eventually("it takes part", |running| running.stat("connections") == 1);
    let ending = std::thread::spawn(move || (source.event().name, source.comments));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(500) {
        assert!(!ending.is_finished(), "it was welcomed");
        std::thread::yield_now();
    }
    assert!(running.stop(DEADLINE));
    let (name, comments) = ending.join().unwrap();
    assert_eq!(name, "disconnect");
    assert!(comments >= 2, "{comments} comments");
}

#[test]
fn a_server_that_stops_says_so_and_ends_the_answers_properly() {
    let running = Running::start(options());
    let mut sources: Vec<_> = (0..10).map(|_| join(&running, "a")).collect();
    running.publish(&[("a", "1")]);
    let reading = std::thread::spawn(move || {
        let ends = sources.iter_mut().map(|source| {
            assert_eq!(source.data(), "1");
            let event = source.event();
            assert_eq!((event.name.as_str(), source.next_event()), ("disconnect", None));
            event.json()
        });
        ends.collect::<Vec<_>>()
    });
    assert!(running.stop(DEADLINE), "clients had to be cut off");
    for mut disconnect in reading.join().unwrap() {
        assert!(disconnect["after"].take().is_u64());
        let expected = json!({ "type": "disconnect", "reason": "restart", "reconnect": true, "after": null });
        assert_eq!(disconnect, expected);
    }
}

#[test]
fn a_request_that_waits_for_the_app_is_turned_away_when_the_server_stops() {
    let mut options = options();
    options.gate_deadline = Duration::from_secs(3600);
    let running = Running::without_app(options);
    let mut socket = TcpStream::connect(running.address()).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(request("/", "").as_bytes()).unwrap();
    running.eventually("the request waits", |running| running.stat("gate_waiting") == 1);
    assert!(running.stop(DEADLINE), "the app was waited for");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[test]
fn a_client_that_does_not_read_is_cut_off_and_the_others_do_not_notice() {
    let running = Running::start(options());
    let (mut slow, mut reading) = (join(&running, "a"), join(&running, "a"));
    let mut published = 0;
    while running.stat("slow_clients") == 0 {
        let event = format!("\"{published} {}\"", "x".repeat(500_000));
        running.publish(&[("a", &event)]);
        assert!(reading.data() == event);
        published += 1;
        assert!(published < 100, "the outbox is not bounded");
    }
    // It still finds whole events, none of them missing before the last, and the reason behind them.
    let mut seen = 0;
    let disconnect = loop {
        match slow.event() {
            event if event.name == "disconnect" => break event.json(),
            event => assert!(event.data.starts_with(&format!("\"{seen} "))),
        }
        seen += 1;
    };
    assert_eq!((&disconnect["reason"], &disconnect["reconnect"]), (&json!("slow"), &json!(true)));
    assert_eq!(slow.next_event(), None);
    assert!((1..published).contains(&seen), "{seen} of {published}");
    running.publish(&[("a", "1")]);
    assert_eq!(reading.data(), "1");
}

#[test]
fn a_client_that_never_reads_again_loses_its_place_soon() {
    let mut options = options();
    options.max_connections = 2;
    let running = Running::start(options);
    let mut witness = Witness::new(&running);
    let deaf = join(&running, "a");
    let event = format!("\"{}\"", "x".repeat(500_000));
    while running.stat("slow_clients") == 0 {
        running.publish(&[("a", &event)]);
    }
    running.eventually("there is room again", |running| {
        let (status, _) = refusal(running, &request("/no/401", ""));
        status == 401
    });
    eventually_alone(&running);
    witness.is_served(&running);
    drop(deaf);
}

#[test]
#[cfg(target_os = "linux")]
fn a_client_that_takes_nothing_for_two_pings_is_let_go_though_little_waits_for_it() {
    let mut options = options();
    options.ping_interval = Duration::from_millis(200);
    options.limits.outbox_bytes = 64 << 20;
    let running = Running::start(options);
    let mut reading = join(&running, "b");
    let frozen = join(&running, "a");
    let event = format!("\"{}\"", "x".repeat(1_000_000));
    for _ in 0..16 {
        running.publish(&[("a", &event)]);
    }
    running.eventually("the frozen client is let go", |running| running.stat("connections") == 1);
    assert_eq!(running.stat("slow_clients"), 0);
    drop(frozen);
    running.publish(&[("b", "1")]);
    assert_eq!(reading.data(), "1");
}

#[test]
fn whoever_leaves_is_forgotten_however_it_leaves() {
    let mut options = options();
    // What a client has sent behind its request hides its end until something is written to it.
    options.ping_interval = Duration::from_millis(100);
    let running = Running::start(options);
    let mut witness = Witness::new(&running);
    let connect = |headers: &str| {
        let mut source = EventSource::open(running.address(), "/in/a", headers);
        source.welcome();
        source
    };
    drop(connect(""));
    drop(connect("Connection: close\r\n"));
    let reset = connect("");
    SockRef::from(reset.socket()).set_linger(Some(Duration::ZERO)).unwrap();
    drop(reset);
    let half_closed = connect("");
    half_closed.socket().shutdown(Shutdown::Write).unwrap();
    let talking = connect("");
    talking.socket().write_all(request("/in/b", "").as_bytes()).unwrap();
    drop(talking);
    eventually_alone(&running);
    witness.is_served(&running);
}

#[test]
fn a_thousand_that_vanish_at_once_leave_nothing_behind() {
    let mut options = options();
    options.gate_queue_size = 1000;
    let running = Running::start(options);
    let mut witness = Witness::new(&running);
    let vanishing: Vec<_> = (0..1000)
        .map(|_| {
            let mut socket = TcpStream::connect(running.address()).unwrap();
            socket.write_all(request("/in/witness", "").as_bytes()).unwrap();
            socket
        })
        .collect();
    running.eventually("all are in", |running| running.stat("connections") == 1001);
    witness.is_served(&running);
    drop(vanishing);
    witness.is_served(&running);
    eventually_alone(&running);
    running.eventually("the scope has one client", |running| running.stat("scopes") == 1);
}
