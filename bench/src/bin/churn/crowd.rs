//! The clients that come and go: politely, rudely, in the middle of things, and some that never read.

use crate::chance::Chance;
use atr_bench::client::{Client, Request};
use atr_bench::poll::Poll;
use atr_bench::websocket;
use rustix::net::sockopt;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Scopes that are wanted for a moment only.
const PASSING_SCOPES: u64 = 50;
/// The least that the kernel gives: what such a client does not read stays with the server.
const SMALL_BUFFER: usize = 4096;

/// What a client does before it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Says goodbye (RFC 6455 §5.5.1).
    Closes,
    /// Hangs up.
    HangsUp,
    /// Has its kernel send a reset.
    Resets,
    /// Is gone in the middle of a frame.
    BreaksOff,
    /// Never completes its request.
    AsksHalf,
    /// Is not let in.
    IsRefused,
    /// Takes what comes and reads nothing of it.
    DoesNotRead,
}

use Manner::*;
const MANNERS: [Manner; 8] = [Closes, HangsUp, Resets, BreaksOff, AsksHalf, IsRefused, DoesNotRead, HangsUp];

enum Visitor {
    Client(Client),
    /// Somebody who is only half there: the socket is held, and that is all.
    Half(#[expect(dead_code, reason = "nothing is done with it but closing it")] TcpStream),
}

struct Visit {
    visitor: Visitor,
    manner: Manner,
    until: Instant,
}

/// All of them.
pub(crate) struct Crowd {
    server: SocketAddr,
    visits: Vec<Option<Visit>>,
    first_token: usize,
    chance: Chance,
    coming: bool,
    came: u64,
    refused: u64,
    /// Connecting failed: a server that is there takes connections.
    failed: u64,
}

impl Crowd {
    /// `count` clients at a time, with tokens from `first_token` on.
    pub(crate) fn new(server: SocketAddr, count: usize, first_token: usize) -> Self {
        let visits = (0..count).map(|_| None).collect();
        Self {
            server,
            visits,
            first_token,
            chance: Chance::new(),
            coming: false,
            came: 0,
            refused: 0,
            failed: 0,
        }
    }

    pub(crate) fn come(&mut self) {
        self.coming = true;
    }

    pub(crate) fn go(&mut self) {
        self.coming = false;
        self.visits.iter_mut().for_each(|visit| *visit = None);
    }

    /// Sees off whoever has been there for long enough, and lets somebody else in for each.
    pub(crate) fn turn_over(&mut self, poll: &Poll) {
        let now = Instant::now();
        for place in 0..self.visits.len() {
            if self.visits[place].as_ref().is_some_and(|visit| visit.until <= now) {
                // What is left to say may find nobody any more.
                _ = self.visits[place].take().map(leave);
            }
            if self.visits[place].is_none() && self.coming {
                match self.begin(place, now, poll) {
                    Ok(visit) => self.visits[place] = Some(visit),
                    Err(_) => self.failed += 1,
                }
            }
        }
    }

    fn begin(&mut self, place: usize, now: Instant, poll: &Poll) -> io::Result<Visit> {
        let manner = MANNERS[self.chance.below(MANNERS.len() as u64) as usize];
        let (shortest, longest) = if manner == DoesNotRead { (5000, 8000) } else { (1, 2000) };
        let stay = shortest + self.chance.below(longest - shortest);
        let visitor = if manner == AsksHalf {
            let mut socket = TcpStream::connect(self.server)?;
            socket.write_all(b"GET /?token=secret HTTP/1.1\r\nHo")?;
            Visitor::Half(socket)
        } else {
            let client = Client::connect(&self.request(manner))?;
            if manner != DoesNotRead {
                poll.add(client.socket(), self.first_token + place)?;
            }
            Visitor::Client(client)
        };
        self.came += 1;
        Ok(Visit { visitor, manner, until: now + Duration::from_millis(stay) })
    }

    fn request(&mut self, manner: Manner) -> Request {
        let token = if manner == IsRefused { "wrong" } else { "secret" };
        let scope = match manner {
            DoesNotRead => "flood".to_owned(),
            _ => format!("passing.{}", self.chance.below(PASSING_SCOPES)),
        };
        Request {
            address: self.server,
            target: format!("/?token={token}&scope={scope}"),
            protocol: None,
            receive_buffer: (manner == DoesNotRead).then_some(SMALL_BUFFER),
        }
    }

    pub(crate) fn read(&mut self, token: usize, scratch: &mut [u8]) {
        let place = token - self.first_token;
        // An event of a socket that was closed in the meantime finds its successor: reading that does no harm.
        let Some(Visit { visitor: Visitor::Client(client), .. }) = &mut self.visits[place] else { return };
        if let Err(error) = client.read(scratch, |_, _| Ok(())) {
            self.refused += u64::from(error.kind() == io::ErrorKind::ConnectionRefused);
            self.visits[place] = None;
        }
    }

    pub(crate) fn status(&self) -> String {
        format!(
            "present={} came={} refused={} failed={}",
            self.visits.iter().flatten().count(),
            self.came,
            self.refused,
            self.failed
        )
    }
}

fn leave(visit: Visit) -> io::Result<()> {
    let Visitor::Client(client) = &visit.visitor else { return Ok(()) };
    match visit.manner {
        Closes => Client::send(client.socket(), websocket::CLOSE, &1000_u16.to_be_bytes()),
        Resets => Ok(sockopt::set_socket_linger(client.socket(), Some(Duration::ZERO))?),
        BreaksOff => {
            let frame = websocket::client_frame(websocket::TEXT, &[b'x'; 5000]);
            client.socket().write_all(&frame[..3000])
        }
        HangsUp | AsksHalf | IsRefused | DoesNotRead => Ok(()),
    }
}
