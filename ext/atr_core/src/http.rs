//! Answers the requests on the public port, and turns those that may come in into websockets or streams of events.

use crate::answer::{Answer, line, with_header};
use crate::connection::{Connection, Ending};
use crate::event_stream::{self, EventStream};
use crate::farewell::Farewell;
use crate::gate::{Outcome, RequestHead, Verdict};
use crate::protocol::{Protocol, last_event_id};
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::session::{CLOSE_PATIENCE, Session};
use crate::shard::{Membership, Shard, SocketGuard};
use crate::shut::Shut;
use crate::{cors, upgrade, user_timeout};
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::{Cell, OnceCell};
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::sleep;

/// Paths below belong to the server; every other one is the app's.
const RESERVED_PATHS: &str = "/-/";
const HEALTH_PATH: &str = "/-/health";

/// One line, or events.
type Reply = Response<Either<Full<Bytes>, EventStream>>;

/// A client that may come in.
struct Admitted {
    scopes: Vec<Scope>,
    client_key: Option<Box<str>>,
}

/// One socket's HTTP.
struct Exchange {
    shard: Rc<Shard>,
    remote: SocketAddr,
    local: SocketAddr,
    socket: Rc<SocketGuard>,
    /// The request's head is here, and its answer is being decided on.
    answering: Cell<bool>,
    /// Whom the answer goes on for.
    streaming: OnceCell<Rc<Connection>>,
}

