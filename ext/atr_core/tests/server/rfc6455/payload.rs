//! §5.6, §8.1 and §10.4: what messages hold, and how much.

use super::{CONTINUED, CONTINUED_AND_DONE, Scene, TEXT, TEXT_BEGUN};
use crate::client::frame;

const BINARY: u8 = 0x82;

/// Beginnings of UTF-8 that nothing can make valid: overlong, surrogates, beyond U+10FFFF, stray bytes.
const NOT_UTF8: [&[u8]; 9] = [
    b"\xff",
    b"\xfe\xff",
    b"\x80",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xc3(",
];

#[test]
fn s5_6_binary_messages_may_hold_anything() {
    let mut scene = Scene::new();
    scene.expect_nothing(&frame(BINARY, b"\xff\xfe\x00"));
    scene.expect_nothing(&frame(BINARY, b""));
}

#[test]
fn s8_1_text_that_is_not_utf8_is_closed_with_1007() {
    let mut scene = Scene::new();
    for bytes in NOT_UTF8 {
        scene.expect_close(&frame(TEXT, &[b"before ", bytes, b" behind"].concat()), 1007);
    }
    scene.expect_close(&frame(TEXT, b"cut \xf0\x9f\x98"), 1007);
}

#[test]
fn s8_1_text_that_is_not_utf8_is_closed_with_1007_however_it_is_split() {
    let mut scene = Scene::new();
    for bytes in NOT_UTF8 {
        let mut frames = frame(TEXT_BEGUN, b"before ");
        bytes.iter().for_each(|&byte| frames.extend(frame(CONTINUED, &[byte])));
        frames.extend(frame(CONTINUED_AND_DONE, b" behind"));
        scene.expect_close(&frames, 1007);
    }
    let cut = [frame(TEXT_BEGUN, b"\xf0\x9f"), frame(CONTINUED_AND_DONE, b"\x98")].concat();
    scene.expect_close(&cut, 1007);
}

#[test]
fn s8_1_a_character_may_be_split_over_frames() {
    let mut scene = Scene::new();
    for text in ["é€😀\u{10ffff}", "\u{0}\u{7f}\u{80}", "\u{feff}\u{fffe}"] {
        scene.expect_nothing(&frame(TEXT, text.as_bytes()));
        let mut frames = frame(TEXT_BEGUN, b"");
        text.bytes().for_each(|byte| frames.extend(frame(CONTINUED, &[byte])));
        frames.extend(frame(CONTINUED_AND_DONE, b""));
        scene.expect_nothing(&frames);
    }
}

#[test]
fn s10_4_and_s7_4_1_a_message_that_is_too_large_is_closed_with_1009() {
    let mut scene = Scene::with_message_bytes(1000);
    scene.expect_nothing(&frame(TEXT, &[b'x'; 1000]));
    scene.expect_close(&frame(TEXT, &[b'x'; 1001]), 1009);
    scene.expect_close(&frame(BINARY, &[b'x'; 1001]), 1009);
}

#[test]
fn s10_4_and_s7_4_1_a_message_that_is_too_large_in_sum_is_closed_with_1009() {
    let mut scene = Scene::with_message_bytes(1000);
    let halves =
        |length| [frame(TEXT_BEGUN, &vec![b'x'; length]), frame(CONTINUED_AND_DONE, &vec![b'x'; length])];
    scene.expect_nothing(&halves(500).concat());
    scene.expect_close(&halves(501).concat(), 1009);
    let never_ending = [frame(TEXT_BEGUN, b"x"), frame(CONTINUED, &[b'x'; 100]).repeat(20)].concat();
    scene.expect_close(&never_ending, 1009);
}
