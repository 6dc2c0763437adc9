//! Who gets a stream, and what everybody else is told.

use crate::event_source::{EventSource, request};
use crate::harness::{Running, exchange, options};
use std::net::TcpStream;
use std::time::Duration;

/// The status and the rest of an answer that is no stream.
pub(super) fn refusal(running: &Running, request: &str) -> (u16, String) {
    let answer = exchange(running.address(), request.as_bytes());
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{answer}")), answer.to_ascii_lowercase())
}

#[test]
fn whoever_names_the_media_type_gets_a_stream_and_a_websocket_stays_one() {
    let running = Running::start(options());
    for accept in ["text/html, Text/Event-Stream;q=0.9", "*/*\r\nAccept:text/event-stream"] {
        let request = format!("GET /in/a HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n");
        EventSource::request(running.address(), &request).welcome();
    }
    for accept in ["*/*", "text/event-streams", "text/*, application/json"] {
        let request = format!("GET /in/a HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n");
        assert_eq!(refusal(&running, &request).0, 426, "{accept}");
    }
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let upgraded = EventSource::request(running.address(), &request("/in/a", upgrade));
    assert!(upgraded.head.starts_with("http/1.1 101 "), "{}", upgraded.head);
}

#[test]
fn the_app_s_answer_decides() {
    let running = Running::start(options());
    for (path, expected) in [("/no/401", 401), ("/no/403", 403), ("/raise", 500), ("/drop", 500)] {
        let (status, answer) = refusal(&running, &request(path, "Origin: http://elsewhere\r\n"));
        assert_eq!(status, expected);
        // A page can only stop trying if it may read the status.
        assert!(answer.contains("access-control-allow-origin: http://elsewhere"), "{answer}");
        assert!(!answer.contains("event-stream"), "{answer}");
    }
    assert_eq!((running.stat("refused"), running.stat("failed"), running.stat("admitted")), (2, 2, 0));
    assert_eq!(refusal(&running, &request("/-/elsewhere", "")).0, 404);
    assert_eq!(refusal(&running, &request("/-/health", "")).0, 200);
}

#[test]
fn a_busy_app_or_server_is_a_503() {
    let mut options = options();
    options.gate_deadline = Duration::from_millis(20);
    options.max_connections = 1;
    let running = Running::without_app(options);
    let (status, answer) = refusal(&running, &request("/", "Origin: http://elsewhere\r\n"));
    assert!(status == 503 && answer.contains("retry-after: 1"), "{answer}");
    assert!(answer.contains("access-control-expose-headers: retry-after"), "{answer}");
    let taken = TcpStream::connect(running.address()).unwrap();
    let (status, answer) = refusal(&running, &request("/", ""));
    assert!(status == 503 && answer.contains("no room"), "{answer}");
    drop(taken);
}

#[test]
fn only_a_get_begins_a_stream() {
    let running = Running::start(options());
    for method in ["HEAD", "POST", "OPTIONS"] {
        let (status, answer) = refusal(&running, &request("/in/a", "").replacen("GET", method, 1));
        assert!(status == 405 && answer.contains("allow: get"), "{method}: {answer}");
    }
    assert_eq!(running.stat("admitted"), 0);
}

#[test]
fn a_page_of_another_origin_may_read_what_the_app_let_it_into() {
    let running = Running::start(options());
    for origin in ["https://app.example.com", "null"] {
        let source = EventSource::open(running.address(), "/in/a", &format!("Origin: {origin}\r\n"));
        assert_eq!(source.header("access-control-allow-origin"), Some(origin));
        assert_eq!(source.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(source.header("vary"), Some("origin"));
    }
}

#[test]
fn without_a_gate_only_requests_with_an_origin_are_asked_about() {
    let mut options = options();
    options.gate_required = false;
    options.gate_deadline = Duration::from_millis(20);
    let running = Running::without_app(options);
    let mut source = EventSource::open(running.address(), "/anything", "");
    assert_eq!(source.welcome()["scopes"].as_object().unwrap().keys().collect::<Vec<_>>(), [""]);
    assert_eq!(refusal(&running, &request("/", "Origin: http://elsewhere\r\n")).0, 503);
}
