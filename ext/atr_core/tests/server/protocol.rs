//! What clients send: the plain protocol. RFC 6455's rules are in `rfc6455/`.

use crate::client::{Client, frame};
use crate::harness::{Running, options};
use tungstenite::Message;

const FIN_TEXT: u8 = 0x81;

#[test]
fn ping_is_answered_unsubscribe_ends_it_and_the_rest_is_counted() {
    let running = Running::start(options());
    let mut client = running.join("a");
    client.send_text("ping");
    assert_eq!(client.text(), "pong");
    client.send_text(r#"{"action":"do.something.1"}"#);
    client.send(Message::binary(vec![0, 1]));
    client.send_text("unsubscribe");
    assert_eq!(client.close_code(), 1000);
    assert_eq!(running.stat("messages_ignored"), 2);
}

#[test]
fn bytes_may_come_one_by_one() {
    let running = Running::start(options());
    let mut client = running.join("a");
    for byte in frame(FIN_TEXT, b"ping") {
        client.send_raw(&[byte]);
    }
    assert_eq!(client.text(), "pong");
}

#[test]
fn a_client_that_breaks_the_protocol_costs_no_other_anything() {
    let running = Running::start(options());
    let mut other = running.join("a");
    let mut broken: Vec<Client> = (0..50).map(|_| running.join("a")).collect();
    for client in &mut broken {
        client.send_raw(&[0xff; 64]);
    }
    running.publish(&[("a", "1")]);
    assert_eq!(other.text(), "1");
    for client in &mut broken {
        assert_eq!(client.close_code(), 1002);
    }
}

#[test]
fn a_flood_of_pings_from_a_client_that_never_reads_is_bounded() {
    let mut options = options();
    options.limits.outbox_bytes = 10_000;
    options.limits.event_bytes = 10_000;
    let running = Running::start(options);
    let mut other = running.join("a");
    let mut flooding = running.join("a");
    let pings = frame(0x89, &[b'x'; 125]).repeat(100);
    let flood = std::thread::spawn(move || while flooding.try_send_raw(&pings).is_ok() {});
    running.eventually("the flood ends", |running| running.stat("connections") == 1);
    flood.join().unwrap();
    running.publish(&[("a", "1")]);
    assert_eq!(other.text(), "1");
}
