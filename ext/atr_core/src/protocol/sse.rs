//! Server-sent events (WHATWG HTML §9.2).

use crate::batch::Batch;
use crate::broker::Message;
use crate::frame::Frames;
use crate::position::Position;
use crate::protocol::Protocol;
use crate::protocol::atr_v1;
use crate::scope::Scope;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

/// Each of these events as a message, without its id.
pub(crate) fn frames(_scope: &Scope, events: &[Message]) -> Arc<Frames> {
    let texts: Vec<_> = events.iter().map(|event| message(&event.json)).collect();
    Frames::of_pieces(texts.iter().map(Vec::as_slice))
}

/// Every line of the data has a field of its own: the app's JSON may be spelt on several.
fn message(json: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(json.len() + 8);
    for line in json.split(|&byte| byte == b'\n' || byte == b'\r') {
        text.extend_from_slice(b"data: ");
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.push(b'\n');
    text
}

/// Where a client stands in all of its scopes: the id of the next event.
#[derive(Debug)]
pub(crate) struct Cursor(RefCell<Box<[(Scope, Option<Position>)]>>);

impl Cursor {
    /// A cursor that stands at these positions.
    pub(crate) fn new(positions: Box<[(Scope, Option<Position>)]>) -> Self {
        Self(RefCell::new(positions))
    }

    /// A batch, each event with the cursor behind it.
    pub(crate) fn frames(&self, batch: &Batch) -> Arc<Frames> {
        let bare = batch.frames(Protocol::Sse);
        let pieces: Vec<_> = batch
            .events()
            .iter()
            .enumerate()
            .map(|(index, event)| {
                if event.position.is_some() {
                    self.move_to(batch.scope(), event.position);
                }
                let mut piece = self.id().into_bytes();
                piece.extend_from_slice(&bare.bytes()[bare.start_of(index)..bare.start_of(index + 1)]);
                piece
            })
            .collect();
        Frames::of_pieces(pieces.iter().map(Vec::as_slice))
    }

    /// A `reset` of a scope.
    pub(crate) fn reset(&self, scope: &Scope, head: Option<Position>) -> Arc<Frames> {
        self.move_to(scope, head);
        Frames::encoded(
            format!("event: reset\n{}data: {}\n\n", self.id(), atr_v1::reset(scope, head)).as_bytes(),
        )
    }

    fn move_to(&self, scope: &Scope, position: Option<Position>) {
        let mut positions = self.0.borrow_mut();
        if let Some((_, current)) = positions.iter_mut().find(|(other, _)| other == scope) {
            *current = position;
        }
    }

    /// The field that browsers give back as Last-Event-ID: an object in ASCII, since it becomes a header.
    pub(crate) fn id(&self) -> String {
        let positions = self.0.borrow();
        let known = positions.iter().filter_map(|(scope, position)| {
            Some((scope.as_str().to_owned(), Value::from((*position)?.to_string())))
        });
        let json = Value::from(known.collect::<Map<_, _>>()).to_string();
        let mut id = String::from("id: ");
        for c in json.chars() {
            match c {
                ' '..='~' => id.push(c),
                // JSON's escapes are those of UTF-16 (RFC 8259 §7).
                c => {
                    c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| id.push_str(&format!("\\u{unit:04x}")))
                }
            }
        }
        id.push('\n');
        id
    }
}

/// A comment, so that nobody takes the silence for an end; always the same one.
pub(crate) fn ping() -> Arc<Frames> {
    static PING: LazyLock<Arc<Frames>> = LazyLock::new(|| Frames::encoded(b": ping\n\n"));
    Arc::clone(&PING)
}
