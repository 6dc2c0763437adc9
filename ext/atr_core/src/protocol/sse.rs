//! The messages of server-sent events (WHATWG HTML §9.2).

use crate::broker::Message;
use crate::farewell::Farewell;
use crate::frame::Frames;
use crate::protocol::{atr_v1, cursor};
use crate::scope::Scope;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// How long browsers wait before they come back, again and again while nobody is there: they know no backoff.
const RETRY: Duration = Duration::from_secs(2);

/// What an answer begins with; always the same.
pub(crate) fn beginning() -> Arc<Frames> {
    static BEGINNING: LazyLock<Arc<Frames>> =
        LazyLock::new(|| Frames::encoded(format!("{}\n", retry(RETRY)).as_bytes()));
    Arc::clone(&BEGINNING)
}

fn retry(time: Duration) -> String {
    format!("retry: {}\n", time.as_millis())
}

/// Each of these events as a message. Those that have a position have the id of a client that is in no other scope.
pub(crate) fn frames(scope: &Scope, events: &[Message]) -> Arc<Frames> {
    let texts: Vec<_> = events
        .iter()
        .map(|event| {
            let id = event.position.map(|position| cursor::id([(scope, Some(position))]));
            message(id.as_deref(), &event.json)
        })
        .collect();
    Frames::of_pieces(texts.iter().map(Vec::as_slice))
}

/// One event. Every line of the data has a field of its own: the app's JSON may be spelt on several.
pub(crate) fn message(id: Option<&str>, json: &[u8]) -> Vec<u8> {
    let id = id.unwrap_or_default().as_bytes();
    let mut text = Vec::with_capacity(id.len() + json.len() + 8);
    text.extend_from_slice(id);
    for line in json.split(|&byte| byte == b'\n' || byte == b'\r') {
        text.extend_from_slice(b"data: ");
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.push(b'\n');
    text
}

/// An event that has a name, which only those get who listen for it; `json` is on one line.
pub(crate) fn named(name: &str, id: &str, json: &str) -> String {
    format!("event: {name}\n{id}data: {json}\n\n")
}

/// The last event, which also has browsers wait as long as it says.
pub(crate) fn disconnect(farewell: &Farewell) -> String {
    let retry = farewell.after.map(|after| retry(RETRY + after)).unwrap_or_default();
    retry + &named("disconnect", "", &atr_v1::disconnect(farewell))
}

/// A comment, so that nobody takes the silence for an end; always the same one.
pub(crate) fn ping() -> Arc<Frames> {
    static PING: LazyLock<Arc<Frames>> = LazyLock::new(|| Frames::encoded(b": ping\n\n"));
    Arc::clone(&PING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn frames_of(events: &[(Option<&str>, &'static str)]) -> Arc<Frames> {
        let message = |&(position, json): &(Option<&str>, &'static str)| Message {
            position: position.map(|position| position.parse().unwrap()),
            name: "post.created".into(),
            json: Bytes::from_static(json.as_bytes()),
        };
        frames(&Scope::new("a").unwrap(), &events.iter().map(message).collect::<Vec<_>>())
    }

    #[test]
    fn an_event_is_an_unnamed_message_behind_its_id() {
        let frames = frames_of(&[(Some("8f3a52c1d09e4b76:17"), "{\"a\" : 1.0}"), (None, "[2]")]);
        let first = b"id: {\"a\":\"8f3a52c1d09e4b76:17\"}\ndata: {\"a\" : 1.0}\n\n";
        assert_eq!(&frames.bytes()[..frames.start_of(1)], first);
        assert_eq!(&frames.bytes()[frames.start_of(1)..], b"data: [2]\n\n", "it is in no log");
    }

    #[test]
    fn who_is_sent_away_is_told_when_to_come_back() {
        let restart = disconnect(&Farewell::restart(Duration::from_millis(730)));
        let (retry, event) = restart.split_once('\n').unwrap();
        assert_eq!(retry, "retry: 2730");
        assert!(event.starts_with("event: disconnect\ndata: {\"after\":730,") && event.ends_with("}\n\n"));
        assert!(disconnect(&Farewell::SLOW).starts_with("event: disconnect\ndata: {"));
    }

    #[test]
    fn json_on_several_lines_stays_one_message() {
        let frames = frames_of(&[(None, "{\n\"a\":1,\r\n\"b\":2\r}")]);
        assert_eq!(frames.bytes(), b"data: {\ndata: \"a\":1,\ndata: \ndata: \"b\":2\ndata: }\n\n");
    }
}
