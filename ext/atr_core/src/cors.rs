//! Lets pages of other origins read an answer (Fetch §3.3): an app's pages often come from another port or host.

use crate::answer::with_header;
use hyper::Response;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    HeaderValue, VARY,
};

/// The answer, which a page of `origin` may read. The app's Origin rule has the say before its authenticator has, so a
/// page that it does not allow reads the same refusal whoever its visitor is.
pub(crate) fn readable<B>(answer: Response<B>, origin: Option<&HeaderValue>) -> Response<B> {
    let mut answer = with_header(answer, VARY, "Origin");
    let Some(origin) = origin else { return answer };
    answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    // A star would stand for requests without cookies only.
    answer = with_header(answer, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    with_header(answer, ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After")
}
