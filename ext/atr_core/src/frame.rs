//! Encodes what is sent to clients, once for all of them.

use bytes::{Bytes, BytesMut};
use std::sync::{Arc, LazyLock};

const FINAL: u8 = 0x80;
const TEXT: u8 = 0x1;
const PING: u8 = 0x9;
/// A frame header without a mask takes at most so many bytes (RFC 6455 §5.2).
const MAX_HEADER_BYTES: usize = 10;

/// Frames that follow each other without a gap, encoded once and shared by every connection that gets them.
///
/// It keeps where each frame ends: a connection that has to be cut off must finish the frame it is in.
#[derive(Debug)]
pub(crate) struct Frames {
    bytes: Bytes,
    ends: Box<[usize]>,
}

impl Frames {
    /// One unfragmented text frame for each of `texts`, which are UTF-8.
    pub(crate) fn of_texts<'a>(texts: impl ExactSizeIterator<Item = &'a [u8]> + Clone) -> Arc<Self> {
        let size = texts.clone().map(|text| text.len() + MAX_HEADER_BYTES).sum();
        let mut bytes = BytesMut::with_capacity(size);
        let mut ends = Vec::with_capacity(texts.len());
        for text in texts {
            put_frame(&mut bytes, TEXT, text);
            ends.push(bytes.len());
        }
        Arc::new(Self { bytes: bytes.freeze(), ends: ends.into() })
    }

    /// One text frame.
    pub(crate) fn of_text(text: &str) -> Arc<Self> {
        Self::of_texts(std::iter::once(text.as_bytes()))
    }

    /// Pieces that are encoded already, each not to be cut apart.
    pub(crate) fn of_pieces<'a>(pieces: impl ExactSizeIterator<Item = &'a [u8]> + Clone) -> Arc<Self> {
        let mut bytes = BytesMut::with_capacity(pieces.clone().map(<[u8]>::len).sum());
        let ends = pieces.map(|piece| {
            bytes.extend_from_slice(piece);
            bytes.len()
        });
        let ends = ends.collect();
        Arc::new(Self { bytes: bytes.freeze(), ends })
    }

    /// Frames that are encoded already and not to be cut apart.
    pub(crate) fn encoded(frames: &[u8]) -> Arc<Self> {
        Self::of_pieces(std::iter::once(frames))
    }

    /// A ping without a payload (RFC 6455 §5.5.2); always the same one.
    pub(crate) fn ping() -> Arc<Self> {
        static PING_FRAME: LazyLock<Arc<Frames>> = LazyLock::new(|| Frames::encoded(&[FINAL | PING, 0]));
        Arc::clone(&PING_FRAME)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A part of the bytes, without copying it.
    pub(crate) fn slice(&self, range: std::ops::Range<usize>) -> Bytes {
        self.bytes.slice(range)
    }

    /// Where the frame with this index begins.
    pub(crate) fn start_of(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// Where the frame ends that `position` is inside of; `position` itself when it stands between two frames.
    pub(crate) fn end_of_frame_at(&self, position: usize) -> usize {
        let begun = self.ends.partition_point(|&end| end < position);
        match self.ends.get(begun) {
            _ if position == 0 => 0,
            Some(&end) => end,
            None => self.bytes.len(),
        }
    }
}

/// Appends one final, unmasked frame (RFC 6455 §5.2; a server must not mask, §5.1).
fn put_frame(bytes: &mut BytesMut, opcode: u8, payload: &[u8]) {
    bytes.extend_from_slice(&[FINAL | opcode]);
    match payload.len() {
        length @ 0..=125 => bytes.extend_from_slice(&[length as u8]),
        length @ 126..=0xffff => {
            bytes.extend_from_slice(&[126]);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.extend_from_slice(&[127]);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(length: usize) -> Vec<u8> {
        let frames = Frames::of_text(&"x".repeat(length));
        frames.bytes()[..frames.bytes().len() - length].to_vec()
    }

    #[test]
    fn lengths_are_spelt_in_the_shortest_way_rfc6455_5_2() {
        assert_eq!(header_of(0), [0x81, 0]);
        assert_eq!(header_of(125), [0x81, 125]);
        assert_eq!(header_of(126), [0x81, 126, 0, 126]);
        assert_eq!(header_of(65_535), [0x81, 126, 0xff, 0xff]);
        assert_eq!(header_of(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    fn two_frames() -> Arc<Frames> {
        Frames::of_texts([&b"ab"[..], b"c"].into_iter())
    }

    #[test]
    fn frames_follow_each_other() {
        let frames = two_frames();
        assert_eq!(frames.bytes(), b"\x81\x02ab\x81\x01c");
        assert_eq!([frames.start_of(0), frames.start_of(1), frames.start_of(2)], [0, 4, 7]);
    }

    #[test]
    fn knows_where_a_begun_frame_ends() {
        let frames = two_frames();
        let ends: Vec<_> = (0..=7).map(|position| frames.end_of_frame_at(position)).collect();
        assert_eq!(ends, [0, 4, 4, 4, 4, 7, 7, 7]);
    }
}
