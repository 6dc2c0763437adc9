//! A TCP proxy before a Redis that can fall silent, as a firewall does that has forgotten a connection, or change what
//! Redis says of its version.

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
    /// Redis seems to be 6.0.
    is_old: AtomicBool,
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

    pub fn pretend_to_be_old(&self, is_old: bool) {
        self.state.is_old.store(is_old, Ordering::Relaxed);
    }
}

/// What tells the version in the answer to INFO, and what is told instead; of the same length.
const VERSIONS: [(&[u8], &[u8]); 2] =
    [(b"redis_version:?.?", b"redis_version:6.0"), (b"valkey_version:", b"otherr_version:")];

fn make_older(bytes: &mut [u8]) {
    for (found, told) in VERSIONS {
        let is_found =
            |window: &[u8]| window.iter().zip(found).all(|(byte, wanted)| *wanted == b'?' || byte == wanted);
        if let Some(start) = bytes.windows(found.len()).position(is_found) {
            bytes[start..start + told.len()].copy_from_slice(told);
        }
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
        copy(redis, client_writer, |bytes| {
            if of_all.is_old.load(Ordering::Relaxed) {
                make_older(bytes);
            }
            let is_subscriber = is_subscriber.load(Ordering::Relaxed);
            of_all.silences_all.load(Ordering::Relaxed)
                || is_subscriber && of_all.silences_subscribers.load(Ordering::Relaxed)
        })
    });
}

/// Copies what is not swallowed, and may be changed.
fn copy(mut from: TcpStream, mut to: TcpStream, swallows: impl Fn(&mut [u8]) -> bool) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !swallows(&mut buffer[..count]) && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
