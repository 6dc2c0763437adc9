//! Sends the clients of a server that stops away, not all at once.

use super::Shard;
use crate::connection::{Connection, Ending};
use crate::farewell::Farewell;
use crate::random;
use crate::server::Phase;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;

/// A few clients go faster than in `drain`: so much time for each of them is enough for whoever they come to.
const TIME_A_CLIENT: Duration = Duration::from_millis(2);
/// Clients are sent away in so many portions.
const PORTIONS: usize = 100;

/// Tells every client that the server ends, and waits until all have left, or the server is stopped at once.
pub(super) async fn drain(shard: Rc<Shard>) {
    let mut phase = shard.phase.clone();
    let time = match *phase.borrow() {
        Phase::Draining(time) => shard.options.drain.min(time),
        _ => Duration::ZERO,
    };
    tokio::select! {
        () = send_away(&shard, time) => {}
        _ = phase.wait_for(|phase| *phase == Phase::Stopped) => {}
    }
}

async fn send_away(shard: &Shard, time: Duration) {
    // Not taken out: those whose turn has not come are pinged meanwhile.
    let clients: Vec<_> = shard.ping_slots.borrow().iter().flatten().cloned().collect();
    let count = u32::try_from(clients.len()).unwrap_or(u32::MAX);
    let time = time.min(TIME_A_CLIENT * count);
    for portion in clients.chunks(clients.len().div_ceil(PORTIONS).max(1)) {
        for client in portion.iter().filter(|client| client.is_open()) {
            send_away_one(shard, client);
        }
        sleep(time * u32::try_from(portion.len()).unwrap_or(u32::MAX) / count).await;
    }
    while shard.sockets.get() > 0 {
        shard.socket_left.notified().await;
    }
}

/// Whoever is told to come back comes at a moment of its own: the next server has to ask the app about each.
fn send_away_one(shard: &Shard, client: &Connection) {
    let drain = shard.options.drain.as_millis().max(1);
    let after = Duration::from_millis((u128::from(random::number()) % drain) as u64);
    client.end(Ending::Close(Farewell::restart(after)));
}
