//! The floor: the least that a server can do in user space to bring a message from Redis to many websockets.
//!
//! One thread, epoll, one frame (or the frames of a burst) encoded once, one write(2) for each connection. It does not
//! look at requests, reads and forgets what clients send, and drops a client whose kernel buffer is full: whatever
//! a real server spends above this, it spends on being one.

use atr_bench::arguments::Arguments;
use atr_bench::poll::Poll;
use atr_bench::redis::Subscription;
use atr_bench::websocket;
use rustix::fd::OwnedFd;
use rustix::net::{SocketFlags, sockopt};
use std::io;
use std::net::{SocketAddr, TcpListener};

const LISTENER: usize = usize::MAX;
const REDIS: usize = usize::MAX - 1;
/// std's listeners have a backlog of 128, on which a thousand clients at once would have to wait.
const BACKLOG: i32 = 4096;

struct Client {
    socket: OwnedFd,
    open: bool,
}

struct Floor {
    poll: Poll,
    listener: OwnedFd,
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    scratch: Vec<u8>,
    response: String,
}

fn main() {
    if let Err(error) = run() {
        eprintln!("floor: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let arguments = Arguments::of_process()?;
    let (redis, channel): (String, String) = (arguments.get("redis")?, arguments.get("channel")?);
    let subscription =
        Subscription::connect(&redis, &channel).map_err(|error| format!("Redis at {redis}: {error}"))?;
    Floor::listen().and_then(|floor| floor.serve(subscription)).map_err(|error| error.to_string())
}

impl Floor {
    fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        rustix::net::listen(&listener, BACKLOG)?;
        listener.set_nonblocking(true)?;
        println!("listening on {}", listener.local_addr()?);
        Ok(Self {
            poll: Poll::new()?,
            listener: listener.into(),
            clients: vec![],
            free: vec![],
            scratch: vec![0; 64 * 1024],
            response: websocket::response(),
        })
    }

    fn serve(mut self, mut redis: Subscription) -> io::Result<()> {
        self.poll.add(&self.listener, LISTENER)?;
        self.poll.add(redis.socket(), REDIS)?;
        let (mut ready, mut batch) = (vec![], vec![]);
        loop {
            self.poll.wait(&mut ready, None)?;
            for &token in &ready {
                match token {
                    LISTENER => self.accept()?,
                    REDIS => {
                        batch.clear();
                        redis.read(|payload| websocket::put_text(&mut batch, payload))?;
                        self.fan_out(&batch);
                    }
                    client => self.read(client),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = match rustix::net::accept_with(&self.listener, flags) {
                Ok(socket) => socket,
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            sockopt::set_tcp_nodelay(&socket, true)?;
            let place = self.free.pop().unwrap_or_else(|| {
                self.clients.push(None);
                self.clients.len() - 1
            });
            self.poll.add(&socket, place)?;
            self.clients[place] = Some(Client { socket, open: false });
        }
    }

    fn fan_out(&mut self, batch: &[u8]) {
        for place in 0..self.clients.len() {
            if let Some(client) = &self.clients[place]
                && client.open
                && rustix::io::write(&client.socket, batch) != Ok(batch.len())
            {
                eprintln!("floor: a client does not read: dropped");
                self.drop_client(place);
            }
        }
    }

    fn read(&mut self, place: usize) {
        let Some(client) = &mut self.clients[place] else { return };
        match rustix::io::read(&client.socket, &mut self.scratch) {
            Ok(0) => self.drop_client(place),
            // A load client sends its request in one write.
            Ok(_) if !client.open => {
                client.open = true;
                if rustix::io::write(&client.socket, self.response.as_bytes()).is_err() {
                    self.drop_client(place);
                }
            }
            Ok(_) | Err(rustix::io::Errno::AGAIN) => {}
            Err(_) => self.drop_client(place),
        }
    }

    fn drop_client(&mut self, place: usize) {
        self.clients[place] = None;
        self.free.push(place);
    }
}
