//! Where a client of server-sent events stands in all of its scopes, in one text: browsers know one id.

use crate::batch::Batch;
use crate::broker::Message;
use crate::frame::Frames;
use crate::position::Position;
use crate::protocol::{atr_v1, sse};
use crate::scope::Scope;
use std::cell::Cell;
use std::fmt::Write;
use std::sync::Arc;

/// The longest cursor. It comes back in a header, for which proxies have 8 KiB, and this server `max_head_bytes`.
const MAX_CURSOR_BYTES: usize = 6 * 1024;
/// Stands for a longer one. It is no cursor: who comes back with it is told that events may be missing.
const TOO_LONG: &str = "too-long";

/// Where a client stands: the id of the next event.
#[derive(Debug)]
pub(crate) struct Cursor(Box<[(Scope, Cell<Stand>)]>);

/// Where a client stands in one scope.
#[derive(Debug, Clone, Copy)]
enum Stand {
    /// Nowhere yet: nothing in the scope had a position.
    Nowhere,
    /// Behind an event; or, where that cannot be told any more, behind a loss.
    Behind(Option<Position>),
}

impl Cursor {
    /// A cursor that stands at these positions.
    pub(crate) fn new(positions: impl Iterator<Item = (Scope, Option<Position>)>) -> Self {
        let stand =
            |position: Option<_>| position.map_or(Stand::Nowhere, |position| Stand::Behind(Some(position)));
        Self(positions.map(|(scope, position)| (scope, Cell::new(stand(position)))).collect())
    }

    /// Whether the messages of a batch are not those of everybody else. They are for a client that is in no other scope,
    /// and when the events are in no log: without an id the one before it stays.
    pub(crate) fn is_own_behind(&self, batch: &Batch) -> bool {
        self.0.len() > 1 && batch.last().is_some()
    }

    /// The next event of a scope, with the cursor behind it.
    pub(crate) fn message(&self, scope: &Scope, event: &Message) -> Vec<u8> {
        self.move_to(scope, event.position);
        sse::message(Some(&self.id()), &event.json)
    }

    /// A `reset` of a scope.
    pub(crate) fn reset(&self, scope: &Scope, head: Option<Position>) -> Arc<Frames> {
        self.move_to(scope, head);
        Frames::encoded(sse::named("reset", &self.id(), &atr_v1::reset(scope, head)).as_bytes())
    }

    fn move_to(&self, scope: &Scope, position: Option<Position>) {
        if let Some((_, current)) = self.0.iter().find(|(other, _)| other == scope) {
            current.set(Stand::Behind(position));
        }
    }

    /// The field that browsers give back as `Last-Event-ID`.
    pub(crate) fn id(&self) -> String {
        id(self.0.iter().filter_map(|(scope, stand)| match stand.get() {
            Stand::Nowhere => None,
            Stand::Behind(position) => Some((scope, position)),
        }))
    }
}

/// The `id` field of these positions: an object in ASCII, since it becomes a header. `null` is a loss: who comes back
/// with it is told of it.
pub(crate) fn id<'a>(positions: impl IntoIterator<Item = (&'a Scope, Option<Position>)>) -> String {
    let mut id = String::from("id: {");
    let beginning = id.len();
    for (scope, position) in positions {
        if id.len() > beginning {
            id.push(',');
        }
        push_ascii(&mut id, scope.as_str());
        // Writing to a string cannot fail.
        let _ = match position {
            Some(position) => write!(id, ":\"{position}\""),
            None => write!(id, ":null"),
        };
    }
    id.push('}');
    if id.len() > MAX_CURSOR_BYTES {
        id = format!("id: {TOO_LONG}");
    }
    id.push('\n');
    id
}

