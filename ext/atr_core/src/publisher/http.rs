//! Publishes by POST to the admin port of a server with the memory broker.
//!
//! One numbered batch is under way at a time. The server remembers the last number of each publisher, so a batch
//! whose answer was lost is sent again under the same number and applied once.

use super::admin_url::AdminUrl;
use super::failure::PublishFailure;
use super::http_link::{HttpLink, Reply, Unreachable};
use super::queue::Entry;
use super::sink::{Outcome, Sink, Unavailable};
use crate::broker::{Timing, wire};
use crate::random;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use std::fmt;
use tokio::time::{Instant, sleep};

/// Posts events to a server.
pub(super) struct HttpSink {
    url: AdminUrl,
    authorization: HeaderValue,
    timing: Timing,
    /// The name that the server knows this publisher by.
    name: String,
    seq: u64,
    link: Option<HttpLink>,
}

impl HttpSink {
    pub(super) fn new(url: AdminUrl, authorization: HeaderValue, timing: Timing) -> Self {
        Self { url, authorization, timing, name: random::name(), seq: 0, link: None }
    }

    async fn connect(&mut self) -> Result<&mut HttpLink, Unreachable> {
        if let Some(link) = &mut self.link
            && !link.is_alive().await
        {
            self.link = None;
        }
        let link = match self.link.take() {
            Some(link) => link,
            None => HttpLink::open(&self.url, &self.timing).await?,
        };
        Ok(self.link.insert(link))
    }

    /// Posts until there is an answer, or none can be expected any longer.
    async fn post(&mut self, body: Bytes) -> Outcome {
        let give_up = Instant::now() + self.timing.deadline * 2;
        let mut backoff = self.timing.backoff();
        let mut is_asked = false;
        loop {
            let timing = self.timing;
            let request = self.request(body.clone());
            let reason = match self.connect().await {
                Ok(link) => {
                    is_asked = true;
                    match link.ask(request, &timing).await {
                        Ok(reply) => return judge(reply),
                        Err(reason) => reason,
                    }
                }
                Err(Unreachable::Refused) => "the server has gone away".into(),
                Err(Unreachable::Failed(reason)) => reason,
            };
            self.link = None;
            if !is_asked {
                return Outcome::Again(reason);
            }
            let delay = backoff.next_delay();
            if Instant::now() + delay >= give_up {
                return Outcome::Failed(PublishFailure::Unknown(reason));
            }
            sleep(delay).await;
        }
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.uri();
        let headers = request.headers_mut();
        headers.insert(HOST, self.url.host_header());
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }
}

/// What became of every event of a batch that the server has answered.
fn judge(reply: Reply) -> Outcome {
    let Reply { status, text } = reply;
    if status.is_success() {
        return Outcome::Published;
    }
    let refused = |reason: String| Outcome::Failed(PublishFailure::Refused(reason));
    match status {
        StatusCode::UNAUTHORIZED => refused(
            "the server does not know the token (401): both processes need the same secret_key_base, or the same \
             secret in atr's configuration"
                .into(),
        ),
        StatusCode::TOO_MANY_REQUESTS => Outcome::Again(format!("{status}: {text}")),
        _ if status.is_server_error() => Outcome::Again(format!("{status}: {text}")),
        _ => refused(format!("{status}: {text}")),
    }
}

impl Sink for HttpSink {
    const MAX_EVENTS: usize = 1000;
    const MAX_BYTES: usize = 1024 * 1024;

    async fn ready(&mut self) -> Result<(), Unavailable> {
        match self.connect().await {
            Ok(_) => Ok(()),
            Err(Unreachable::Refused) => {
                Err(Unavailable::NobodyListens(format!("no atr server listens at {}", self.url)))
            }
            Err(Unreachable::Failed(reason)) => Err(Unavailable::Failed(reason)),
        }
    }

    async fn send(&mut self, batch: &[Entry]) -> Vec<Outcome> {
        self.seq += 1;
        let body = wire::encode(&self.name, self.seq, batch.iter().map(|entry| &entry.event));
        let outcome = self.post(body.into()).await;
        vec![outcome; batch.len()]
    }

    async fn watch_idle(&mut self) {
        match &mut self.link {
            Some(link) => link.ended().await,
            None => std::future::pending().await,
        }
        self.link = None;
    }
}

impl fmt::Display for HttpSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the server at {}", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_busy_is_asked_again() {
        let judged = |status| judge(Reply { status, text: "why".into() });
        assert_eq!(judged(StatusCode::OK), Outcome::Published);
        assert!(matches!(judged(StatusCode::SERVICE_UNAVAILABLE), Outcome::Again(_)));
        for status in [StatusCode::UNAUTHORIZED, StatusCode::CONFLICT, StatusCode::NOT_FOUND] {
            assert!(matches!(judged(status), Outcome::Failed(PublishFailure::Refused(_))), "{status}");
        }
    }
}
