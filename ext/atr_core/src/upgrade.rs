//! Checks a request to become a websocket (RFC 6455 §4.2.1). hyper leaves all of it to us.

use crate::protocol::Protocol;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode, Version};
use tungstenite::handshake::derive_accept_key;

/// How clients ask for the protocol with positions.
pub(crate) const ATR_V1: &str = "atr.v1";

/// Why a request cannot become a websocket: the status, and a line that says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) status: StatusCode,
    pub(crate) line: &'static str,
}

const NOT_AN_UPGRADE: Rejection = Rejection {
    status: StatusCode::UPGRADE_REQUIRED,
    line: "This is an atr server: connect with new WebSocket(url) or new EventSource(url), not with plain HTTP.",
};
const WRONG_VERSION: Rejection = Rejection {
    status: StatusCode::UPGRADE_REQUIRED,
    line: "This server speaks version 13 of the websocket protocol (RFC 6455) and no other.",
};

const fn bad_request(line: &'static str) -> Rejection {
    Rejection { status: StatusCode::BAD_REQUEST, line }
}

/// The `Sec-WebSocket-Accept` to answer with, or why not.
pub(crate) fn check(method: &Method, version: Version, headers: &HeaderMap) -> Result<String, Rejection> {
    let upgrade = has_token(headers, &header::UPGRADE, "websocket");
    if !upgrade || !has_token(headers, &header::CONNECTION, "upgrade") {
        return Err(NOT_AN_UPGRADE);
    }
    if method != Method::GET {
        return Err(Rejection {
            status: StatusCode::METHOD_NOT_ALLOWED,
            line: "A websocket begins with a GET request.",
        });
    }
    if version != Version::HTTP_11 {
        return Err(bad_request("A websocket needs HTTP/1.1."));
    }
    if only(headers, &header::HOST).is_none() {
        return Err(bad_request("A request has one Host header."));
    }
    if only(headers, &header::SEC_WEBSOCKET_VERSION).is_none_or(|value| value.as_bytes() != b"13") {
        return Err(WRONG_VERSION);
    }
    let key = only(headers, &header::SEC_WEBSOCKET_KEY)
        .filter(|key| is_key(key.as_bytes()))
        .ok_or(bad_request("Sec-WebSocket-Key must be 16 bytes in base64."))?;
    let length = headers.get(header::CONTENT_LENGTH);
    if headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != "0") {
        return Err(bad_request("A websocket request has no body."));
    }
    Ok(derive_accept_key(key.as_bytes()))
}

/// The protocol to speak: the one that the client names (RFC 6455 §4.1 item 10) and this server has, else the plain one.
pub(crate) fn protocol(headers: &HeaderMap) -> Protocol {
    match has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, ATR_V1) {
        true => Protocol::AtrV1,
        false => Protocol::Plain,
    }
}

/// Whether a list header (RFC 9110 §5.6.1) has a token, in whatever case.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let has = |value: &HeaderValue| {
        value.to_str().is_ok_and(|list| list.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
    };
    headers.get_all(name).iter().any(has)
}

/// The value of a header that must not come twice.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// 16 bytes are 22 characters of base64 and two of padding (RFC 4648 §4).
fn is_key(key: &[u8]) -> bool {
    let in_alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(in_alphabet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(changes: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "example.com"),
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        .iter()
        .chain(changes)
        {
            match *value {
                "" => headers.remove(*name),
                value => headers.insert(*name, HeaderValue::from_static(value)),
            };
        }
        headers
    }

    fn status_of(changes: &[(&'static str, &'static str)]) -> u16 {
        check(&Method::GET, Version::HTTP_11, &headers(changes)).map_or_else(|no| no.status.as_u16(), |_| 101)
    }

    #[test]
    fn the_sample_of_rfc6455_1_3() {
        let accept = check(&Method::GET, Version::HTTP_11, &headers(&[])).unwrap();
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn each_condition_of_rfc6455_4_2_1() {
        assert_eq!(status_of(&[("upgrade", "")]), 426);
        assert_eq!(status_of(&[("upgrade", "h2c")]), 426);
        assert_eq!(status_of(&[("connection", "close")]), 426);
        assert_eq!(status_of(&[("host", "")]), 400);
        assert_eq!(status_of(&[("sec-websocket-version", "12")]), 426);
        assert_eq!(status_of(&[("sec-websocket-version", "")]), 426);
        assert_eq!(status_of(&[("sec-websocket-key", "")]), 400);
        assert_eq!(status_of(&[("sec-websocket-key", "c2hvcnQ=")]), 400);
        assert_eq!(status_of(&[("sec-websocket-key", "!!!!IHNhbXBsZSBub25jZQ==")]), 400);
        assert_eq!(status_of(&[("content-length", "5")]), 400);
        assert_eq!(status_of(&[("transfer-encoding", "chunked")]), 400);
        assert_eq!(status_of(&[("content-length", "0"), ("upgrade", "WebSocket")]), 101);
    }

    #[test]
    fn method_version_and_doubled_headers() {
        let method = check(&Method::POST, Version::HTTP_11, &headers(&[])).unwrap_err();
        assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(check(&Method::GET, Version::HTTP_10, &headers(&[])).unwrap_err().status, 400);
        for name in [header::SEC_WEBSOCKET_KEY, header::HOST] {
            let mut doubled = headers(&[]);
            doubled.append(&name, doubled[&name].clone());
            assert_eq!(check(&Method::GET, Version::HTTP_11, &doubled).unwrap_err().status, 400);
        }
    }
}
