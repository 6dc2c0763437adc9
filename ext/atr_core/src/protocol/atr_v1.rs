//! The frames of `atr.v1`.

use crate::broker::Message;
use crate::farewell::Farewell;
use crate::frame::Frames;
use crate::join::Opened;
use crate::position::Position;
use crate::scope::Scope;
use serde_json::{Map, Value, json};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The `event` frame of each of these events.
pub(crate) fn frames(scope: &Scope, events: &[Message]) -> Arc<Frames> {
    let scope = json_string(scope.as_str());
    let texts: Vec<_> = events.iter().map(|event| event_text(&scope, event)).collect();
    Frames::of_texts(texts.iter().map(Vec::as_slice))
}

fn event_text(scope: &str, event: &Message) -> Vec<u8> {
    let position = event.position.map_or_else(|| "null".into(), |position| format!("\"{position}\""));
    let mut text = format!(r#"{{"type":"event","scope":{scope},"position":{position},"event":"#).into_bytes();
    text.extend_from_slice(&event.json);
    text.push(b'}');
    text
}

/// The `reset` of a scope.
pub(crate) fn reset(scope: &Scope, head: Option<Position>) -> String {
    json!({ "type": "reset", "scope": scope.as_str(), "position": spelt(head) }).to_string()
}

/// The `welcome`.
pub(crate) fn welcome(
    session: &str,
    client_key: Option<&str>,
    ping_interval: Duration,
    opened: &[Opened],
    ignored: &[String],
) -> String {
    let scope = |opened: &Opened| {
        let scope = json!({ "position": spelt(opened.position), "recovered": opened.recovered });
        (opened.scope.as_str().to_owned(), scope)
    };
    json!({
        "type": "welcome",
        "session": session,
        "client_key": client_key,
        "ping_interval": milliseconds(ping_interval),
        "scopes": opened.iter().map(scope).collect::<Map<_, _>>(),
        "ignored": ignored,
    })
    .to_string()
}

/// An `error`: what was wrong, and what to do.
pub(crate) fn error(code: &str, message: &str, help: &str) -> String {
    json!({ "type": "error", "code": code, "message": message, "help": help }).to_string()
}

/// The `disconnect` before a close.
pub(crate) fn disconnect(farewell: &Farewell) -> String {
    let mut frame =
        json!({ "type": "disconnect", "reason": farewell.reason, "reconnect": farewell.reconnect });
    if let Some(after) = farewell.after {
        frame["after"] = milliseconds(after).into();
    }
    frame.to_string()
}

/// The answer to a `ping`; always the same one.
pub(crate) fn pong() -> Arc<Frames> {
    static PONG: LazyLock<Arc<Frames>> = LazyLock::new(|| Frames::of_text(r#"{"type":"pong"}"#));
    Arc::clone(&PONG)
}

/// A `ping`; always the same one.
pub(crate) fn ping() -> Arc<Frames> {
    static PING: LazyLock<Arc<Frames>> = LazyLock::new(|| Frames::of_text(r#"{"type":"ping"}"#));
    Arc::clone(&PING)
}

/// A `ping` that brings positions.
pub(crate) fn ping_with(positions: &[(Scope, Position)]) -> String {
    let positions: Map<_, _> = positions
        .iter()
        .map(|(scope, position)| (scope.as_str().to_owned(), position.to_string().into()))
        .collect();
    json!({ "type": "ping", "positions": positions }).to_string()
}

/// A position as JSON has it.
pub(crate) fn spelt(position: Option<Position>) -> Value {
    position.map_or(Value::Null, |position| position.to_string().into())
}

fn milliseconds(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

/// A text as JSON spells it.
fn json_string(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn an_event_stands_in_its_frame_to_the_byte() {
        let message = |position: Option<&str>| Message {
            position: position.map(|position| position.parse().unwrap()),
            name: "post.created".into(),
            json: Bytes::from_static(b"{\"a\" : 1.0}"),
        };
        let scope = Scope::new("a\"b").unwrap();
        let frames = frames(&scope, &[message(Some("8f3a52c1d09e4b76:17")), message(None)]);
        let first =
            br#"{"type":"event","scope":"a\"b","position":"8f3a52c1d09e4b76:17","event":{"a" : 1.0}}"#;
        let second = br#"{"type":"event","scope":"a\"b","position":null,"event":{"a" : 1.0}}"#;
        assert_eq!(&frames.bytes()[2..frames.start_of(1)], first);
        assert_eq!(&frames.bytes()[frames.start_of(1) + 2..], second);
    }
}
