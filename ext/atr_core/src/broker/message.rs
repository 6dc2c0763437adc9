//! Reads what comes on a scope's channel in Redis.

use super::{Context, Message};
use crate::position::Position;
use crate::scope::is_valid_name;
use bytes::Bytes;
use serde::Deserialize;
use std::borrow::Cow;

/// What a message with a position begins with: the version of its form. No JSON can begin so and go on.
const VERSION: &[u8] = b"1 ";

/// What is of interest in the JSON of somebody else's event.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl Context {
    /// Reads `1 <position> <event id> <name> <attributes> <json>`, or bare JSON: somebody else's event, or one of a scope
    /// without a log. Counts and tells what is neither.
    ///
    /// Anybody who may write to a Redis may publish there, and one message that is not JSON would make `JSON.parse`
    /// throw in every page. The check is one pass over a message, however many clients get it.
    pub(super) fn accept(&self, payload: &[u8]) -> Option<Message> {
        self.stats.events_received.add(1);
        let message = match payload.strip_prefix(VERSION) {
            Some(rest) => self.read_positioned(rest),
            None => self.read_bare(payload),
        };
        message.map_err(|fault| self.drop_message(&fault)).ok()
    }

    fn read_positioned(&self, rest: &[u8]) -> Result<Message, String> {
        let mut parts = rest.splitn(5, |byte| *byte == b' ');
        let mut next = || parts.next().ok_or("cut off");
        let (position, _id, name, _attributes, json) = (next()?, next()?, next()?, next()?, next()?);
        let text = |bytes| std::str::from_utf8(bytes).ok();
        let position: Option<Position> = text(position).and_then(|position| position.parse().ok());
        let position = position.filter(|position| position.offset > 0).ok_or("without a position")?;
        let name = text(name).filter(|name| is_valid_name(name)).ok_or("without a name")?;
        self.check(json)?;
        Ok(Message { position: Some(position), name: name.into(), json: Bytes::copy_from_slice(json) })
    }

    fn read_bare(&self, json: &[u8]) -> Result<Message, String> {
        self.check(json)?;
        let named = serde_json::from_slice::<Named<'_>>(json).ok().filter(|named| is_valid_name(&named.name));
        let name = named.map(|named| named.name.into()).unwrap_or_default();
        Ok(Message { position: None, name, json: Bytes::copy_from_slice(json) })
    }
}

#[cfg(test)]
mod tests {
    use crate::broker::tests::context;

    const JSON: &str = r#"{"a": "b c"}"#;

    fn accepted(payload: &str) -> Option<(Option<String>, String, String)> {
        let message = context(100).accept(payload.as_bytes())?;
        let position = message.position.map(|position| position.to_string());
        Some((position, message.name.into(), String::from_utf8(message.json.to_vec()).unwrap()))
    }

    #[test]
    fn reads_an_event_with_its_position() {
        let position = "8f3a52c1d09e4b76:17";
        assert_eq!(
            accepted(&format!("1 {position} ab12 post.created - {JSON}")),
            Some((Some(position.into()), "post.created".into(), JSON.into()))
        );
        assert!(accepted(&format!("1 {position} ab12 post.created {{\"not_to\":\"x\"}} {JSON}")).is_some());
    }

    #[test]
    fn reads_bare_json_and_its_name() {
        for (json, name) in [
            (r#"{"id":"1","name":"post.created","record":{"name":"x"}}"#, "post.created"),
            (r#"{"name":"post\u002ecreated"}"#, "post.created"),
            (r#"{"name":"no name"}"#, ""),
            (r#"{"name":17}"#, ""),
            (JSON, ""),
            ("[1,2,3]", ""),
            ("17", ""),
            ("1", ""),
        ] {
            assert_eq!(accepted(json), Some((None, name.into(), json.into())), "{json}");
        }
    }

    #[test]
    fn drops_and_counts_what_no_browser_could_use() {
        let context = context(100);
        let position = "1 8f3a52c1d09e4b76";
        let large = format!("\"{}\"", "x".repeat(99));
        let faulty: Vec<Vec<u8>> = vec![
            "".into(),
            "1 ".into(),
            "1 {}".into(),
            "1 17:4 id post.created - {}".into(),
            format!("{position}:0 id post.created - {{}}").into(),
            format!("{position}:9007199254740992 id post.created - {{}}").into(),
            format!("{position}:+4 id post.created - {{}}").into(),
            format!("{position}:4 id post.created -").into(),
            format!("{position}:4 id  - {{}}").into(),
            format!("{position}:4 id post.created - {{").into(),
            format!("{position}:4 id post.created - {large}").into(),
            format!("2{}:4 id post.created - {{}}", &position[1..]).into(),
            large.clone().into(),
            b"\x04\x08o:\x0aPost".into(),
            b"{\"a\":\"\xff\"}".into(),
            b"1 8f3a52c1d09e4b76:4 id \xff - {}".into(),
        ];
        for message in &faulty {
            assert_eq!(context.accept(message), None, "{}", String::from_utf8_lossy(message));
        }
        let count = faulty.len() as u64;
        assert_eq!((context.stats.events_received.get(), context.stats.events_invalid.get()), (count, count));
    }
}
