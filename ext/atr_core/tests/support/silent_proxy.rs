//! A TCP proxy before a Redis that can fall silent, as a firewall does that has forgotten a connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Passes everything on until it is told to fall silent. Its threads end with the connections.
pub struct SilentProxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Nothing of what Redis says to a connection that is subscribed comes through.
    silences_subscribers: AtomicBool,
    /// Nothing comes through at all.
    silences_all: AtomicBool,
    connections: AtomicUsize,
}

impl SilentProxy {
    pub fn start(redis_port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let Ok(redis) = TcpStream::connect(("127.0.0.1", redis_port)) else { continue };
                shared.connections.fetch_add(1, Ordering::Relaxed);
                pass(client, redis, &shared);
            }
        });
        Self { port, state }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    pub fn silence_subscribers(&self, silent: bool) {
        self.state.silences_subscribers.store(silent, Ordering::Relaxed);
    }

    pub fn silence_all(&self, silent: bool) {
        self.state.silences_all.store(silent, Ordering::Relaxed);
    }
}

fn pass(client: TcpStream, redis: TcpStream, state: &Arc<State>) {
    let is_subscriber = Arc::new(AtomicBool::new(false));
    let (client_writer, redis_writer) = (client.try_clone().unwrap(), redis.try_clone().unwrap());
    let (noted, of_all) = (Arc::clone(&is_subscriber), Arc::clone(state));
    thread::spawn(move || {
        copy(client, redis_writer, |bytes| {
            if bytes.windows(9).any(|window| window == b"SUBSCRIBE") {
                noted.store(true, Ordering::Relaxed);
            }
            of_all.silences_all.load(Ordering::Relaxed)
        })
    });
    let of_all = Arc::clone(state);
    thread::spawn(move || {
        copy(redis, client_writer, |_| {
            let is_subscriber = is_subscriber.load(Ordering::Relaxed);
            of_all.silences_all.load(Ordering::Relaxed)
                || is_subscriber && of_all.silences_subscribers.load(Ordering::Relaxed)
        })
    });
}

/// Copies what is not swallowed.
fn copy(mut from: TcpStream, mut to: TcpStream, swallows: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !swallows(&buffer[..count]) && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
