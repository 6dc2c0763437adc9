//! Answers to HTTP requests, on either port: mostly one helpful line.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

/// What both ports answer with.
pub(crate) type Answer = Response<Full<Bytes>>;

/// One line of text.
pub(crate) fn line(status: StatusCode, text: &str) -> Answer {
    with_type(status, format!("{text}\n"), "text/plain; charset=utf-8")
}

/// A body of a media type.
pub(crate) fn with_type(status: StatusCode, body: String, content_type: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    with_header(answer, CONTENT_TYPE, content_type)
}

/// The answer with a header set, in place of one of that name.
pub(crate) fn with_header<B>(mut answer: Response<B>, name: HeaderName, value: &'static str) -> Response<B> {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}
