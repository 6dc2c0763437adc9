//! What clients send: the plain protocol, and RFC 6455's rules for it.

use crate::client::{Client, frame};
use crate::harness::{Running, options};
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

const FIN_TEXT: u8 = 0x81;

fn close_code_after(running: &Running, bytes: &[u8]) -> u16 {
    let mut client = running.join("a");
    client.send_raw(bytes);
    client.close_code()
}

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
fn a_ping_frame_is_answered_with_its_payload_rfc6455_5_5_2() {
    let running = Running::start(options());
    let mut client = running.join("a");
    client.send_raw(&frame(0x89, b"hello"));
    assert_eq!(client.message(), Message::Pong("hello".into()));
}

#[test]
fn fragments_with_a_ping_between_make_one_message_rfc6455_5_4() {
    let running = Running::start(options());
    let mut client = running.join("a");
    for bytes in [frame(0x01, b"pi"), frame(0x89, b"x"), frame(0x80, b"ng")] {
        client.send_raw(&bytes);
    }
    assert_eq!(client.message(), Message::Pong("x".into()));
    assert_eq!(client.text(), "pong");
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
fn a_close_is_answered_with_its_code_rfc6455_5_5_1() {
    let running = Running::start(options());
    assert_eq!(running.join("a").close(CloseCode::Away), 1001);
    running.eventually("the client is forgotten", |running| running.stat("connections") == 0);
}

#[test]
fn a_broken_protocol_is_closed_with_1002_rfc6455_7_4_1() {
    let running = Running::start(options());
    let unmasked = [FIN_TEXT, 2, b'h', b'i'];
    assert_eq!(close_code_after(&running, &unmasked), 1002);
    assert_eq!(close_code_after(&running, &frame(0xc1, b"reserved bit")), 1002);
    assert_eq!(close_code_after(&running, &frame(0x83, b"unknown opcode")), 1002);
    assert_eq!(close_code_after(&running, &frame(0x80, b"continuation of nothing")), 1002);
    assert_eq!(close_code_after(&running, &frame(0x09, b"fragmented ping")), 1002);
}

#[test]
fn text_that_is_not_utf8_is_closed_with_1007_rfc6455_8_1() {
    let running = Running::start(options());
    assert_eq!(close_code_after(&running, &frame(FIN_TEXT, b"\xff\xfe")), 1007);
    let split = [frame(0x01, b"\xf0\x9f"), frame(0x80, b"nope")].concat();
    assert_eq!(close_code_after(&running, &split), 1007);
}

#[test]
fn a_message_that_is_too_large_is_closed_with_1009_rfc6455_7_4_1() {
    let mut options = options();
    options.limits.message_bytes = 1000;
    let running = Running::start(options);
    assert_eq!(close_code_after(&running, &frame(FIN_TEXT, &[b'x'; 1001])), 1009);
    let in_parts = [frame(0x01, &[b'x'; 600]), frame(0x80, &[b'x'; 600])].concat();
    assert_eq!(close_code_after(&running, &in_parts), 1009);
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
