//! Keeps what a client has yet to be sent, in order and within a bound.

use crate::frame::Frames;
use crate::late::Late;
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// What a queued slice costs beside its bytes, so that very small frames are bounded, too.
const SLICE_COST: usize = 64;

/// The outbox has no room for what should be appended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A slice of shared frames that is not sent yet. It ends with a frame.
#[derive(Debug)]
struct Slice {
    frames: Arc<Frames>,
    range: Range<usize>,
}

impl Slice {
    fn bytes(&self) -> &[u8] {
        &self.frames.bytes()[self.range.clone()]
    }

    fn cost(&self) -> usize {
        self.bytes().len() + SLICE_COST
    }
}

#[derive(Debug)]
enum Entry {
    Encoded(Slice),
    Late(Late),
}

/// What waits for a socket. Appending copies nothing.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    entries: VecDeque<Entry>,
    cost: usize,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Appends a part of frames, if no more than `limit` bytes wait then. An empty outbox takes anything: whatever is
    /// sent at all must be possible to send to a client that reads.
    pub(crate) fn push(
        &mut self,
        frames: &Arc<Frames>,
        range: Range<usize>,
        limit: usize,
    ) -> Result<(), Full> {
        let slice = Slice { frames: Arc::clone(frames), range };
        self.append(slice.cost(), Entry::Encoded(slice), limit)
    }

    /// Appends what is encoded when it is to be written, within the same limit.
    pub(crate) fn push_late(&mut self, late: Late, limit: usize) -> Result<(), Full> {
        self.append(late.cost() + SLICE_COST, Entry::Late(late), limit)
    }

    fn append(&mut self, cost: usize, entry: Entry, limit: usize) -> Result<(), Full> {
        if self.cost + cost > limit && !self.is_empty() {
            return Err(Full);
        }
        self.cost += cost;
        self.entries.push_back(entry);
        Ok(())
    }

    /// What is to be written next; empty when nothing is.
    pub(crate) fn front(&mut self) -> &[u8] {
        self.next().map_or(&[], |slice| slice.bytes())
    }

    /// Takes the next bytes out, without copying them.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let front = self.next()?;
        let bytes = front.frames.slice(front.range.clone());
        self.advance(bytes.len());
        Some(bytes)
    }

    /// Takes away the `count` first bytes of [`Outbox::front`]: they are written.
    pub(crate) fn advance(&mut self, count: usize) {
        let Some(front) = self.next() else { return };
        front.range.start += count;
        let is_written = front.bytes().is_empty();
        self.cost -= count;
        if is_written {
            self.cost -= SLICE_COST;
            self.entries.pop_front();
        }
        if self.entries.is_empty() {
            // A client that was slow once should not keep the room it needed then.
            self.entries = VecDeque::new();
        }
    }

    /// The first slice, encoded now if it was not.
    fn next(&mut self) -> Option<&mut Slice> {
        let slice = match self.entries.pop_front()? {
            Entry::Encoded(slice) => slice,
            Entry::Late(late) => {
                self.cost -= late.cost() + SLICE_COST;
                let (frames, rest) = late.encode();
                if let Some(rest) = rest {
                    self.cost += rest.cost() + SLICE_COST;
                    self.entries.push_front(Entry::Late(rest));
                }
                let range = 0..frames.bytes().len();
                let slice = Slice { frames, range };
                self.cost += slice.cost();
                slice
            }
        };
        self.entries.push_front(Entry::Encoded(slice));
        match self.entries.front_mut() {
            Some(Entry::Encoded(slice)) => Some(slice),
            _ => None,
        }
    }

    /// Drops all but the rest of a frame that the client has part of already: the next thing it reads is a frame.
    pub(crate) fn cut(&mut self) {
        let front = self.entries.pop_front();
        self.entries.clear();
        self.cost = 0;
        // Of what is not encoded yet nothing is begun.
        let Some(Entry::Encoded(front)) = front else { return };
        let Range { start, .. } = front.range;
        let end = front.frames.end_of_frame_at(start);
        if end > start {
            let rest = Frames::encoded(&front.frames.bytes()[start..end]);
            let slice = Slice { frames: rest, range: 0..end - start };
            self.cost = slice.cost();
            self.entries.push_back(Entry::Encoded(slice));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;

    fn frames(texts: &[&'static str]) -> Arc<Frames> {
        Frames::of_texts(texts.iter().map(|text| text.as_bytes()))
    }

    fn push(outbox: &mut Outbox, frames: &Arc<Frames>, start: usize) -> Result<(), Full> {
        outbox.push(frames, start..frames.bytes().len(), LIMIT)
    }

    fn drain(outbox: &mut Outbox, step: usize) -> Vec<u8> {
        let mut written = vec![];
        while !outbox.is_empty() {
            let count = outbox.front().len().min(step);
            written.extend_from_slice(&outbox.front()[..count]);
            outbox.advance(count);
        }
        written
    }

    #[test]
    fn gives_back_every_byte_in_order_however_small_the_writes() {
        let mut outbox = Outbox::default();
        push(&mut outbox, &frames(&["one"]), 2).unwrap();
        push(&mut outbox, &frames(&["two", "three"]), 0).unwrap();
        assert_eq!(drain(&mut outbox, 2), b"one\x81\x03two\x81\x05three");
        assert_eq!(outbox.cost, 0);
    }

    #[test]
    fn is_bounded_but_takes_one_large_thing_when_empty() {
        let mut outbox = Outbox::default();
        let large = Frames::encoded(&[0; 5000]);
        assert_eq!(push(&mut outbox, &large, 0), Ok(()));
        assert_eq!(push(&mut outbox, &frames(&["x"]), 0), Err(Full));
        drain(&mut outbox, 5000);
        assert_eq!(push(&mut outbox, &frames(&["x"]), 0), Ok(()));
    }

    #[test]
    fn tiny_frames_are_bounded_too() {
        let mut outbox = Outbox::default();
        let tiny = frames(&["x"]);
        let taken = (0..LIMIT).take_while(|_| push(&mut outbox, &tiny, 0).is_ok()).count();
        assert!(taken < 20, "{taken}");
    }

    #[test]
    fn a_cut_finishes_the_begun_frame_and_no_more() {
        let mut outbox = Outbox::default();
        push(&mut outbox, &frames(&["one", "two"]), 0).unwrap();
        push(&mut outbox, &frames(&["three"]), 0).unwrap();
        outbox.advance(3);
        outbox.cut();
        assert_eq!(drain(&mut outbox, 100), b"ne");
    }

    #[test]
    fn a_cut_between_frames_leaves_nothing() {
        let mut outbox = Outbox::default();
        push(&mut outbox, &frames(&["one", "two"]), 0).unwrap();
        outbox.cut();
        assert!(outbox.is_empty());
        push(&mut outbox, &frames(&["one", "two"]), 5).unwrap();
        outbox.cut();
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_part_of_frames_is_a_part() {
        let mut outbox = Outbox::default();
        let frames = frames(&["one", "two", "three"]);
        outbox.push(&frames, frames.start_of(1)..frames.start_of(2), LIMIT).unwrap();
        assert_eq!(outbox.pop().unwrap(), "\u{81}\u{3}two".chars().map(|c| c as u8).collect::<Vec<_>>());
        assert_eq!((outbox.pop(), outbox.cost), (None, 0));
    }
}
