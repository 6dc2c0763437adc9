//! Follows the frames of a client's byte stream, to know when none is begun.
//!
//! Only then can everything that reading needs be let go: an idle connection keeps no buffer.

/// The longest header: 2 bytes, 8 of length, 4 of mask (RFC 6455 §5.2).
const MAX_HEADER_BYTES: usize = 14;

/// Where in a stream of frames the last byte stood.
#[derive(Debug, Default)]
pub(crate) struct Boundary {
    header: [u8; MAX_HEADER_BYTES],
    /// Bytes of the current frame's header that are there.
    have: usize,
    /// Bytes of the current frame's payload that are missing.
    payload_left: u64,
    /// A message of several frames has begun and not ended.
    in_message: bool,
}

impl Boundary {
    /// Whether the next byte begins a frame and a message.
    pub(crate) fn is_clean(&self) -> bool {
        self.have == 0 && self.payload_left == 0 && !self.in_message
    }

    /// Follows further bytes.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let taken = self.payload_left.min(bytes.len() as u64);
                self.payload_left -= taken;
                bytes = &bytes[taken as usize..];
                continue;
            }
            self.header[self.have] = bytes[0];
            self.have += 1;
            bytes = &bytes[1..];
            if self.have == self.header_length() {
                self.payload_left = self.payload_length();
                self.note_message();
                self.have = 0;
            }
        }
    }

    fn header_length(&self) -> usize {
        if self.have < 2 {
            return MAX_HEADER_BYTES;
        }
        let length = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        2 + length + mask
    }

    fn payload_length(&self) -> u64 {
        let spelt = |count: usize| {
            self.header[2..2 + count].iter().fold(0, |length, &byte| (length << 8) | u64::from(byte))
        };
        match self.header[1] & 0x7f {
            126 => spelt(2),
            127 => spelt(8),
            length => u64::from(length),
        }
    }

    /// Control frames may stand between the frames of a message (RFC 6455 §5.4).
    fn note_message(&mut self) {
        let (is_final, is_control) = (self.header[0] & 0x80 != 0, self.header[0] & 0x08 != 0);
        if !is_control {
            self.in_message = !is_final;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean_after_each_byte(bytes: &[u8]) -> Vec<bool> {
        let mut boundary = Boundary::default();
        bytes
            .iter()
            .map(|byte| {
                boundary.feed(&[*byte]);
                boundary.is_clean()
            })
            .collect()
    }

    #[test]
    fn a_short_masked_frame() {
        let frame = [0x81, 0x82, 1, 2, 3, 4, b'h', b'i'];
        let clean = clean_after_each_byte(&frame);
        assert_eq!(clean.iter().position(|&clean| clean), Some(frame.len() - 1));
    }

    #[test]
    fn an_empty_frame_ends_with_its_header() {
        assert_eq!(
            clean_after_each_byte(&[0x89, 0x80, 1, 2, 3, 4]),
            [false, false, false, false, false, true]
        );
    }

    #[test]
    fn long_lengths() {
        for (length, header) in
            [(300, vec![0x82, 0xfe, 1, 44]), (70_000, vec![0x82, 0xff, 0, 0, 0, 0, 0, 1, 0x11, 0x70])]
        {
            let mut boundary = Boundary::default();
            boundary.feed(&header);
            boundary.feed(&[9; 4]);
            boundary.feed(&vec![0; length - 1]);
            assert!(!boundary.is_clean());
            boundary.feed(&[0]);
            assert!(boundary.is_clean());
        }
    }

    #[test]
    fn a_ping_inside_a_fragmented_message_does_not_end_it() {
        let mut boundary = Boundary::default();
        boundary.feed(&[0x01, 0x81, 0, 0, 0, 0, b'a']);
        assert!(!boundary.is_clean());
        boundary.feed(&[0x89, 0x80, 0, 0, 0, 0]);
        assert!(!boundary.is_clean());
        boundary.feed(&[0x80, 0x81, 0, 0, 0, 0, b'b']);
        assert!(boundary.is_clean());
    }
}
