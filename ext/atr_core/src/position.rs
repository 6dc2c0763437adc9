//! Where an event stands in its scope's log: `<epoch>:<offset>`.

use crate::random;
use std::fmt;
use std::str::FromStr;

/// Offsets are below it: JavaScript's and Lua's numbers are exact up to there.
pub const MAX_OFFSET: u64 = (1 << 53) - 1;
/// Hexadecimal digits of an epoch.
const EPOCH_DIGITS: usize = 16;

/// One life of a log; offsets of two epochs cannot be compared. Spelt in 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// An epoch that no other log has.
    pub fn random() -> Self {
        Self(random::number())
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl FromStr for Epoch {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != EPOCH_DIGITS || !text.bytes().all(is_digit) {
            return Err(NoPosition);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| NoPosition)
    }
}

/// A place in a scope's log: behind the event with this offset, the first of which is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// Which life of the log.
    pub epoch: Epoch,
    /// How many events of it there were; at most [`MAX_OFFSET`].
    pub offset: u64,
}

impl Position {
    /// A position.
    pub fn new(epoch: Epoch, offset: u64) -> Self {
        Self { epoch, offset }
    }

    /// The position `count` events later.
    pub fn plus(self, count: u64) -> Self {
        Self { offset: self.offset + count, ..self }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.epoch, self.offset)
    }
}

/// What was given as a position is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a position is 16 hexadecimal digits, a colon and a decimal number below 2^53")]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let (epoch, offset) = text.split_once(':').ok_or(NoPosition)?;
        Ok(Self { epoch: epoch.parse()?, offset: offset_of(offset)? })
    }
}

/// Reads an offset as strictly as everybody else spells it.
pub(crate) fn offset_of(text: &str) -> Result<u64, NoPosition> {
    let is_spelt_so =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let offset = text.parse().map_err(|_| NoPosition)?;
    if is_spelt_so && offset <= MAX_OFFSET { Ok(offset) } else { Err(NoPosition) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_spelt_and_read_in_one_way() {
        for text in ["8f3a52c1d09e4b76:17", "0000000000000000:0", "ffffffffffffffff:9007199254740991"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
        for text in [
            "",
            ":",
            "8f3a52c1d09e4b76",
            "8f3a52c1d09e4b76:",
            "8f3a52c1d09e4b76:-1",
            "8f3a52c1d09e4b76:+1",
            "8f3a52c1d09e4b76:01",
            "8f3a52c1d09e4b76:7.5",
            "8f3a52c1d09e4b76:nan",
            "8f3a52c1d09e4b76:1e3",
            "8f3a52c1d09e4b76: 1",
            "8f3a52c1d09e4b76:9007199254740992",
            "8f3a52c1d09e4b76:1000000000000000000000000000000",
            "8F3A52C1D09E4B76:1",
            "+f3a52c1d09e4b76:1",
            "8f3a52c1d09e4b7:1",
            "8f3a52c1d09e4b76a:1",
            "8f3a52c1d09e4b76:1:2",
        ] {
            assert_eq!(text.parse::<Position>(), Err(NoPosition), "{text}");
        }
    }

    #[test]
    fn epochs_differ() {
        assert_ne!(Epoch::random(), Epoch::random());
    }
}
