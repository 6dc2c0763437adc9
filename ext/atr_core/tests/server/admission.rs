//! Who comes in.

use crate::client::Client;
use crate::harness::{Running, exchange, options};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const UPGRADE: &str = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn refusal(running: &Running, path: &str) -> u16 {
    Client::try_connect(running.address(), path).err().expect("it was let in")
}

#[test]
fn the_app_s_answer_decides() {
    let running = Running::start(options());
    assert_eq!(refusal(&running, "/no/401"), 401);
    assert_eq!(refusal(&running, "/no/403"), 403);
    assert_eq!(refusal(&running, "/raise"), 500);
    assert_eq!(refusal(&running, "/drop"), 500);
    running.join("a");
    assert_eq!((running.stat("refused"), running.stat("failed"), running.stat("admitted")), (2, 2, 1));
}

#[test]
fn an_app_that_is_late_is_a_503_with_retry_after() {
    let mut options = options();
    options.gate_deadline = Duration::from_millis(20);
    let running = Running::without_app(options);
    let answer = exchange(running.address(), format!("GET / HTTP/1.1\r\n{UPGRADE}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 1"), "{answer}");
    assert_eq!(running.stat("turned_away"), 1);
}

#[test]
fn a_full_gate_is_a_503_at_once() {
    let mut options = options();
    options.gate_queue_size = 1;
    let running = Running::without_app(options);
    let mut waiting = TcpStream::connect(running.address()).unwrap();
    waiting.write_all(format!("GET / HTTP/1.1\r\n{UPGRADE}\r\n").as_bytes()).unwrap();
    running.eventually("the first request waits", |running| running.stat("gate_waiting") == 1);
    assert_eq!(refusal(&running, "/"), 503);
}

#[test]
fn without_a_gate_only_requests_with_an_origin_are_asked_about() {
    let mut options = options();
    options.gate_required = false;
    options.gate_deadline = Duration::from_millis(20);
    let running = Running::without_app(options);
    let mut client = running.connect("/anything");
    running.publish(&[("", "1")]);
    assert_eq!(client.text(), "1");
    let request = format!("GET / HTTP/1.1\r\nOrigin: http://elsewhere\r\n{UPGRADE}\r\n");
    let answer = exchange(running.address(), request.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
}

#[test]
fn what_is_no_websocket_is_told_what_this_is() {
    let running = Running::start(options());
    let answer = exchange(running.address(), b"GET /in/a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 426") && answer.contains("upgrade: websocket"), "{answer}");
    assert!(answer.contains("new WebSocket(url)"), "{answer}");
    let wrong = UPGRADE.replace(": 13", ": 12");
    let answer = exchange(running.address(), format!("GET / HTTP/1.1\r\n{wrong}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 426") && answer.contains("sec-websocket-version: 13"), "{answer}");
    let post = exchange(running.address(), format!("POST / HTTP/1.1\r\n{UPGRADE}\r\n").as_bytes());
    assert!(post.starts_with("HTTP/1.1 405") && post.contains("allow: GET"), "{post}");
}

#[test]
fn reserved_paths_are_the_server_s() {
    let running = Running::start(options());
    let health = exchange(running.address(), b"GET /-/health HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(health.starts_with("HTTP/1.1 200") && health.ends_with("ok\n"), "{health}");
    let other = exchange(running.address(), format!("GET /-/x HTTP/1.1\r\n{UPGRADE}\r\n").as_bytes());
    assert!(other.starts_with("HTTP/1.1 404"), "{other}");
}

#[test]
fn what_is_no_http_or_too_long_or_too_slow_ends_and_nobody_else_notices() {
    let mut options = options();
    options.limits.head_timeout = Duration::from_millis(100);
    let running = Running::start(options);
    let mut other = running.join("a");
    let answer = exchange(running.address(), b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let mut socket = TcpStream::connect(running.address()).unwrap();
    // The server may hang up before it has read all of it.
    let _ = socket.write_all(long.as_bytes());
    let mut start = [0; 12];
    socket.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 431");
    assert_eq!(exchange(running.address(), b"GET / HTTP/1.1\r\nHos"), "");
    running.publish(&[("a", "1")]);
    assert_eq!(other.text(), "1");
}

#[test]
fn every_seat_taken_is_a_503_until_one_is_free() {
    let mut options = options();
    options.max_connections = 1;
    let running = Running::start(options);
    let client = running.join("a");
    let answer = exchange(running.address(), format!("GET /in/a HTTP/1.1\r\n{UPGRADE}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("no room"), "{answer}");
    drop(client);
    running.eventually("the seat is free", |running| Client::try_connect(running.address(), "/in/a").is_ok());
}

#[test]
fn what_a_client_sends_behind_its_request_is_read() {
    let running = Running::start(options());
    let mut socket = TcpStream::connect(running.address()).unwrap();
    socket.set_read_timeout(Some(crate::harness::DEADLINE)).unwrap();
    let mut bytes = format!("GET /in/a HTTP/1.1\r\n{UPGRADE}\r\n").into_bytes();
    bytes.extend(crate::client::frame(0x81, b"ping"));
    bytes.extend(crate::client::frame(0x81, b"ping"));
    socket.write_all(&bytes).unwrap();
    let mut answer = vec![];
    while !answer.ends_with(b"\x81\x04pong\x81\x04pong") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
}
