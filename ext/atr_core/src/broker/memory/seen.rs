//! Remembers the last batch of each publisher, so that one whose answer was lost is not applied twice.

use crate::position::Position;
use std::collections::HashMap;

/// Publishers that are remembered: far more than processes that publish to one server without a Redis.
const MAX_PUBLISHERS: usize = 4096;
/// Positions that are remembered for all of them together.
const MAX_POSITIONS: usize = 256 * 1024;

/// The last batch of each publisher. When there are too many, the one that was silent longest is forgotten: it
/// can hardly be waiting for an answer.
pub(super) struct Seen {
    last: HashMap<String, Last>,
    max_publishers: usize,
    max_positions: usize,
    positions: usize,
    clock: u64,
}

struct Last {
    seq: u64,
    at: u64,
    positions: Vec<Option<Position>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self::new(MAX_PUBLISHERS, MAX_POSITIONS)
    }
}

impl Seen {
    fn new(max_publishers: usize, max_positions: usize) -> Self {
        Self { last: HashMap::new(), max_publishers, max_positions, positions: 0, clock: 0 }
    }

    /// What this batch of so many events was answered when it came first; nothing if it is new. Of one that is older
    /// than the last, to which nobody waits for an answer, it is known no longer.
    pub(super) fn answer(&self, publisher: &str, seq: u64, events: usize) -> Option<Vec<Option<Position>>> {
        let last = self.last.get(publisher).filter(|last| seq <= last.seq)?;
        let is_known = seq == last.seq && last.positions.len() == events;
        Some(if is_known { last.positions.clone() } else { vec![None; events] })
    }

    /// Remembers what a new batch was answered.
    pub(super) fn remember(&mut self, publisher: &str, seq: u64, positions: Vec<Option<Position>>) {
        self.forget(publisher);
        self.clock += 1;
        self.positions += positions.len();
        self.last.insert(publisher.to_owned(), Last { seq, at: self.clock, positions });
        while self.last.len() > self.max_publishers
            || (self.positions > self.max_positions && self.last.len() > 1)
        {
            self.forget_oldest();
        }
    }

    fn forget(&mut self, publisher: &str) {
        if let Some(last) = self.last.remove(publisher) {
            self.positions -= last.positions.len();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.last.iter().min_by_key(|(_, last)| last.at).map(|(publisher, _)| publisher.clone());
        if let Some(publisher) = oldest {
            self.forget(&publisher);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(offsets: &[u64]) -> Vec<Option<Position>> {
        offsets.iter().map(|offset| format!("00000000000000aa:{offset}").parse().ok()).collect()
    }

    #[test]
    fn answers_a_repeated_batch_as_the_first_time() {
        let mut seen = Seen::default();
        assert_eq!(seen.answer("a", 1, 2), None);
        seen.remember("a", 1, positions(&[1, 2]));
        assert_eq!(seen.answer("a", 1, 2), Some(positions(&[1, 2])));
        assert_eq!((seen.answer("a", 2, 1), seen.answer("b", 1, 2)), (None, None));
        seen.remember("a", 2, positions(&[3]));
        assert_eq!(seen.answer("a", 2, 1), Some(positions(&[3])));
        assert_eq!(seen.answer("a", 1, 2), Some(vec![None, None]), "nobody waits for it any more");
        assert_eq!(seen.answer("a", 2, 5), Some(vec![None; 5]), "one answer for each, whatever is sent");
    }

    #[test]
    fn forgets_the_publisher_that_was_silent_longest() {
        let mut seen = Seen::new(2, 100);
        for publisher in ["a", "b", "a", "c"] {
            let seq = seen.clock + 1;
            seen.remember(publisher, seq, positions(&[1]));
        }
        let known = ["a", "b", "c"].map(|publisher| seen.answer(publisher, 1, 1).is_some());
        assert_eq!(known, [true, false, true]);
    }

    #[test]
    fn remembers_no_more_positions_than_it_may() {
        let mut seen = Seen::new(100, 10);
        for publisher in 0..5 {
            seen.remember(&publisher.to_string(), 1, positions(&[1, 2, 3]));
        }
        assert_eq!((seen.last.len(), seen.positions), (3, 9));
        seen.remember("large", 1, positions(&[1; 50]));
        assert_eq!(seen.last.len(), 1, "the last one is always known");
    }
}
