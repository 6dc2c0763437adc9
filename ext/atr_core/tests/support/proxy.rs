//! Stands between a publisher and its Redis, and loses or delays what it is told to.

use super::PATIENCE;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A proxy. Its threads end with its connections, and the last one with the test.
pub struct Proxy {
    address: SocketAddr,
    connections: Connections,
}

type Connections = Arc<Mutex<Vec<Arc<Connection>>>>;

struct Connection {
    client: TcpStream,
    redis: TcpStream,
    fate: Mutex<Fate>,
}

/// What becomes of a connection's bytes.
struct Fate {
    /// So many more go to Redis.
    there: usize,
    /// So many more come from it.
    back: usize,
    /// What is on its way to Redis for a long time.
    delayed: Option<Vec<u8>>,
}

impl Proxy {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), connections: Connections::default() };
        let connections = Arc::clone(&proxy.connections);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let target = SocketAddr::from(([127, 0, 0, 1], port));
                // The client finds its connection closed when there is no Redis.
                let Ok(redis) = TcpStream::connect_timeout(&target, PATIENCE) else { continue };
                connections.lock().unwrap().push(Connection::start(client.unwrap(), redis));
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Loses every answer from now on.
    pub fn lose_answers(&self) {
        self.all(|fate| fate.back = 0);
    }

    /// Lets so many bytes through to Redis, and loses what follows.
    pub fn lose_after(&self, bytes: usize) {
        self.all(|fate| fate.there = bytes);
    }

    /// Keeps what is sent to Redis from now on, as a network does that finds no way for a while.
    pub fn delay(&self) {
        self.all(|fate| fate.delayed = Some(vec![]));
    }

    /// Gives Redis what was delayed, whether its sender is still there or not.
    pub fn deliver_delayed(&self) {
        for connection in &*self.connections.lock().unwrap() {
            if let Some(bytes) = connection.fate.lock().unwrap().delayed.take() {
                // Redis may have closed the connection.
                let _ = (&connection.redis).write_all(&bytes);
            }
        }
    }

    /// Ends all connections.
    pub fn cut(&self) {
        for connection in self.connections.lock().unwrap().drain(..) {
            // It may have ended already.
            let _ = connection.client.shutdown(Shutdown::Both);
            let _ = connection.redis.shutdown(Shutdown::Both);
        }
    }

    /// Of the connections that there are now; others are as they should be.
    fn all(&self, change: impl Fn(&mut Fate)) {
        self.connections
            .lock()
            .unwrap()
            .iter()
            .for_each(|connection| change(&mut connection.fate.lock().unwrap()));
    }
}

impl Connection {
    fn start(client: TcpStream, redis: TcpStream) -> Arc<Self> {
        let fate = Fate { there: usize::MAX, back: usize::MAX, delayed: None };
        let connection = Arc::new(Self { client, redis, fate: Mutex::new(fate) });
        let (there, back) = (Arc::clone(&connection), Arc::clone(&connection));
        std::thread::spawn(move || there.carry(&there.client, &there.redis, Fate::on_the_way_there));
        std::thread::spawn(move || back.carry(&back.redis, &back.client, Fate::on_the_way_back));
        connection
    }

    fn carry(&self, mut from: &TcpStream, mut to: &TcpStream, pass: fn(&mut Fate, &[u8]) -> usize) {
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut part) {
            let passed = pass(&mut self.fate.lock().unwrap(), &part[..length]);
            if to.write_all(&part[..passed]).is_err() {
                break;
            }
        }
        if self.fate.lock().unwrap().delayed.is_none() {
            let _ = to.shutdown(Shutdown::Both);
        }
    }
}

impl Fate {
    fn on_the_way_there(&mut self, bytes: &[u8]) -> usize {
        match &mut self.delayed {
            Some(delayed) => {
                delayed.extend_from_slice(bytes);
                0
            }
            None => take(&mut self.there, bytes.len()),
        }
    }

    fn on_the_way_back(&mut self, bytes: &[u8]) -> usize {
        take(&mut self.back, bytes.len())
    }
}

fn take(left: &mut usize, length: usize) -> usize {
    let taken = length.min(*left);
    *left -= taken;
    taken
}
