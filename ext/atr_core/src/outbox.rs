//! Keeps what a client has yet to be sent, in order and within a bound.

use crate::frame::Batch;
use std::collections::VecDeque;
use std::sync::Arc;

/// What a queued slice costs beside its bytes, so that very small frames are bounded, too.
const SLICE_COST: usize = 64;

/// The outbox has no room for what should be appended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A slice of a shared batch that is not sent yet: all from `start` on.
#[derive(Debug)]
struct Slice {
    batch: Arc<Batch>,
    start: usize,
}

impl Slice {
    fn bytes(&self) -> &[u8] {
        &self.batch.bytes()[self.start..]
    }

    fn cost(&self) -> usize {
        self.bytes().len() + SLICE_COST
    }
}

/// Slices that wait for a socket. Appending copies nothing.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    slices: VecDeque<Slice>,
    cost: usize,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Appends what follows `start` of a batch, if no more than `limit` bytes wait then. An empty outbox takes
    /// anything: whatever is sent at all must be possible to send to a client that reads.
    pub(crate) fn push(&mut self, batch: &Arc<Batch>, start: usize, limit: usize) -> Result<(), Full> {
        let slice = Slice { batch: Arc::clone(batch), start };
        let cost = slice.cost();
        if self.cost + cost > limit && !self.is_empty() {
            return Err(Full);
        }
        self.cost += cost;
        self.slices.push_back(slice);
        Ok(())
    }

    /// What is to be written next; empty when nothing is.
    pub(crate) fn front(&self) -> &[u8] {
        self.slices.front().map_or(&[], Slice::bytes)
    }

    /// Takes away the `count` first bytes of [`Outbox::front`]: they are written.
    pub(crate) fn advance(&mut self, count: usize) {
        let Some(front) = self.slices.front_mut() else { return };
        front.start += count;
        self.cost -= count;
        if front.bytes().is_empty() {
            self.cost -= SLICE_COST;
            self.slices.pop_front();
        }
        if self.slices.is_empty() {
            // A client that was slow once should not keep the room it needed then.
            self.slices = VecDeque::new();
        }
    }

    /// Drops all but the rest of a frame that the client has part of already: the next thing it reads is a frame.
    pub(crate) fn cut(&mut self) {
        let Some(front) = self.slices.pop_front() else { return };
        self.slices.clear();
        self.cost = 0;
        let end = front.batch.end_of_frame_at(front.start);
        if end > front.start {
            let rest = Batch::encoded(&front.batch.bytes()[front.start..end]);
            let slice = Slice { batch: rest, start: 0 };
            self.cost = slice.cost();
            self.slices.push_back(slice);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const LIMIT: usize = 1000;

    fn batch(texts: &[&'static str]) -> Arc<Batch> {
        Batch::of_texts(&texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect::<Vec<_>>())
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
        outbox.push(&batch(&["one"]), 2, LIMIT).unwrap();
        outbox.push(&batch(&["two", "three"]), 0, LIMIT).unwrap();
        assert_eq!(drain(&mut outbox, 2), b"one\x81\x03two\x81\x05three");
        assert_eq!(outbox.cost, 0);
    }

    #[test]
    fn is_bounded_but_takes_one_large_thing_when_empty() {
        let mut outbox = Outbox::default();
        let large = Batch::encoded(&[0; 5000]);
        assert_eq!(outbox.push(&large, 0, LIMIT), Ok(()));
        assert_eq!(outbox.push(&batch(&["x"]), 0, LIMIT), Err(Full));
        drain(&mut outbox, 5000);
        assert_eq!(outbox.push(&batch(&["x"]), 0, LIMIT), Ok(()));
    }

    #[test]
    fn tiny_frames_are_bounded_too() {
        let mut outbox = Outbox::default();
        let tiny = batch(&["x"]);
        let taken = (0..LIMIT).take_while(|_| outbox.push(&tiny, 0, LIMIT).is_ok()).count();
        assert!(taken < 20, "{taken}");
    }

    #[test]
    fn a_cut_finishes_the_begun_frame_and_no_more() {
        let mut outbox = Outbox::default();
        outbox.push(&batch(&["one", "two"]), 0, LIMIT).unwrap();
        outbox.push(&batch(&["three"]), 0, LIMIT).unwrap();
        outbox.advance(3);
        outbox.cut();
        assert_eq!(drain(&mut outbox, 100), b"ne");
    }

    #[test]
    fn a_cut_between_frames_leaves_nothing() {
        let mut outbox = Outbox::default();
        outbox.push(&batch(&["one", "two"]), 0, LIMIT).unwrap();
        outbox.cut();
        assert!(outbox.is_empty());
        outbox.push(&batch(&["one", "two"]), 5, LIMIT).unwrap();
        outbox.cut();
        assert!(outbox.is_empty());
    }
}
