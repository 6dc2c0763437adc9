//! The connections, and the commands on them.

use crate::events::{Burst, MAX_BURST, Receipt, Receiving};
use crate::options::Options;
use crate::protocol::Meaning;
use atr_bench::client::{Client, Incoming, Request};
use atr_bench::poll::Poll;
use atr_bench::redis::Publisher;
use atr_bench::websocket;
use std::io;
use std::time::{Duration, Instant};

const STDIN: usize = usize::MAX;
/// Handshakes under way at a time: fewer than the smallest backlog of the servers that are compared.
const HANDSHAKES: usize = 128;
/// After so long a command fails: something was lost.
const PATIENCE: Duration = Duration::from_secs(600);

/// All connections to one server.
pub(crate) struct Load {
    options: Options,
    request: Request,
    publisher: Publisher,
    poll: Poll,
    tokens: Vec<usize>,
    scratch: Vec<u8>,
    clients: Vec<Client>,
    ledger: Ledger,
    next_number: u64,
}

/// What has come so far.
struct Ledger {
    receipts: Vec<Receipt>,
    burst: Burst,
    /// Clients that may get events.
    ready: usize,
    /// The first client has something of the burst.
    receiving: bool,
    /// Clients that have all of the burst.
    complete: usize,
    disordered: u64,
}

impl Load {
    pub(crate) fn new(options: Options) -> Result<Self, String> {
        let publisher = Publisher::connect(&options.redis);
        let publisher = publisher.map_err(|error| format!("Redis at {}: {error}", options.redis))?;
        let poll = Poll::new().map_err(|error| error.to_string())?;
        poll.add(io::stdin(), STDIN).map_err(|error| format!("standard input: {error}"))?;
        let request = Request {
            address: options.server,
            target: options.target.clone(),
            protocol: options.protocol.name(),
            receive_buffer: None,
        };
        let ledger = Ledger {
            receipts: vec![],
            burst: Burst::new(0, 0, options.protocol),
            ready: 0,
            receiving: false,
            complete: 0,
            disordered: 0,
        };
        Ok(Self {
            options,
            request,
            publisher,
            poll,
            tokens: vec![],
            scratch: vec![0; 256 * 1024],
            clients: vec![],
            ledger,
            next_number: 1,
        })
    }

    /// Serves the connections until a line is there.
    pub(crate) fn wait_for_command(&mut self) -> Result<(), String> {
        while !self.serve(None)? {}
        Ok(())
    }

    /// Opens all connections.
    pub(crate) fn connect(&mut self) -> Result<String, String> {
        let begun = Instant::now();
        let wanted = self.options.connections;
        while self.ledger.ready < wanted {
            while self.clients.len() < wanted && self.clients.len() - self.ledger.ready < HANDSHAKES {
                self.open().map_err(|error| format!("connection {}: {error}", self.clients.len()))?;
            }
            self.serve_until(begun + PATIENCE)?;
        }
        Ok(format!("connections={wanted} wall_us={}", begun.elapsed().as_micros()))
    }

    fn open(&mut self) -> io::Result<()> {
        let client = Client::connect(&self.request)?;
        self.poll.add(client.socket(), self.clients.len())?;
        self.clients.push(client);
        self.ledger.receipts.push(Receipt::default());
        Ok(())
    }

    /// Publishes bursts until there were `max`, or the time is over; at least one.
    pub(crate) fn publish(&mut self, size: usize, max: usize, milliseconds: u64) -> Result<String, String> {
        if !(1..=MAX_BURST).contains(&size) || max == 0 {
            return Err(format!("publish 1 to {MAX_BURST} events, once or more often"));
        }
        let (begun, disordered) = (Instant::now(), self.ledger.disordered);
        let mut latencies = vec![];
        while latencies.len() < max
            && (latencies.is_empty() || begun.elapsed() < Duration::from_millis(milliseconds))
        {
            latencies.push(self.publish_burst(size)?.as_micros().to_string());
        }
        Ok(format!(
            "deliveries={} wall_us={} disordered={} latencies_us={}",
            latencies.len() * size * self.clients.len(),
            begun.elapsed().as_micros(),
            self.ledger.disordered - disordered,
            latencies.join(",")
        ))
    }

