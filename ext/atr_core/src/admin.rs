//! Serves the admin port: is the server well, can it get events, and, with the memory broker, events themselves and
//! where their logs end.
//!
//! It is for the operator and for the app's own processes, on an address that browsers do not reach. Events and
//! positions need the token that the app derives from its secret.

use crate::answer::{Answer, line, with_header, with_type};
use crate::broker::{Command, wire};
use crate::log::Log;
use crate::shut::Shut;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, AUTHORIZATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The largest batch, unless one event may be larger. Publishers send about 1 MiB, or one event if that is larger;
/// spelling it as a JSON string makes six bytes (`\u0007`) of one at worst.
const MIN_MAX_BODY_BYTES: usize = 16 * MIB;
const MAX_ESCAPE_BYTES: usize = 6;
const MIB: usize = 1024 * 1024;
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long a request's head may take, and so how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request waits for room on the way to the broker.
const BROKER_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections at once: one for each process of a large app, and an operator's.
const MAX_CONNECTIONS: usize = 1024;
/// The pause after the system refused to accept, when it has no descriptors left for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const PATHS: &str = "This is atr's admin port. It has GET /-/health, GET /-/ready, POST /events and GET \
                     /positions.";

/// Serves on a non-blocking listener until it is dropped; must run on a `LocalSet`. `commands` are those of the
/// memory broker, `ready` says whether events can come.
pub async fn serve(
    listener: std::net::TcpListener,
    token: Option<String>,
    commands: Option<mpsc::Sender<Command>>,
    max_event_bytes: usize,
    ready: impl Fn() -> bool + 'static,
    log: Log,
) {
    let admin =
        Rc::new(Admin { token, commands, max_body_bytes: max_body_bytes(max_event_bytes), ready, log });
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => Shut::new(listener),
        Err(error) => return admin.log.error(format!("the admin port cannot be served: {error}")),
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => _ = connections.spawn_local(serve_connection(admin.clone(), stream)),
                Err(error) => {
                    admin.log.warn_repeated("admin accept", 1, |_| format!("the admin port cannot accept: {error}"));
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(admin: Rc<Admin<impl Fn() -> bool + 'static>>, stream: TcpStream) {
    let service = service_fn(move |request| {
        let admin = admin.clone();
        async move { Ok::<_, Infallible>(admin.answer(request).await) }
    });
    // A client that ends in the middle of a request is nobody's concern but its own.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Shut::new(stream)), service)
        .await;
}

struct Admin<R> {
    token: Option<String>,
    commands: Option<mpsc::Sender<Command>>,
    max_body_bytes: usize,
    ready: R,
    log: Log,
}

impl<R: Fn() -> bool> Admin<R> {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/-/health" if is_read => line(StatusCode::OK, "ok"),
            "/-/ready" if is_read => match (self.ready)() {
                true => line(StatusCode::OK, "ok"),
                false => {
                    line(StatusCode::SERVICE_UNAVAILABLE, "The broker cannot be reached: no events come.")
                }
            },
            "/events" if request.method() == Method::POST => {
                self.take_events(request).await.unwrap_or_else(|refusal| refusal)
            }
            "/positions" if *request.method() == Method::GET => {
                self.tell_positions(&request).await.unwrap_or_else(|refusal| refusal)
            }
            "/-/health" | "/-/ready" | "/positions" => not_allowed("GET"),
            "/events" => not_allowed("POST"),
            _ => line(StatusCode::NOT_FOUND, PATHS),
        }
    }

    async fn take_events(&self, request: Request<Incoming>) -> Result<Answer, Answer> {
        if let Some(refusal) = self.refusal(&request) {
            return Err(refusal);
        }
        let body = read_body(request.into_body(), self.max_body_bytes).await?;
        let batch = wire::decode(&body).map_err(|reason| {
            self.log.warn_repeated("admin batch", 1, |count| {
                format!("{count} batches of events could not be read: {reason}")
            });
            line(StatusCode::BAD_REQUEST, &format!("The batch cannot be read: {reason}"))
        })?;
        let accepted = self.ask(|done| Command::Publish { batch, done }).await?;
        Ok(json(wire::encode_accepted(&accepted.positions, accepted.repeated)))
    }

    async fn tell_positions(&self, request: &Request<Incoming>) -> Result<Answer, Answer> {
        if let Some(refusal) = self.refusal(request) {
            return Err(refusal);
        }
        let scopes = wire::decode_scopes(request.uri().query().unwrap_or_default())
            .map_err(|reason| line(StatusCode::BAD_REQUEST, &reason))?;
        let heads = self.ask(|reply| Command::Heads { scopes, reply }).await?;
        Ok(json(wire::encode_positions(&heads)))
    }

    /// Why a request is not a publisher's of this app, or can do nothing here.
    fn refusal<B>(&self, request: &Request<B>) -> Option<Answer> {
        if self.commands.is_none() {
            return Some(line(
                StatusCode::CONFLICT,
                "This server has the redis broker and takes no events here; give the publisher its redis_url.",
            ));
        }
        if !self.is_authorized(request) {
            self.log.warn_repeated("admin token", 1, |count| {
                format!(
                    "{count} requests of publishers were refused: their token is not this server's; both need the \
                     same secret_key_base or secret"
                )
            });
            return Some(line(StatusCode::UNAUTHORIZED, "The bearer token is not this server's."));
        }
        None
    }

    /// The broker's answer. The error means that it was certainly not asked, so that a batch may come again under
    /// another number.
    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Answer> {
        let (done, is_done) = oneshot::channel();
        let answer = async {
            let commands = self.commands.as_ref()?;
            timeout(BROKER_TIMEOUT, commands.send(command(done))).await.ok()?.ok()?;
            // From here on the broker may do it at any time: only its answer counts.
            is_done.await.ok()
        };
        answer.await.ok_or_else(|| line(StatusCode::SERVICE_UNAVAILABLE, "The server is stopping or busy."))
    }

    fn is_authorized<B>(&self, request: &Request<B>) -> bool {
        let shown =
            request.headers().get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        match (shown, &self.token) {
            (Some(shown), Some(token)) => is_same(shown, token.as_bytes()),
            _ => false,
        }
    }
}

