//! The JSON in which a publisher posts a batch to a server with the memory broker.
//!
//! An event's own JSON travels as a string in it: so its bytes arrive as the app's serializer made them.

use super::Batch;
use crate::event::Event;
use crate::position::Position;
use crate::scope::{Scope, is_valid_name};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The longest name of a publisher.
const MAX_PUBLISHER_BYTES: usize = 64;
/// What is repeated of a name that cannot be one.
const MAX_SHOWN_CHARS: usize = 64;

#[derive(Serialize, Deserialize)]
struct WireBatch<'a> {
    #[serde(borrow)]
    publisher: Cow<'a, str>,
    seq: u64,
    #[serde(borrow)]
    events: Vec<WireEvent<'a>>,
}

#[derive(Serialize, Deserialize)]
struct WireEvent<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    scope: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    routing_key: Cow<'a, str>,
    data: String,
}

/// What a scope is called in the query that asks for positions.
pub(crate) const SCOPE_PARAMETER: &str = "scope";

/// What a server answers to a batch, and to a question for positions.
#[derive(Serialize, Deserialize)]
struct WireAnswer<'a> {
    /// How many events were handed on; nothing was posted without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<usize>,
    #[serde(borrow)]
    positions: Vec<Option<Cow<'a, str>>>,
    /// The batch had been handed on before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    repeated: bool,
}

/// Spells the answer to a batch.
pub(crate) fn encode_accepted(positions: &[Option<Position>], repeated: bool) -> String {
    encode_answer(Some(positions.len()), positions, repeated)
}

/// Spells the answer to a question for positions, in the order they were asked for.
pub(crate) fn encode_positions(positions: &[Option<Position>]) -> String {
    encode_answer(None, positions, false)
}

fn encode_answer(accepted: Option<usize>, positions: &[Option<Position>], repeated: bool) -> String {
    let spell = |position: &Option<Position>| position.map(|position| Cow::Owned(position.to_string()));
    let answer = WireAnswer { accepted, positions: positions.iter().map(spell).collect(), repeated };
    // Strings and numbers can always be spelt.
    serde_json::to_string(&answer).unwrap_or_default()
}

/// Reads the positions of either answer. `None` when these are not `count` positions.
pub(crate) fn decode_positions(body: &[u8], count: usize) -> Option<Vec<Option<Position>>> {
    let answer: WireAnswer<'_> = serde_json::from_slice(body).ok()?;
    let read = |position: Option<Cow<'_, str>>| position.map(|text| text.parse()).transpose().ok();
    let positions: Vec<_> = answer.positions.into_iter().map(read).collect::<Option<_>>()?;
    (positions.len() == count).then_some(positions)
}

/// Reads the scopes of a question for positions. The error says what is wrong with it.
pub(crate) fn decode_scopes(query: &str) -> Result<Vec<Scope>, String> {
    let scope_of = |(parameter, scope): (Cow<'_, str>, Cow<'_, str>)| match &*parameter {
        SCOPE_PARAMETER => Scope::new(&scope).ok_or_else(|| format!("{} cannot be a scope", shown(&scope))),
        other => Err(format!("There is no parameter {}; it has to be {SCOPE_PARAMETER:?}", shown(other))),
    };
    form_urlencoded::parse(query.as_bytes()).map(scope_of).collect()
}

/// Spells a batch.
pub(crate) fn encode<'a>(publisher: &str, seq: u64, events: impl Iterator<Item = &'a Event>) -> Vec<u8> {
    let events = events.map(|event| WireEvent {
        id: Cow::Borrowed(&event.id),
        scope: Cow::Borrowed(event.scope.as_str()),
        name: Cow::Borrowed(&event.name),
        routing_key: Cow::Borrowed(&event.routing_key),
        data: String::from_utf8_lossy(&event.json).into_owned(),
    });
    let batch = WireBatch { publisher: Cow::Borrowed(publisher), seq, events: events.collect() };
    // Strings and numbers can always be spelt.
    serde_json::to_vec(&batch).unwrap_or_default()
}

/// Reads a batch. The error says what is wrong with it.
pub(crate) fn decode(body: &[u8]) -> Result<Batch, String> {
    let batch: WireBatch<'_> = serde_json::from_slice(body).map_err(|error| without_values(&error))?;
    if !(1..=MAX_PUBLISHER_BYTES).contains(&batch.publisher.len()) {
        return Err(format!("\"publisher\" must have 1 to {MAX_PUBLISHER_BYTES} bytes"));
    }
    let events = batch.events.into_iter().map(decode_event).collect::<Result<_, _>>()?;
    Ok(Batch { publisher: batch.publisher.into_owned(), seq: batch.seq, events })
}

