//! Publishes by POST to the admin port of a server with the memory broker.
//!
//! One numbered batch is under way at a time. The server remembers the last number of each publisher, so a batch
//! whose answer was lost is sent again under the same number and applied once.

use super::admin_url::AdminUrl;
use super::failure::PublishFailure;
use super::http_link::{HttpLink, Reply, Unreachable};
use super::question::Heads;
use super::queue::Entry;
use super::sink::{Outcome, Sink, Unavailable};
use crate::broker::{Timing, wire};
use crate::random;
use crate::scope::Scope;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use std::fmt;
use tokio::time::{Instant, sleep};

/// Scopes of one request for positions: however they are spelt, they fit into a request's head.
const MAX_ASKED_SCOPES: usize = 16;

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

    /// Posts until there is an answer, or none can be expected any longer. The error says what became of each event.
    async fn post(&mut self, body: Bytes) -> Result<Bytes, Outcome> {
        let give_up = Instant::now() + self.timing.deadline * 2;
        let mut backoff = self.timing.backoff();
        let mut is_asked = false;
        loop {
            let timing = self.timing;
            let request = self.request(Method::POST, self.url.events(), body.clone());
            let reason = match self.connect().await {
                Ok(link) => {
                    is_asked = true;
                    match link.ask(request, &timing).await {
                        Ok(reply) => return judge(reply).map_err(Outcome::from),
                        Err(reason) => reason,
                    }
                }
                Err(Unreachable::Refused) => "the server has gone away".into(),
                Err(Unreachable::Failed(reason)) => reason,
            };
            self.link = None;
            if !is_asked {
                return Err(Outcome::Again(reason));
            }
            let delay = backoff.next_delay();
            if Instant::now() + delay >= give_up {
                return Err(Outcome::Failed(PublishFailure::Unknown(reason)));
            }
            sleep(delay).await;
        }
    }

    /// Asks once: whoever wants to know waits for it.
    async fn ask_for_heads(&mut self, scopes: &[Scope]) -> Heads {
        let timing = self.timing;
        let request = self.request(Method::GET, self.url.positions(scopes), Bytes::new());
        let link = self.connect().await.map_err(|unreachable| match unreachable {
            Unreachable::Refused => "no atr server listens".to_owned(),
            Unreachable::Failed(reason) => reason,
        })?;
        let reply = match link.ask(request, &timing).await {
            Ok(reply) => reply,
            Err(reason) => {
                self.link = None;
                return Err(reason);
            }
        };
        let body = judge(reply).map_err(|(Refusal::Passing(reason) | Refusal::Final(reason))| reason)?;
        wire::decode_positions(&body, scopes.len()).ok_or_else(|| "its answer cannot be read".into())
    }

    fn request(&self, method: Method, uri: Uri, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(HOST, self.url.host_header());
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }
}

/// Why the server has not done what it was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// A little later it may.
    Passing(String),
    /// It will not.
    Final(String),
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Passing(reason) => Self::Again(reason),
            Refusal::Final(reason) => Self::Failed(PublishFailure::Refused(reason)),
        }
    }
}

/// The body of an answer, if the server has done what it was asked for.
fn judge(reply: Reply) -> Result<Bytes, Refusal> {
    let status = reply.status;
    match status {
        _ if status.is_success() => Ok(reply.body),
        StatusCode::UNAUTHORIZED => Err(Refusal::Final(
            "the server does not know the token (401): both processes need the same secret_key_base, or the same \
             secret in atr's configuration"
                .into(),
        )),
        _ => {
            let is_passing = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            let kind = if is_passing { Refusal::Passing } else { Refusal::Final };
            Err(kind(format!("{status}: {}", reply.text())))
        }
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
        match self.post(body.into()).await {
            Ok(answer) => {
                // A server of another version may say nothing of them; it has the events all the same.
                let positions = wire::decode_positions(&answer, batch.len());
                let positions = positions.unwrap_or_else(|| vec![None; batch.len()]);
                positions.into_iter().map(Outcome::Published).collect()
            }
            Err(outcome) => vec![outcome; batch.len()],
        }
    }

    async fn heads(&mut self, scopes: &[Scope]) -> Heads {
        let mut heads = vec![];
        for scopes in scopes.chunks(MAX_ASKED_SCOPES) {
            heads.extend(self.ask_for_heads(scopes).await?);
        }
        Ok(heads)
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
        let judged = |status| judge(Reply { status, body: "why".into() });
        assert_eq!(judged(StatusCode::OK), Ok("why".into()));
        assert!(matches!(judged(StatusCode::SERVICE_UNAVAILABLE), Err(Refusal::Passing(_))));
        for status in [StatusCode::UNAUTHORIZED, StatusCode::CONFLICT, StatusCode::NOT_FOUND] {
            assert!(matches!(judged(status), Err(Refusal::Final(_))), "{status}");
        }
    }
}
