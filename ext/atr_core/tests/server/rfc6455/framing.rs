//! §5: frames.

use super::{CLOSE, CONTINUED, CONTINUED_AND_DONE, PING, PONG, Scene, TEXT, TEXT_BEGUN};
use crate::client::frame;
use tungstenite::Message;

/// A frame whose length is spelt by `length_bytes`, masked with zeros; its payload is not sent.
fn header(first_byte: u8, length_bytes: &[u8]) -> Vec<u8> {
    let marker = if length_bytes.len() == 2 { 126 } else { 127 };
    [&[first_byte, 0x80 | marker], length_bytes, &[0; 4]].concat()
}

#[test]
fn s5_1_a_frame_that_is_not_masked_is_closed_with_1002() {
    let mut scene = Scene::new();
    scene.expect_close(&[TEXT, 2, b'h', b'i'], 1002);
    scene.expect_close(&[CLOSE, 0], 1002);
    scene.expect_close(&[PING, 0], 1002);
}

#[test]
fn s5_1_the_server_masks_nothing() {
    let scene = Scene::new();
    let mut client = scene.join();
    client.send_raw(&frame(TEXT, b"ping"));
    client.send_raw(&frame(PING, b"x"));
    client.send_raw(&frame(CLOSE, &1000_u16.to_be_bytes()));
    assert_eq!(client.read_raw_to_end(), b"\x81\x04pong\x8a\x01x\x88\x02\x03\xe8");
}

#[test]
fn s5_2_reserved_bits_are_closed_with_1002_as_no_extension_is_negotiated() {
    let mut scene = Scene::new();
    for bit in [0x40, 0x20, 0x10, 0x70] {
        for opcode in [TEXT, TEXT_BEGUN, PING, CLOSE] {
            scene.expect_close(&frame(opcode | bit, b""), 1002);
        }
    }
}

#[test]
fn s5_2_unknown_opcodes_are_closed_with_1002() {
    let mut scene = Scene::new();
    for opcode in (0x3..=0x7).chain(0xb..=0xf) {
        scene.expect_close(&frame(0x80 | opcode, b"?"), 1002);
    }
}

#[test]
fn s5_2_lengths_of_7_16_and_64_bits_are_read() {
    let mut scene = Scene::with_message_bytes(70_000);
    for length in [0, 125, 126, 65_535, 65_536_usize] {
        let payload = vec![b'x'; length];
        let bytes = match u16::try_from(length) {
            Ok(_) => frame(TEXT, &payload),
            Err(_) => [header(TEXT, &(length as u64).to_be_bytes()), payload].concat(),
        };
        scene.expect_nothing(&bytes);
    }
    assert_eq!(scene.running.stat("messages_ignored"), 5);
}

#[test]
fn s5_2_a_length_beyond_every_bound_is_refused_at_the_header_and_takes_no_memory() {
    let mut scene = Scene::new();
    for length in [65_537, u64::from(u32::MAX), i64::MAX as u64, u64::MAX] {
        scene.expect_close(&header(TEXT, &length.to_be_bytes()), 1009);
    }
}

#[test]
fn s5_3_the_mask_is_taken_off_wherever_the_bytes_are_cut() {
    let scene = Scene::new();
    let mut client = scene.join();
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let masked: Vec<u8> = b"ping".iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    let bytes = [&[TEXT, 0x84], &mask[..], &masked].concat();
    for cut in 0..bytes.len() {
        client.send_raw(&bytes[..cut]);
        client.send_raw(&bytes[cut..]);
        assert_eq!(client.text(), "pong", "cut at {cut}");
    }
}

#[test]
fn s5_4_fragments_make_one_message_also_empty_ones_and_many() {
    let scene = Scene::new();
    let mut client = scene.join();
    client.send_raw(&frame(TEXT_BEGUN, b""));
    (0..100).for_each(|_| client.send_raw(&frame(CONTINUED, b"")));
    b"ping".iter().for_each(|&byte| client.send_raw(&frame(CONTINUED, &[byte])));
    client.send_raw(&frame(CONTINUED_AND_DONE, b""));
    assert_eq!(client.text(), "pong");
}

#[test]
fn s5_4_control_frames_may_stand_between_fragments_and_are_answered_at_once() {
    let scene = Scene::new();
    let mut client = scene.join();
    for bytes in [frame(TEXT_BEGUN, b"pi"), frame(PONG, b""), frame(PING, b"x")] {
        client.send_raw(&bytes);
    }
    assert_eq!(client.message(), Message::Pong("x".into()));
    client.send_raw(&frame(CONTINUED_AND_DONE, b"ng"));
    assert_eq!(client.text(), "pong");
}

#[test]
fn s5_4_a_continuation_of_nothing_is_closed_with_1002() {
    let mut scene = Scene::new();
    scene.expect_close(&frame(CONTINUED_AND_DONE, b"x"), 1002);
    scene.expect_close(&frame(CONTINUED, b"x"), 1002);
    let after_a_whole_message = [frame(TEXT, b"x"), frame(CONTINUED_AND_DONE, b"x")].concat();
    scene.expect_close(&after_a_whole_message, 1002);
}

#[test]
fn s5_4_a_message_that_begins_inside_another_is_closed_with_1002() {
    let mut scene = Scene::new();
    scene.expect_close(&[frame(TEXT_BEGUN, b"x"), frame(TEXT, b"y")].concat(), 1002);
    scene.expect_close(&[frame(TEXT_BEGUN, b"x"), frame(0x82, b"y")].concat(), 1002);
}

#[test]
fn s5_4_and_s5_5_a_fragmented_control_frame_is_closed_with_1002() {
    let mut scene = Scene::new();
    for opcode in [CLOSE, PING, PONG] {
        scene.expect_close(&frame(opcode & 0x0f, b""), 1002);
    }
}

#[test]
fn s5_5_a_control_frame_of_more_than_125_bytes_is_closed_with_1002() {
    let mut scene = Scene::new();
    for opcode in [CLOSE, PING, PONG] {
        scene.expect_close(&frame(opcode, &[b'x'; 126]), 1002);
    }
}

#[test]
fn s5_5_2_a_ping_is_answered_with_its_payload() {
    let scene = Scene::new();
    let mut client = scene.join();
    for payload in ["".into(), "hello".into(), "x".repeat(125)] {
        client.send_raw(&frame(PING, payload.as_bytes()));
        assert_eq!(client.message(), Message::Pong(payload.into()));
    }
    client.send_raw(&frame(PING, &[0xff, 0]));
    assert_eq!(client.message(), Message::Pong(vec![0xff, 0].into()));
}

#[test]
fn s5_5_3_a_pong_that_nobody_asked_for_is_not_answered() {
    let mut scene = Scene::new();
    scene.expect_nothing(&frame(PONG, b"unsolicited"));
    scene.expect_nothing(&frame(PONG, b"\xff").repeat(100));
}
