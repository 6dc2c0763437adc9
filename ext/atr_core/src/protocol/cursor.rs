//! Where a client of server-sent events stands in all of its scopes, in one text: browsers know one id.

use crate::batch::Batch;
use crate::broker::Message;
use crate::frame::Frames;
use crate::position::Position;
use crate::protocol::{Protocol, atr_v1, sse};
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
pub(crate) struct Cursor(Box<[(Scope, Cell<Option<Position>>)]>);

impl Cursor {
    /// A cursor that stands at these positions.
    pub(crate) fn new(positions: impl Iterator<Item = (Scope, Option<Position>)>) -> Self {
        Self(positions.map(|(scope, position)| (scope, Cell::new(position))).collect())
    }

    /// A batch, each event with the cursor behind it.
    pub(crate) fn frames(&self, batch: &Batch) -> Arc<Frames> {
        if batch.last().is_none() {
            // Without an id the one before it stays.
            return Arc::clone(batch.frames(Protocol::Sse));
        }
        if self.0.len() == 1 {
            self.move_to(batch.scope(), batch.last());
            return Arc::clone(batch.frames(Protocol::Sse));
        }
        let message = |event: &Message| {
            self.move_to(batch.scope(), event.position);
            sse::message(Some(&self.id()), &event.json)
        };
        let messages: Vec<_> = batch.events().iter().map(message).collect();
        Frames::of_pieces(messages.iter().map(Vec::as_slice))
    }

    /// A `reset` of a scope.
    pub(crate) fn reset(&self, scope: &Scope, head: Option<Position>) -> Arc<Frames> {
        self.move_to(scope, head);
        Frames::encoded(sse::named("reset", &self.id(), &atr_v1::reset(scope, head)).as_bytes())
    }

    fn move_to(&self, scope: &Scope, position: Option<Position>) {
        if let Some((_, current)) = self.0.iter().find(|(other, _)| other == scope) {
            current.set(position);
        }
    }

    /// The field that browsers give back as `Last-Event-ID`.
    pub(crate) fn id(&self) -> String {
        id(self.0.iter().filter_map(|(scope, position)| Some((scope, position.get()?))))
    }
}

/// The `id` field of these positions: an object in ASCII, since it becomes a header.
pub(crate) fn id<'a>(positions: impl IntoIterator<Item = (&'a Scope, Position)>) -> String {
    let mut id = String::from("id: {");
    let beginning = id.len();
    for (scope, position) in positions {
        if id.len() > beginning {
            id.push(',');
        }
        push_ascii(&mut id, scope.as_str());
        // Writing to a string cannot fail.
        let _ = write!(id, ":\"{position}\"");
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
    fn a_client_of_one_scope_shares_the_frames_with_all_others() {
        let (batch, cursor) = (batch("a", EPOCH, 4..=5), cursor(&[("a", None)]));
        let frames = cursor.frames(&batch);
        assert!(Arc::ptr_eq(&frames, batch.frames(Protocol::Sse)));
        assert!(text(&frames).ends_with(&format!("{}data: {{\"n\":5}}\n\n", cursor.id())));
        assert_eq!(cursor.id(), "id: {\"a\":\"00000000000000aa:5\"}\n");
    }

    #[test]
    fn the_id_of_each_event_stands_behind_it_in_all_scopes() {
        let cursor = cursor(&[("a", None), ("b", Some(9))]);
        assert_eq!(
            text(&cursor.frames(&batch("a", EPOCH, 4..=5))),
            "id: {\"a\":\"00000000000000aa:4\",\"b\":\"00000000000000aa:9\"}\ndata: {\"n\":4}\n\n\
             id: {\"a\":\"00000000000000aa:5\",\"b\":\"00000000000000aa:9\"}\ndata: {\"n\":5}\n\n"
        );
    }

    #[test]
    fn an_event_in_no_log_moves_nothing() {
        let cursor = cursor(&[("a", Some(3))]);
        assert_eq!(text(&cursor.frames(&unlogged("[1]"))), "data: [1]\n\n");
        assert_eq!(read(&cursor.id()), json!({ "a": "00000000000000aa:3" }));
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
        assert_eq!(read(&cursor.id()), json!({ "b": "00000000000000aa:9" }));
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
