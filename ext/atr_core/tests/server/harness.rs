//! A server on free ports with the memory broker, and somebody who answers its gate as an app would.

use crate::client::Client;
use crate::v1::V1;
use atr_core::config::{AdminOptions, BrokerOptions, Limits, ServerOptions};
use atr_core::gate::{Job, Verdict};
use atr_core::retention::{Retention, Retentions};
use atr_core::scope::Scope;
use atr_core::server::Server;
use atr_core::wait::{Interrupt, wait};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub const TOKEN: &str = "a token";
pub const DEADLINE: Duration = Duration::from_secs(10);

pub fn options() -> ServerOptions {
    ServerOptions {
        host: "127.0.0.1".into(),
        port: 0,
        admin: Some(AdminOptions { host: "127.0.0.1".into(), port: 0, token: Some(TOKEN.into()) }),
        broker: BrokerOptions::Memory { log_bytes: 1 << 20 },
        retentions: Retentions::all(Retention { size: 100, ttl: Duration::from_secs(300) }),
        drain: Duration::ZERO,
        gate_required: true,
        gate_queue_size: 64,
        gate_deadline: Duration::from_secs(5),
        shards: 2,
        max_connections: 10_000,
        limits: Limits {
            message_bytes: 65_536,
            head_bytes: 16_384,
            head_timeout: DEADLINE,
            outbox_bytes: 1 << 20,
            event_bytes: 1 << 20,
        },
        ping_interval: Duration::from_secs(3600),
        subscription_grace: Duration::from_millis(50),
        debug_log: false,
    }
}

pub struct Running {
    pub server: Arc<Server>,
    seq: AtomicU64,
}

impl Running {
    /// A server with an app behind it that answers from the path: `/in/<scope>,<scope>` lets in, `/no/<status>`
    /// refuses, `/raise` fails, and `/drop` never answers.
    pub fn start(options: ServerOptions) -> Self {
        let running = Self::without_app(options);
        for _ in 0..2 {
            let server = Arc::clone(&running.server);
            std::thread::spawn(move || answer_jobs(&server));
        }
        running
    }

    pub fn without_app(options: ServerOptions) -> Self {
        let server = Arc::new(Server::start(options).unwrap());
        Self { server, seq: AtomicU64::new(0) }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub fn connect(&self, path: &str) -> Client {
        Client::connect(self.address(), path)
    }

    /// A client of `atr.v1` that has said nothing yet.
    pub fn connect_v1(&self, path: &str) -> V1 {
        V1::connect(self.address(), path)
    }

    pub fn join(&self, scope: &str) -> Client {
        self.connect(&format!("/in/{scope}"))
    }

    /// Publishes through the admin port, as a publisher in another process does.
    pub fn publish(&self, events: &[(&str, &str)]) {
        let events: Vec<_> = events.iter().map(|(scope, data)| (*scope, "n", *data)).collect();
        self.publish_named(&events);
    }

    /// The same, with the events' names: scope, name, data.
    pub fn publish_named(&self, events: &[(&str, &str, &str)]) {
        let events: Vec<_> = events
            .iter()
            .map(|(scope, name, data)| {
                serde_json::json!({ "id": "1", "scope": scope, "name": name, "routing_key": "k", "data": data })
            })
            .collect();
        let seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
        let body = serde_json::json!({ "publisher": "test", "seq": seq, "events": events }).to_string();
        let head = format!(
            "POST /events HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = exchange(self.server.admin_address().unwrap(), (head + &body).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    pub fn stat(&self, name: &str) -> u64 {
        self.server.stats().into_iter().find(|(key, _)| *key == name).unwrap().1
    }

    pub fn eventually(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !condition(self) {
            assert!(Instant::now() < deadline, "not in time: {what}; {:?}", self.server.stats());
            std::thread::yield_now();
        }
    }

    pub fn stop(&self, timeout: Duration) -> bool {
        self.server.stop(timeout, &Interrupt::for_this_thread()).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop(Duration::ZERO);
        }
    }
}

/// Sends bytes and reads until the other end closes.
pub fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(request).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn answer_jobs(server: &Server) {
    let interrupt = Interrupt::for_this_thread();
    while let Ok(Some(mut job)) = wait(server.gate().next(), None, &interrupt) {
        if let Some(verdict) = verdict(&job) {
            job.answer(verdict);
        }
    }
}

fn verdict(job: &Job) -> Option<Verdict> {
    let path = job.request().target.split('?').next().unwrap_or_default();
    if let Some(scopes) = path.strip_prefix("/in/") {
        let scopes = scopes.split(',').filter_map(Scope::new).collect();
        return Some(Verdict::Admit { scopes, client_key: None });
    }
    match path.strip_prefix("/no/") {
        Some(status) => Some(Verdict::Refuse(status.parse().unwrap())),
        None => (path == "/raise").then_some(Verdict::Fail),
    }
}
