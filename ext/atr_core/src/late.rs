//! What is encoded when its turn has come, and not before: messages with the cursor of a client in several scopes.
//!
//! The cursor is longer than most events and in each of them, and no two clients have the same. So what waits for a
//! client is the batch that all share, and what it is charged for is that.

use crate::batch::Batch;
use crate::frame::Frames;
use crate::position::Position;
use crate::protocol::cursor::Cursor;
use crate::scope::Scope;
use std::rc::Rc;
use std::sync::Arc;

/// About what is encoded at once, in bytes; one message at least.
const PIECE_BYTES: usize = 64 * 1024;

/// Messages for one client, which its cursor has yet to move over.
#[derive(Debug)]
pub(crate) struct Late {
    cursor: Rc<Cursor>,
    what: What,
    cost: usize,
}

#[derive(Debug)]
enum What {
    /// The events from the one with this index on.
    Events(Arc<Batch>, usize),
    Reset(Scope, Option<Position>),
}

impl Late {
    /// A batch of events.
    pub(crate) fn batch(cursor: &Rc<Cursor>, batch: &Arc<Batch>) -> Self {
        Self { cursor: Rc::clone(cursor), what: What::Events(Arc::clone(batch), 0), cost: batch.size() }
    }

    /// The news that events of a scope may be missing before `head`.
    pub(crate) fn reset(cursor: &Rc<Cursor>, scope: &Scope, head: Option<Position>) -> Self {
        Self { cursor: Rc::clone(cursor), what: What::Reset(scope.clone(), head), cost: scope.as_str().len() }
    }

    /// The bytes that it stands for, without the cursors.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }

    /// Moves the cursor over the next messages. Gives them, and what is left.
    pub(crate) fn encode(self) -> (Arc<Frames>, Option<Self>) {
        let Self { cursor, what, mut cost } = self;
        let (batch, mut next) = match what {
            What::Events(batch, next) => (batch, next),
            What::Reset(scope, head) => return (cursor.reset(&scope, head), None),
        };
        let mut messages = vec![];
        let mut bytes = 0;
        while let Some(event) = batch.events().get(next)
            && bytes < PIECE_BYTES
        {
            let message = cursor.message(batch.scope(), event);
            bytes += message.len();
            messages.push(message);
            cost -= Batch::size_of(event);
            next += 1;
        }
        let frames = Frames::of_pieces(messages.iter().map(Vec::as_slice));
        let is_over = next == batch.len();
        (frames, (!is_over).then(|| Self { cursor, what: What::Events(batch, next), cost }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::batch;
    use crate::outbox::Outbox;
    use serde_json::{Map, Value, json};

    const EPOCH: &str = "00000000000000aa";
    const LIMIT: usize = 1 << 20;

    fn cursor(scopes: usize) -> Rc<Cursor> {
        let position = |offset: usize| format!("{EPOCH}:{offset}").parse().unwrap();
        let at = |n| (Scope::new(&format!("organization.{n}")).unwrap(), Some(position(n)));
        Rc::new(Cursor::new((0..scopes).map(at)))
    }

    fn ids(bytes: &[u8]) -> Vec<Map<String, Value>> {
        let lines = std::str::from_utf8(bytes).unwrap().lines();
        lines
            .filter_map(|line| line.strip_prefix("id: "))
            .map(|id| serde_json::from_str(id).unwrap())
            .collect()
    }

    #[test]
    fn many_small_events_cost_what_they_are_and_come_in_pieces() {
        let (cursor, many) = (cursor(100), batch("organization.7", EPOCH, 8..=4006));
        let mut outbox = Outbox::default();
        for _ in 0..2 {
            outbox.push_late(Late::batch(&cursor, &many), LIMIT).unwrap();
        }
        let (mut pieces, mut bytes) = (0, 0);
        while let Some(piece) = outbox.pop() {
            assert!(piece.len() < PIECE_BYTES + 6 * 1024, "{}", piece.len());
            (pieces, bytes) = (pieces + 1, bytes + piece.len());
        }
        assert!(pieces > 100 && bytes > 10 * LIMIT, "{pieces} {bytes}");
        assert!(outbox.is_empty());
    }

    #[test]
    fn each_id_is_where_the_client_stands_whatever_was_appended_behind_it() {
        let cursor = cursor(3);
        let mut outbox = Outbox::default();
        let lost = Scope::new("organization.2").unwrap();
        outbox.push_late(Late::batch(&cursor, &batch("organization.0", EPOCH, 1..=3000)), LIMIT).unwrap();
        outbox.push_late(Late::batch(&cursor, &batch("organization.1", EPOCH, 2..=3)), LIMIT).unwrap();
        outbox.push_late(Late::reset(&cursor, &lost, None), LIMIT).unwrap();
        outbox.push_late(Late::batch(&cursor, &batch("organization.0", EPOCH, 3001..=3001)), LIMIT).unwrap();
        let at = |offset: u64| Value::from(format!("{EPOCH}:{offset}"));
        let id = |a, b, c| json!({ "organization.0": at(a), "organization.1": at(b), "organization.2": c });
        let mut expected: Vec<_> = (1..=3000).map(|a| id(a, 1, at(2))).collect();
        expected.extend([id(3000, 2, at(2)), id(3000, 3, at(2)), id(3000, 3, json!(null))]);
        expected.push(id(3001, 3, json!(null)));
        let sent: Vec<_> = std::iter::from_fn(|| outbox.pop()).flatten().collect();
        assert!(ids(&sent).into_iter().map(Value::from).eq(expected));
    }

    #[test]
    fn what_is_left_of_a_batch_keeps_its_cost() {
        let (cursor, many) = (cursor(10), batch("organization.7", EPOCH, 8..=4006));
        let mut left = Some(Late::batch(&cursor, &many));
        let mut costs = vec![];
        while let Some(late) = left {
            costs.push(late.cost());
            left = late.encode().1;
        }
        assert!(costs.len() > 2 && costs[0] == many.size() && costs.is_sorted_by(|a, b| a > b), "{costs:?}");
    }

    #[test]
    fn a_slow_client_is_cut_off_between_two_messages() {
        let cursor = cursor(10);
        let mut outbox = Outbox::default();
        let many = batch("organization.7", EPOCH, 8..=4006);
        outbox.push_late(Late::batch(&cursor, &many), many.size()).unwrap();
        outbox.push_late(Late::batch(&cursor, &many), many.size()).unwrap_err();
        let begun = outbox.front()[..10].to_vec();
        outbox.advance(begun.len());
        outbox.cut();
        let rest = outbox.pop().unwrap();
        assert!(ids(&[begun, rest.to_vec()].concat()).len() == 1 && rest.ends_with(b"\n\n"));
        assert_eq!(outbox.pop(), None);
        outbox.push_late(Late::batch(&cursor, &many), LIMIT).unwrap();
        outbox.cut();
        assert!(outbox.is_empty());
    }
}
