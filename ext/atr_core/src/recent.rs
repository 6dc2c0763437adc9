//! What a scope has handed on lately, for connections that are catching up with it.

use crate::batch::Batch;
use crate::position::Position;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes that are kept: whoever is further behind reads from the log.
const MAX_BYTES: usize = 256 * 1024;

/// The last batches, each with the position before it. Kept only while somebody is catching up.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    batches: VecDeque<(Option<Position>, Arc<Batch>)>,
    bytes: usize,
}

impl Recent {
    /// Notes a batch that is handed on behind `before`.
    pub(crate) fn push(&mut self, before: Option<Position>, batch: &Arc<Batch>) {
        self.bytes += batch.size();
        self.batches.push_back((before, Arc::clone(batch)));
        while self.bytes > MAX_BYTES {
            let Some((_, oldest)) = self.batches.pop_front() else { break };
            self.bytes -= oldest.size();
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What follows `cursor`, about `max_bytes` of it but one batch at least; nothing when that is not known.
    pub(crate) fn after(&self, cursor: Position, max_bytes: usize) -> Vec<Arc<Batch>> {
        let holds_next = |batch: &Batch| match (batch.first(), batch.last()) {
            (Some(first), Some(last)) => {
                first.epoch == cursor.epoch
                    && first.offset <= cursor.offset + 1
                    && cursor.offset < last.offset
            }
            _ => false,
        };
        let follows =
            |(before, batch): &&(Option<Position>, Arc<Batch>)| *before == Some(cursor) || holds_next(batch);
        let mut following = self.batches.iter().skip_while(|entry| !follows(entry)).map(|(_, batch)| batch);
        let Some(first) = following.next() else { return vec![] };
        let is_begun = first.first().is_some_and(|first| first.epoch == cursor.epoch);
        let first = if is_begun { first.after(cursor.offset) } else { Some(Arc::clone(first)) };
        let mut bytes = 0;
        let rest = following.take_while(|batch| {
            bytes += batch.size();
            bytes <= max_bytes
        });
        first.into_iter().chain(rest.cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::batch;

    const OLD: &str = "00000000000000aa";
    const NEW: &str = "00000000000000bb";

    fn at(epoch: &str, offset: u64) -> Position {
        format!("{epoch}:{offset}").parse().unwrap()
    }

    fn recent(runs: &[(&str, std::ops::RangeInclusive<u64>)]) -> Recent {
        let mut recent = Recent::default();
        let mut before = None;
        for (epoch, offsets) in runs {
            let batch = batch("a", epoch, offsets.clone());
            recent.push(before, &batch);
            before = batch.last();
        }
        recent
    }

    fn offsets(batches: Vec<Arc<Batch>>) -> Vec<u64> {
        let offsets = |batch: &Arc<Batch>| {
            batch.events().iter().filter_map(|event| Some(event.position?.offset)).collect::<Vec<_>>()
        };
        batches.iter().flat_map(offsets).collect()
    }

    #[test]
    fn gives_what_follows_a_position() {
        let recent = recent(&[(OLD, 4..=6), (OLD, 7..=7), (NEW, 1..=2)]);
        let after = |epoch, offset| offsets(recent.after(at(epoch, offset), usize::MAX));
        assert_eq!(after(OLD, 3), [4, 5, 6, 7, 1, 2]);
        assert_eq!(after(OLD, 5), [6, 7, 1, 2]);
        assert_eq!(after(OLD, 7), [1, 2]);
        assert_eq!(after(NEW, 1), [2]);
        for (epoch, offset) in [(OLD, 2), (OLD, 8), (NEW, 2), ("00000000000000cc", 4)] {
            assert_eq!(after(epoch, offset), [0; 0], "{epoch}:{offset}");
        }
    }

    #[test]
    fn gives_a_part_that_fits() {
        let recent = recent(&[(OLD, 1..=1), (OLD, 2..=2), (OLD, 3..=3)]);
        let size = batch("a", OLD, 1..=1).size();
        assert_eq!(offsets(recent.after(at(OLD, 0), size)), [1, 2]);
        assert_eq!(offsets(recent.after(at(OLD, 0), 2 * size)), [1, 2, 3]);
    }

    #[test]
    fn is_bounded() {
        let mut recent = Recent::default();
        for offset in 1..=10_000 {
            recent.push(Some(at(OLD, offset - 1)), &batch("a", OLD, offset..=offset));
        }
        assert!(recent.bytes <= MAX_BYTES && recent.batches.len() < 10_000);
        assert!(recent.after(at(OLD, 0), usize::MAX).is_empty());
        recent.clear();
        assert_eq!((recent.bytes, recent.batches.len()), (0, 0));
    }
}
