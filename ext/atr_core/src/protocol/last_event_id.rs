//! Reads what a request for server-sent events says of where its client was.

use crate::join::Start;
use crate::log::Log;
use crate::protocol::positions::{self, Starts};
use crate::scope::Scope;
use hyper::HeaderMap;
use hyper::header::HeaderName;
use serde_json::{Map, Value};
use std::borrow::Cow;

const HEADER: HeaderName = HeaderName::from_static("last-event-id");
const PARAMETER: &str = "last_event_id";

/// Where a client begins that was let into `scopes`.
pub(crate) fn starts(headers: &HeaderMap, query: Option<&str>, scopes: &[Scope], log: &Log) -> Starts {
    let Some(id) = given(headers, query) else { return Starts::default() };
    match serde_json::from_slice::<Map<String, Value>>(&id) {
        Ok(cursor) => positions::starts(&cursor, scopes),
        Err(error) => {
            log.debug(|| format!("a client came back with a Last-Event-ID that is no cursor: {error}"));
            let starts = scopes.iter().map(|scope| (scope.clone(), Start::Lost)).collect();
            Starts { starts, ..Starts::default() }
        }
    }
}

/// The header is what the browser has seen last, the parameter what the page knew when it was made.
fn given<'a>(headers: &'a HeaderMap, query: Option<&'a str>) -> Option<Cow<'a, [u8]>> {
    let header = headers.get(HEADER).map(|value| Cow::Borrowed(value.as_bytes()));
    let parameter = || {
        let (_, value) = form_urlencoded::parse(query?.as_bytes()).find(|(name, _)| name == PARAMETER)?;
        Some(Cow::Owned(value.into_owned().into_bytes()))
    };
    // An empty one is none: a browser does not even send it.
    header.filter(|id| !id.is_empty()).or_else(parameter).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    const CURSOR: &str = r#"{"a":"00000000000000aa:3","b.\u00e9":"00000000000000aa:4"}"#;

    fn read(header: Option<&[u8]>, query: Option<&str>) -> Starts {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(HEADER, HeaderValue::from_bytes(header).unwrap());
        }
        let scopes = ["a", "b.é", "c"].map(|name| Scope::new(name).unwrap());
        starts(&headers, query, &scopes, &Log::default())
    }

    fn after(offset: u64) -> Option<Start> {
        Some(Start::After(format!("00000000000000aa:{offset}").parse().unwrap()))
    }

    fn begun(starts: &Starts) -> [Option<Start>; 3] {
        ["a", "b.é", "c"].map(|name| starts.starts.get(name).copied())
    }

    #[test]
    fn the_header_or_the_parameter_says_where_the_client_was() {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("token", "x"), (PARAMETER, CURSOR)])
            .finish();
        assert_eq!(begun(&read(Some(CURSOR.as_bytes()), None)), [after(3), after(4), None]);
        assert_eq!(begun(&read(None, Some(&query))), [after(3), after(4), None]);
        assert_eq!(begun(&read(Some(b""), Some(&query))), [after(3), after(4), None]);
        assert_eq!(begun(&read(None, Some("token=x"))), [None; 3]);
        assert_eq!(begun(&read(Some(b""), Some("last_event_id="))), [None; 3]);
    }

    #[test]
    fn the_header_goes_before_the_parameter() {
        let query = "last_event_id=%7B%22a%22:%2200000000000000aa:1%22%7D";
        assert_eq!(begun(&read(None, Some(query)))[0], after(1));
        assert_eq!(begun(&read(Some(CURSOR.as_bytes()), Some(query)))[0], after(3));
    }

    #[test]
    fn what_is_no_cursor_recovers_nothing() {
        let deep = "[".repeat(10_000);
        for garbage in [&b"17"[..], b"too-long", b"{\"a\":", b"[]", b"null", b"\xff\xfe", deep.as_bytes()] {
            assert_eq!(begun(&read(Some(garbage), None)), [Some(Start::Lost); 3], "{garbage:?}");
        }
        assert_eq!(begun(&read(None, Some("last_event_id=%ff%00%"))), [Some(Start::Lost); 3]);
    }

    #[test]
    fn what_is_no_position_in_a_cursor_loses_one_scope() {
        let starts =
            read(Some(br#"{"a":"00000000000000aa:01","b.\u00e9":"00000000000000aa:4","x":""}"#), None);
        assert_eq!(begun(&starts), [Some(Start::Lost), after(4), None]);
        assert_eq!(starts.ignored, ["x"]);
    }
}