/// Serves one request on a socket that was just accepted.
pub(crate) async fn serve(
    shard: Rc<Shard>,
    socket: std::net::TcpStream,
    remote: SocketAddr,
    guard: SocketGuard,
) {
    let Ok(socket) = TcpStream::from_std(socket) else { return };
    let Ok(local) = socket.local_addr() else { return };
    let exchange = Rc::new(Exchange {
        shard: Rc::clone(&shard),
        remote,
        local,
        socket: Rc::new(guard),
        answering: Cell::new(false),
        streaming: OnceCell::new(),
    });
    // Whoever does not even take pings is gone. Websockets answer them.
    user_timeout::set(&socket, Some(shard.options().ping_interval * 2));
    let served = Rc::clone(&exchange);
    let service = service_fn(move |request| {
        let exchange = Rc::clone(&served);
        async move {
            exchange.answering.set(true);
            Ok::<_, Infallible>(exchange.answer(request).await)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shard.limits().head_timeout)
        .max_buf_size(shard.limits().head_bytes)
        .serve_connection(TokioIo::new(Shut::new(socket)), service)
        .with_upgrades();
    tokio::select! {
        result = connection => {
            if let Err(error) = result
                && exchange.streaming.get().is_none()
            {
                shard.log().debug(|| format!("{remote} did not complete a request: {error}"));
            }
        }
        // A server that stops does not wait for somebody who has not even asked for anything.
        () = exchange.unasked_and_draining() => {}
        () = exchange.overstayed() => {}
    }
}

impl Exchange {
    /// Ready when the server stops before the request's head is here.
    async fn unasked_and_draining(&self) {
        self.shard.draining().await;
        if self.answering.get() {
            pending().await
        }
    }

    /// Ready when a client whose stream was ended has had its time to read what is left.
    async fn overstayed(&self) {
        // Ending a stream wakes the task that writes it, and this is polled there.
        poll_fn(|_| match self.streaming.get() {
            Some(connection) if !connection.is_open() => Poll::Ready(()),
            _ => Poll::Pending,
        })
        .await;
        sleep(CLOSE_PATIENCE).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let path = request.uri().path();
        if path == HEALTH_PATH {
            return plain(StatusCode::OK, "ok").map(Either::Left);
        }
        if path.starts_with(RESERVED_PATHS) {
            let line = "Paths under /-/ are the server's own; there is none like this.";
            return plain(StatusCode::NOT_FOUND, line).map(Either::Left);
        }
        if !event_stream::is_wanted(request.headers()) {
            return self.upgrade(request).await.map(Either::Left);
        }
        let answer = match self.stream(&request).await {
            Ok(stream) => stream.map(Either::Right),
            Err(refusal) => refusal.map(Either::Left),
        };
        cors::readable(answer, request.headers().get(header::ORIGIN))
    }

    /// Begins a stream of events, or says why not.
    async fn stream(&self, request: &Request<Incoming>) -> Result<Response<EventStream>, Answer> {
        if request.method() != Method::GET {
            let answer = plain(StatusCode::METHOD_NOT_ALLOWED, "Events are asked for with a GET request.");
            return Err(with_header(answer, header::ALLOW, "GET"));
        }
        let admitted = self.admit(request).await.map_err(Refusal::answer)?;
        let member = self.join(admitted, Protocol::Sse).await;
        // The only stream of this socket.
        let _ = self.streaming.set(Rc::clone(&member.connection));
        let scopes = member.connection.scopes();
        let starts =
            last_event_id::starts(request.headers(), request.uri().query(), scopes, self.shard.log());
        Ok(event_stream::answer(member, starts))
    }

    async fn upgrade(&self, mut request: Request<Incoming>) -> Answer {
        let accept = match upgrade::check(request.method(), request.version(), request.headers()) {
            Ok(accept) => accept,
            Err(rejection) => return reject(rejection),
        };
        let protocol = upgrade::protocol(request.headers());
        let member = match self.admit(&request).await {
            Ok(admitted) => self.join(admitted, protocol).await,
            // A browser cannot see the status of a refused upgrade.
            Err(refusal) if protocol == Protocol::AtrV1 => self.turn_out(refusal.farewell()),
            Err(refusal) => return refusal.answer(),
        };
        let upgraded = hyper::upgrade::on(&mut request);
        spawn_local(begin_session(upgraded, member, Rc::clone(&self.socket)));
        switch_protocols(&accept, protocol)
    }

    /// Whether a client may come in, and where.
    async fn admit(&self, request: &Request<Incoming>) -> Result<Admitted, Refusal> {
        let refuse = |refusal: Refusal| {
            refusal.count(self.shard.stats());
            Err(refusal)
        };
        if self.socket.is_in_lobby() {
            return refuse(Refusal::Busy("The server has no room. Try again."));
        }
        tokio::select! {
            biased;
            // Nobody comes in any more, whatever the app is going to say. Who joins before this is noticed is told
            // of the end with the others: there is no await in between.
            () = self.shard.draining() => refuse(Refusal::Busy("The server is stopping. Try again.")),
            admitted = self.ask(request) => admitted.or_else(refuse),
        }
    }

    async fn ask(&self, request: &Request<Incoming>) -> Result<Admitted, Refusal> {
        if !self.shard.options().gate_required && !request.headers().contains_key(header::ORIGIN) {
            return Ok(Admitted { scopes: Scope::new("").into_iter().collect(), client_key: None });
        }
        match self.shard.gate().ask(self.head_of(request)).await {
            Outcome::Answered(Verdict::Admit { mut scopes, client_key }) => {
                scopes.sort_unstable();
                scopes.dedup();
                Ok(Admitted { scopes, client_key: client_key.map(Into::into) })
            }
            Outcome::Answered(Verdict::Refuse(status)) => Err(Refusal::Denied(status)),
            Outcome::Answered(Verdict::Fail) => Err(Refusal::Failed),
            Outcome::Full | Outcome::Late => {
                self.shard.log().warn_repeated("gate", 1, |count| {
                    format!("{count} requests were turned away (503): the app's authenticator or scope is too slow, or gate_threads too few")
                });
                Err(Refusal::Busy("The application is busy. Try again."))
            }
        }
    }

    fn head_of(&self, request: &Request<Incoming>) -> RequestHead {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        RequestHead {
            method: request.method().as_str().to_owned(),
            target: target.to_owned(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
            remote: self.remote,
            local: self.local,
        }
    }

    /// With the plain protocol the client takes part before it is told so: what is published from then on waits for it.
    async fn join(&self, admitted: Admitted, protocol: Protocol) -> Membership {
        let shard = &self.shard;
        let Admitted { scopes, client_key } = admitted;
        let outbox_bytes = shard.limits().outbox_bytes;
        let member = shard.join(Rc::new(Connection::new(scopes.into(), client_key, protocol, outbox_bytes)));
        if protocol == Protocol::Plain {
            shard.subscribed(&member.connection).await;
        }
        shard.stats().admitted.add(1);
        shard.log().debug(|| format!("{} connected", self.remote));
        member
    }

    /// A client that is upgraded only to be told why it may not come in.
    fn turn_out(&self, farewell: Farewell) -> Membership {
        let outbox_bytes = self.shard.limits().outbox_bytes;
        let connection = Connection::new(Box::new([]), None, Protocol::AtrV1, outbox_bytes);
        let member = self.shard.join(Rc::new(connection));
        member.connection.end(Ending::Close(farewell));
        member
    }
}

/// Waits until the answer is written and the socket is ours, and hands it to a session.
async fn begin_session(upgraded: OnUpgrade, member: Membership, socket: Rc<SocketGuard>) {
    let Ok(upgraded) = upgraded.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Shut<TcpStream>>>() else { return };
    // A copy, because hyper's buffer is large and would live as long as the connection.
    let early = Bytes::copy_from_slice(&parts.read_buf);
    let socket_of_ours = parts.io.into_inner();
    user_timeout::set(&socket_of_ours, None);
    member.connection.attach(socket_of_ours);
    spawn_local(Session::new(member, early, socket));
}

fn switch_protocols(accept: &str, protocol: Protocol) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    if let Ok(accept) = HeaderValue::from_str(accept) {
        answer.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if protocol == Protocol::AtrV1 {
        answer = with_header(answer, header::SEC_WEBSOCKET_PROTOCOL, upgrade::ATR_V1);
    }
    as_upgrade(answer, "upgrade")
}

/// RFC 9110 §7.8 wants both headers, with a 101 and with a 426.
fn as_upgrade(answer: Answer, connection: &'static str) -> Answer {
    with_header(with_header(answer, header::CONNECTION, connection), header::UPGRADE, "websocket")
}

pub(crate) fn plain(status: StatusCode, text: &str) -> Answer {
    let answer = with_header(line(status, text), header::CACHE_CONTROL, "no-store");
    // One request a socket: whoever wants more wants a web server.
    with_header(answer, header::CONNECTION, "close")
}

fn reject(rejection: upgrade::Rejection) -> Answer {
    let answer = plain(rejection.status, rejection.line);
    match rejection.status {
        // RFC 9110 §15.5.22 asks for Upgrade, RFC 6455 §4.2.2 for the versions.
        StatusCode::UPGRADE_REQUIRED => {
            with_header(as_upgrade(answer, "upgrade, close"), header::SEC_WEBSOCKET_VERSION, "13")
        }
        StatusCode::METHOD_NOT_ALLOWED => with_header(answer, header::ALLOW, "GET"),
        _ => answer,
    }
}