/// Takes as long wherever the two differ, so that nobody can find a token out byte by byte.
fn is_same(shown: &[u8], token: &[u8]) -> bool {
    let difference = shown.iter().zip(token).fold(0, |difference, (a, b)| black_box(difference | (a ^ b)));
    shown.len() == token.len() && difference == 0
}

/// The largest batch that is read: the largest event must fit, however it is spelt, with its names.
fn max_body_bytes(max_event_bytes: usize) -> usize {
    MIN_MAX_BODY_BYTES.max(max_event_bytes.saturating_mul(MAX_ESCAPE_BYTES).saturating_add(MIB))
}

async fn read_body(body: Incoming, max_bytes: usize) -> Result<Bytes, Answer> {
    let too_large =
        || line(StatusCode::PAYLOAD_TOO_LARGE, &format!("A batch may have {max_bytes} bytes at most."));
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(too_large());
    }
    match timeout(BODY_TIMEOUT, Limited::new(body, max_bytes).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(line(StatusCode::BAD_REQUEST, "The body ended too early.")),
        Err(_) => Err(line(StatusCode::REQUEST_TIMEOUT, "The body did not come in time.")),
    }
}

fn json(body: String) -> Answer {
    with_type(StatusCode::OK, body, "application/json")
}

fn not_allowed(method: &'static str) -> Answer {
    let answer = line(StatusCode::METHOD_NOT_ALLOWED, &format!("Only {method} is for this path."));
    with_header(answer, ALLOW, method)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::scope::Scope;

    #[test]
    fn the_largest_event_fits_however_it_is_spelt() {
        assert_eq!(max_body_bytes(1), MIN_MAX_BODY_BYTES);
        assert_eq!(max_body_bytes(usize::MAX), usize::MAX);
        let size = 4 * MIB;
        let event = Event {
            id: "1".into(),
            scope: Scope::new("a").unwrap(),
            name: "post.created".into(),
            routing_key: "a.post.created".into(),
            json: Bytes::from(vec![7; size]),
        };
        assert!(wire::encode("p", 1, std::iter::once(&event)).len() <= max_body_bytes(size));
    }

    #[test]
    fn tokens_are_the_same_or_not() {
        assert!(is_same(b"abc", b"abc"));
        for (shown, token) in [("abd", "abc"), ("bbc", "abc"), ("ab", "abc"), ("abcd", "abc"), ("", "abc")] {
            assert!(!is_same(shown.as_bytes(), token.as_bytes()), "{shown}");
        }
    }
}
