//! An admin port, and somebody who talks to it byte by byte.

use super::{PATIENCE, Wired};
use atr_core::admin;
use atr_core::broker::Command;
use atr_core::log::Log;
use std::net::{SocketAddr, TcpListener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The token of every admin port here.
pub const TOKEN: &str = "5ec4e7";
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// A running admin port.
pub struct AdminPort {
    pub address: SocketAddr,
    pub log: Log,
    task: JoinSet<()>,
}

impl AdminPort {
    /// The port of a server with this memory broker.
    pub fn of(broker: &Wired) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), Some(broker))
    }

    /// The port of a server whose broker is Redis.
    pub fn without_broker() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), None)
    }

    pub fn at(address: SocketAddr, broker: Option<&Wired>) -> Self {
        let reachable = broker.map(|broker| broker.reachable.clone());
        let commands = broker.map(|broker| broker.commands.clone());
        Self::start(address, commands, move || reachable.as_ref().is_some_and(|reachable| reachable.get()))
    }

    pub fn start(
        address: SocketAddr,
        commands: Option<mpsc::Sender<Command>>,
        ready: impl Fn() -> bool + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (address, log) = (listener.local_addr().unwrap(), Log::default());
        let mut task = JoinSet::new();
        task.spawn_local(admin::serve(
            listener,
            Some(TOKEN.into()),
            commands,
            MAX_EVENT_BYTES,
            ready,
            log.clone(),
        ));
        Self { address, log, task }
    }

    /// Frees the port.
    pub async fn stop(mut self) {
        self.task.shutdown().await;
    }

    /// Sends a request and gives the status and the body of its answer.
    pub async fn ask(&self, request: &str) -> (u16, String) {
        exchange(self.address, request.as_bytes()).await
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")).await
    }

    /// Asks for positions; the query begins with its question mark.
    pub async fn positions(&self, token: &str, query: &str) -> (u16, String) {
        self.ask(&format!(
            "GET /positions{query} HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        ))
        .await
    }

    pub async fn post_events(&self, token: &str, body: &str) -> (u16, String) {
        let length = body.len();
        self.ask(&format!(
            "POST /events HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        ))
        .await
    }
}

/// Sends bytes and reads the answer to its end.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut answer = String::new();
    // A server may answer, and go, before all is written.
    let (_, read) = timeout(PATIENCE, async {
        tokio::join!(writer.write_all(request), reader.read_to_string(&mut answer))
    })
    .await
    .expect("an answer");
    let _ = read;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer but {answer:?}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
