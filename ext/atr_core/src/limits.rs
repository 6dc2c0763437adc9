//! How many clients there is room for.

use crate::log::Log;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Descriptors that are left to the rest of the process: the app's files, database and Redis connections.
const RESERVED_DESCRIPTORS: usize = 256 + LOBBY;

/// Clients at a time that are served only to be told that there is no room; they have to be read from, or the
/// kernel would reset them before they could read it.
const LOBBY: usize = 64;

/// Raises this process' descriptor limit as far as it may go, and answers how many clients it allows.
fn descriptor_room() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Not being allowed to is no failure: the present limit holds then.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    let limit = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| limit as usize);
    limit.saturating_sub(RESERVED_DESCRIPTORS.min(limit / 4))
}

/// The places for clients.
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    taken: Arc<AtomicUsize>,
    count: usize,
}

impl Seats {
    /// `wanted` places, or as many as the descriptor limit allows.
    pub(crate) fn new(wanted: usize, log: &Log) -> Self {
        let room = descriptor_room();
        if room < wanted {
            log.info(format!(
                "room for {room} clients, not max_connections ({wanted}): raise the limit of open files (ulimit -n)"
            ));
        }
        Self { taken: Arc::default(), count: wanted.min(room) }
    }

    /// A place: for a client if one is free, else in the lobby, else none.
    pub(crate) fn take(&self) -> Option<Seat> {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { taken: Arc::clone(&self.taken), in_lobby: taken >= self.count };
        (taken < self.count + LOBBY).then_some(seat)
    }
}

/// One socket's place; dropping it is leaving.
#[derive(Debug)]
pub(crate) struct Seat {
    taken: Arc<AtomicUsize>,
    in_lobby: bool,
}

impl Seat {
    /// Whether it is not for a client.
    pub(crate) fn is_in_lobby(&self) -> bool {
        self.in_lobby
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_run_out_and_come_back() {
        let seats = Seats::new(2, &Log::default());
        let (first, second, third) = (seats.take(), seats.take(), seats.take());
        assert_eq!(
            [first, second, third].map(|seat| seat.map(|seat| seat.in_lobby)),
            [Some(false), Some(false), Some(true)]
        );
        let lobby: Vec<_> = (0..2 + LOBBY).map(|_| seats.take()).collect();
        assert!(lobby.iter().all(Option::is_some));
        assert!(seats.take().is_none());
        drop(lobby);
        assert!(seats.take().is_some_and(|seat| !seat.in_lobby));
    }
}