/// What serde says, without what it has found: that may be a payload, and this is for logs.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => text,
    }
}

/// A name that cannot be one, cut to what a log line bears.
fn shown(name: &str) -> String {
    format!("{:?}", name.chars().take(MAX_SHOWN_CHARS).collect::<String>())
}

fn decode_event(event: WireEvent<'_>) -> Result<Event, String> {
    let scope =
        Scope::new(&event.scope).ok_or_else(|| format!("{} cannot be a scope", shown(&event.scope)))?;
    if !is_valid_name(&event.name) {
        return Err(format!("{} cannot be the name of an event", shown(&event.name)));
    }
    Ok(Event {
        id: event.id.into_owned(),
        scope,
        name: event.name.into_owned(),
        routing_key: event.routing_key.into_owned(),
        json: Bytes::from(event.data),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> Event {
        Event {
            id: "ab12".into(),
            scope: Scope::new("organization.é").unwrap(),
            name: "post.created".into(),
            routing_key: "organization.é.post.created".into(),
            json: Bytes::copy_from_slice(json.as_bytes()),
        }
    }

    #[test]
    fn what_is_encoded_is_read_again_to_the_byte() {
        let jsons = [r#"{"a" : 1.0, "b":"\u00e9 \"quoted\" \\ é"}"#, "[1,\n2]", "not json at all \u{7}"];
        let events: Vec<_> = jsons.iter().map(|json| event(json)).collect();
        let batch = decode(&encode("p-1", 7, events.iter())).unwrap();
        assert_eq!((batch.publisher.as_str(), batch.seq, batch.events), ("p-1", 7, events));
    }

    #[test]
    fn positions_are_read_as_they_were_spelt() {
        let positions = ["8f3a52c1d09e4b76:17", "0000000000000000:0"].map(|text| text.parse().ok());
        let positions = [positions[0], None, positions[1]];
        let accepted = encode_accepted(&positions, true);
        let expected =
            r#"{"accepted":3,"positions":["8f3a52c1d09e4b76:17",null,"0000000000000000:0"],"repeated":true}"#;
        assert_eq!(accepted, expected);
        assert_eq!(encode_positions(&[None]), r#"{"positions":[null]}"#);
        for answer in [accepted, encode_positions(&positions)] {
            assert_eq!(decode_positions(answer.as_bytes(), 3).unwrap(), positions);
            assert_eq!(decode_positions(answer.as_bytes(), 2), None, "too many");
        }
        for answer in ["", r#"{"accepted":1}"#, r#"{"positions":["1:2"]}"#] {
            assert_eq!(decode_positions(answer.as_bytes(), 1), None, "{answer}");
        }
    }

    #[test]
    fn reads_which_positions_are_asked_for() {
        let scopes = decode_scopes("scope=&scope=organization.1&scope=user.%C3%A9%26%2B").unwrap();
        assert_eq!(scopes.iter().map(Scope::as_str).collect::<Vec<_>>(), ["", "organization.1", "user.é&+"]);
        assert_eq!(decode_scopes(""), Ok(vec![]));
        for (query, expected) in [("scope=a+b", "\"a b\" cannot be a scope"), ("scopes=a", "\"scopes\"")] {
            let error = decode_scopes(query).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let body = |publisher: &str, scope: &str, name: &str| {
            format!(
                r#"{{"publisher":"{publisher}","seq":1,"events":[
                {{"id":"1","scope":"{scope}","name":"{name}","routing_key":"r","data":"{{}}"}}]}}"#
            )
        };
        assert!(decode(body("p", "", "post.created").as_bytes()).is_ok());
        for (body, expected) in [
            (body("", "a", "post.created"), "publisher"),
            (body(&"p".repeat(65), "a", "post.created"), "publisher"),
            (body("p", "a b", "post.created"), "\"a b\" cannot be a scope"),
            (body("p", "-", "post.created"), "\"-\" cannot be a scope"),
            (body("p", "a", ""), "\"\" cannot be the name"),
            ("{".into(), "EOF"),
            (r#"{"publisher":"p","events":[]}"#.into(), "missing field `seq`"),
            (r#"{"publisher":"p","seq":-1,"events":[]}"#.into(), "expected u64"),
            (body("p", &"é{".repeat(100), "post.created"), "cannot be a scope"),
        ] {
            let error = decode(body.as_bytes()).unwrap_err();
            assert!(error.contains(expected) && error.len() < 200, "{error}");
        }
        let error = decode(br#"{"publisher":"p","seq":1,"events":"a payload"}"#).unwrap_err();
        assert!(!error.contains("payload"), "{error}");
    }
}
