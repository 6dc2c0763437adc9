//! §5.5.1 and §7: closing the connection.

use super::{CLOSE, PING, Scene, TEXT, TEXT_BEGUN};
use crate::client::frame;

fn close_frame(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes(), reason].concat())
}

#[test]
fn s5_5_1_and_s7_1_5_a_close_is_answered_with_its_code() {
    let mut scene = Scene::new();
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        scene.expect_close(&close_frame(code, "grüße".as_bytes()), code);
    }
    scene.expect_close(&close_frame(1000, &[b'x'; 123]), 1000);
}

#[test]
fn s5_5_1_and_s7_1_5_a_close_without_a_code_is_answered_without_one() {
    let scene = Scene::new();
    let mut client = scene.join();
    client.send_raw(&frame(CLOSE, b""));
    assert_eq!(client.read_raw_to_end(), [CLOSE, 0]);
}

#[test]
fn s5_5_1_a_code_of_one_byte_is_closed_with_1002() {
    Scene::new().expect_close(&frame(CLOSE, &[3]), 1002);
}

#[test]
fn s5_5_1_and_s7_1_6_a_reason_that_is_not_utf8_is_closed_with_1007() {
    let mut scene = Scene::new();
    scene.expect_close(&close_frame(1000, b"\xff\xfe"), 1007);
    scene.expect_close(&close_frame(1000, b"cut \xf0\x9f"), 1007);
}

#[test]
fn s5_5_1_nothing_is_sent_behind_a_close_frame() {
    let mut scene = Scene::new();
    let mut client = scene.join();
    client.send_raw(&frame(TEXT, b"unsubscribe"));
    let (bytes, code) = (client.read_raw(4), [3, 0xe8]);
    assert_eq!((bytes[0], &bytes[2..]), (CLOSE, &code[..]), "1000");
    // What comes now is not for somebody who leaves, and what he says has no answer.
    scene.running.publish(&[("a", "1")]);
    client.send_raw(&[frame(PING, b"x"), frame(TEXT, b"ping"), frame(TEXT, b"unsubscribe")].concat());
    scene.witness.is_served(&scene.running);
    client.send_raw(&close_frame(1000, b""));
    assert_eq!(client.read_raw_to_end(), b"unsubscribed");
}

#[test]
fn s5_5_1_what_a_client_sends_behind_its_close_frame_is_not_read() {
    let scene = Scene::new();
    let mut client = scene.join();
    client.send_raw(
        &[close_frame(1000, b""), frame(TEXT, b"ping"), frame(PING, b"x"), vec![0xff; 100]].concat(),
    );
    assert_eq!(client.read_raw_to_end(), [CLOSE, 2, 3, 0xe8]);
}

#[test]
fn s5_5_1_a_close_inside_a_fragmented_message_ends_it() {
    let mut scene = Scene::new();
    scene.expect_close(&[frame(TEXT_BEGUN, b"pi"), close_frame(1000, b"")].concat(), 1000);
}

#[test]
fn s7_1_1_the_server_ends_the_tcp_connection_after_the_handshake() {
    let scene = Scene::new();
    let mut client = scene.join();
    client.send_raw(&close_frame(1000, b""));
    // The client does not hang up: whoever reads to the end sees that the server does.
    assert_eq!(client.read_raw_to_end().len(), 4);
    drop(client);
    scene.running.eventually("the client is forgotten", |running| running.stat("connections") == 1);
}

#[test]
fn s7_2_1_a_client_that_ends_without_a_close_is_forgotten() {
    let mut scene = Scene::new();
    drop(scene.join());
    scene.running.eventually("the client is forgotten", |running| running.stat("connections") == 1);
    scene.witness.is_served(&scene.running);
}

#[test]
fn s7_4_1_codes_that_no_frame_may_have_are_closed_with_1002() {
    let mut scene = Scene::new();
    for code in [1004, 1005, 1006, 1015] {
        scene.expect_close(&close_frame(code, b""), 1002);
    }
}

#[test]
fn s7_4_2_codes_outside_of_the_ranges_are_closed_with_1002() {
    let mut scene = Scene::new();
    for code in [0, 1, 999, 1016, 1100, 2000, 2999, 5000, 65_535] {
        scene.expect_close(&close_frame(code, b""), 1002);
    }
}