/// A text without control characters as JSON spells it, in ASCII.
fn push_ascii(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            ' '..='~' => json.push(c),
            // JSON's escapes are those of UTF-16 (RFC 8259 §7).
            c => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(json, "\\u{unit:04x}")),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::{batch, unlogged};
    use serde_json::{Value, json};

    const EPOCH: &str = "00000000000000aa";

    fn cursor(positions: &[(&str, Option<u64>)]) -> Cursor {
        let at = |&(scope, offset): &(&str, Option<u64>)| {
            (Scope::new(scope).unwrap(), offset.map(|offset| format!("{EPOCH}:{offset}").parse().unwrap()))
        };
        Cursor::new(positions.iter().map(at))
    }

    fn text(frames: &Frames) -> &str {
        std::str::from_utf8(frames.bytes()).unwrap()
    }

    /// What a browser makes of the field (WHATWG HTML §9.2.6), as JSON.
    fn read(id: &str) -> Value {
        serde_json::from_str(id.strip_prefix("id: ").unwrap().strip_suffix('\n').unwrap()).unwrap()
    }

    #[test]
    fn only_events_of_a_log_that_go_to_several_scopes_have_messages_of_their_own() {
        let (one, two) = (cursor(&[("a", None)]), cursor(&[("a", None), ("b", None)]));
        let batch = batch("a", EPOCH, 4..=5);
        assert!(!one.is_own_behind(&batch) && two.is_own_behind(&batch));
        assert!(!one.is_own_behind(&unlogged("[1]")) && !two.is_own_behind(&unlogged("[1]")));
    }

    #[test]
    fn the_id_of_each_event_stands_behind_it_in_all_scopes() {
        let cursor = cursor(&[("a", None), ("b", Some(9))]);
        let batch = batch("a", EPOCH, 4..=5);
        let messages = batch.events().iter().map(|event| cursor.message(batch.scope(), event));
        assert_eq!(
            String::from_utf8(messages.collect::<Vec<_>>().concat()).unwrap(),
            "id: {\"a\":\"00000000000000aa:4\",\"b\":\"00000000000000aa:9\"}\ndata: {\"n\":4}\n\n\
             id: {\"a\":\"00000000000000aa:5\",\"b\":\"00000000000000aa:9\"}\ndata: {\"n\":5}\n\n"
        );
    }

    #[test]
    fn a_reset_says_where_to_go_on() {
        let cursor = cursor(&[("a", Some(3)), ("b", Some(9))]);
        let head = "00000000000000bb:0".parse().unwrap();
        assert_eq!(
            text(&cursor.reset(&Scope::new("a").unwrap(), Some(head))),
            "event: reset\nid: {\"a\":\"00000000000000bb:0\",\"b\":\"00000000000000aa:9\"}\n\
             data: {\"position\":\"00000000000000bb:0\",\"scope\":\"a\",\"type\":\"reset\"}\n\n"
        );
        cursor.reset(&Scope::new("a").unwrap(), None);
        assert_eq!(read(&cursor.id()), json!({ "a": null, "b": "00000000000000aa:9" }));
    }

    #[test]
    fn a_scope_that_never_had_a_position_is_not_in_it() {
        assert_eq!(read(&cursor(&[("a", None), ("b", Some(9))]).id()), json!({ "b": "00000000000000aa:9" }));
    }

    #[test]
    fn is_json_in_ascii_whatever_the_scopes_are_called() {
        let names = ["", "a\"b\\c", "user.é😀\u{202e}"];
        let id = cursor(&names.map(|name| (name, Some(1)))).id();
        assert!(id.is_ascii() && id.lines().count() == 1, "{id}");
        assert_eq!(read(&id), Value::from_iter(names.map(|name| (name, "00000000000000aa:1"))));
    }

    #[test]
    fn one_that_fits_no_header_is_none() {
        let names: Vec<_> = (0..200).map(|n| format!("organization.{n}")).collect();
        let positions =
            |count| names[..count].iter().map(|name| (name.as_str(), Some(1))).collect::<Vec<_>>();
        assert_eq!(cursor(&positions(200)).id(), "id: too-long\n");
        assert_eq!(read(&cursor(&positions(100)).id()).as_object().unwrap().len(), 100);
    }
}