    /// Answers the time from PUBLISH to the last client.
    fn publish_burst(&mut self, size: usize) -> Result<Duration, String> {
        self.ledger.burst = Burst::new(self.next_number, size, self.options.protocol);
        self.ledger.complete = 0;
        self.ledger.receiving = false;
        self.next_number += size as u64;
        let begun = Instant::now();
        let events = self.ledger.burst.events.iter().map(Vec::as_slice);
        let publish = self.publisher.publish(&self.options.channel, events);
        publish.map_err(|error| format!("Redis: {error}"))?;
        while self.ledger.complete < self.clients.len() {
            self.serve_until(begun + PATIENCE)?;
        }
        let elapsed = begun.elapsed();
        self.ledger.receiving = false;
        self.publisher.take_replies(size).map_err(|error| format!("Redis: {error}"))?;
        Ok(elapsed)
    }

    /// Has each client send a text message.
    pub(crate) fn say(&mut self, bytes: usize) -> Result<String, String> {
        let message = self.options.protocol.message(bytes);
        for client in &self.clients {
            Client::send(client.socket(), websocket::TEXT, message.as_bytes())
                .map_err(|error| format!("a client cannot send: {error}"))?;
        }
        Ok(format!("messages={}", self.clients.len()))
    }

    fn serve_until(&mut self, deadline: Instant) -> Result<(), String> {
        // A client that sleeps must be woken, at the cost of whoever writes to it. Those of a real server are on other
        // machines, so here nobody sleeps between the first of a burst's deliveries and the last.
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = if self.ledger.receiving { Duration::ZERO } else { left };
        if left.is_zero() {
            return Err(format!(
                "after {} s {} of {} clients may get events, and {} have all that was published",
                PATIENCE.as_secs(),
                self.ledger.ready,
                self.clients.len(),
                self.ledger.complete
            ));
        }
        self.serve(Some(timeout)).map(drop)
    }

    /// Reads what is there. Answers whether a command is waiting.
    fn serve(&mut self, timeout: Option<Duration>) -> Result<bool, String> {
        self.poll.wait(&mut self.tokens, timeout).map_err(|error| error.to_string())?;
        let protocol = self.options.protocol;
        let mut command = false;
        for &token in &self.tokens {
            if token == STDIN {
                command = true;
                continue;
            }
            let ledger = &mut self.ledger;
            let take = |socket: &_, incoming: Incoming<'_>| match incoming {
                Incoming::Opened => {
                    ledger.ready += usize::from(protocol.is_ready_when_open());
                    Ok(())
                }
                Incoming::Text(text) => match protocol.meaning(text) {
                    Meaning::Event(text) => {
                        ledger.take(token, text, protocol.keeps_order()).map_err(io::Error::other)
                    }
                    Meaning::Answer(text) => Client::send(socket, websocket::TEXT, text.as_bytes()),
                    Meaning::Ready => {
                        ledger.ready += 1;
                        Ok(())
                    }
                    Meaning::Nothing => Ok(()),
                },
                Incoming::Closed(code) => Err(io::Error::other(format!("the server closed it ({code})"))),
            };
            self.clients[token]
                .read(&mut self.scratch, take)
                .map_err(|error| format!("connection {token}: {error}"))?;
        }
        Ok(command)
    }
}

impl Ledger {
    fn take(&mut self, client: usize, text: &[u8], keeps_order: bool) -> Result<(), String> {
        let Receiving { complete, disordered } = self.receipts[client].take(text, &self.burst)?;
        if disordered && keeps_order {
            return Err(format!("an event came after a later one: {}", String::from_utf8_lossy(text)));
        }
        self.receiving = true;
        self.complete += usize::from(complete);
        self.disordered += u64::from(disordered);
        Ok(())
    }
}
