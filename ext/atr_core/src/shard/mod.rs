//! One thread that owns connections: it takes sockets from the acceptor and batches from the router.
//!
//! Shards share nothing. All that touches a connection happens on its shard's thread, without a lock.

mod housekeeping;
mod membership;

pub(crate) use membership::{Membership, SocketGuard};

use crate::config::{Limits, ServerOptions};
use crate::connection::{Connection, Ending};
use crate::frame::Batch;
use crate::gate::Gate;
use crate::group::Group;
use crate::http;
use crate::limits::Seat;
use crate::log::Log;
use crate::reader::Reader;
use crate::router::Interest;
use crate::scope::Scope;
use crate::server::Phase;
use crate::stats::Stats;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::spawn_local;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::protocol::frame::coding::CloseCode;

/// Pings are sent in so many portions over the ping interval, not all at once.
const PING_SLOTS: usize = 25;
/// How long a client that was let in waits for the broker to subscribe to its scopes.
const SUBSCRIBE_PATIENCE: Duration = Duration::from_secs(5);

/// A socket that was accepted.
pub(crate) struct Accepted {
    pub(crate) socket: TcpStream,
    pub(crate) remote: SocketAddr,
    pub(crate) seat: Seat,
}

/// A batch for one scope.
pub(crate) type Delivery = (Scope, Arc<Batch>);

/// Everything that one reading of the broker brought for a shard: one wake for all of it.
pub(crate) struct Parcel {
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) bytes: usize,
}

/// What a shard is started with.
pub(crate) struct Setup {
    pub(crate) index: usize,
    pub(crate) options: Arc<ServerOptions>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) log: Log,
    pub(crate) accepted: mpsc::Receiver<Accepted>,
    pub(crate) parcels: mpsc::Receiver<Parcel>,
    /// Bytes of parcels that are under way to this shard.
    pub(crate) parcel_bytes: Arc<AtomicUsize>,
    pub(crate) interests: mpsc::Sender<Interest>,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// What the tasks of a shard share.
pub(crate) struct Shard {
    index: usize,
    reader_config: WebSocketConfig,
    options: Arc<ServerOptions>,
    gate: Arc<Gate>,
    stats: Arc<Stats>,
    log: Log,
    groups: RefCell<HashMap<Scope, Rc<Group>>>,
    ping_slots: RefCell<Vec<Vec<Rc<Connection>>>>,
    next_slot: Cell<usize>,
    interests: mpsc::Sender<Interest>,
    /// Sockets that are here, in whatever state.
    sockets: Cell<usize>,
    phase: watch::Receiver<Phase>,
    socket_left: Notify,
}

/// Runs a shard until the server stops. Must be called inside a `LocalSet`.
pub(crate) async fn run(setup: Setup) -> Result<(), String> {
    let Setup { mut accepted, mut parcels, parcel_bytes, .. } = setup;
    let mut phase = setup.phase.clone();
    let shard = Rc::new(Shard {
        index: setup.index,
        reader_config: Reader::config(setup.options.limits.message_bytes),
        options: setup.options,
        gate: setup.gate,
        stats: setup.stats,
        log: setup.log,
        groups: RefCell::default(),
        ping_slots: RefCell::new(vec![vec![]; PING_SLOTS]),
        next_slot: Cell::new(0),
        interests: setup.interests,
        sockets: Cell::new(0),
        phase: setup.phase,
        socket_left: Notify::new(),
    });
    let housekeeper = Rc::clone(&shard);
    let mut housekeeping = spawn_local(async move {
        housekeeper.keep_house().await;
    });
    loop {
        tokio::select! {
            biased;
            // A shard without its housekeeping would serve on and rot: it fails as a whole.
            ended = &mut housekeeping => return Err(format!("its housekeeping ended: {ended:?}")),
            _ = phase.wait_for(|phase| *phase != Phase::Running) => break,
            Some(parcel) = parcels.recv() => {
                shard.deliver(&parcel.deliveries).await;
                parcel_bytes.fetch_sub(parcel.bytes, Ordering::Relaxed);
            }
            Some(accepted) = accepted.recv() => shard.take(accepted),
            else => break,
        }
    }
    // With the sockets that wait in it: whoever has not been served at all may go at once.
    drop(accepted);
    while let Ok(parcel) = parcels.try_recv() {
        shard.deliver(&parcel.deliveries).await;
    }
    shard.drain().await;
    housekeeping.abort();
    Ok(())
}

impl Shard {
    pub(crate) fn options(&self) -> &ServerOptions {
        &self.options
    }

    pub(crate) fn reader_config(&self) -> &WebSocketConfig {
        &self.reader_config
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Ready when the server begins to stop.
    pub(crate) async fn draining(&self) {
        // The sender lives longer than every shard; if not, that is a stop, too.
        let _ = self.phase.clone().wait_for(|phase| *phase != Phase::Running).await;
    }

    fn take(self: &Rc<Self>, accepted: Accepted) {
        self.sockets.set(self.sockets.get() + 1);
        let shard = Rc::clone(self);
        spawn_local(async move {
            let leaving = SocketGuard { shard: Rc::clone(&shard), seat: accepted.seat };
            http::serve(shard, accepted.socket, accepted.remote, leaving).await;
        });
    }

    async fn deliver(&self, deliveries: &[Delivery]) {
        for (scope, batch) in deliveries {
            let group = self.groups.borrow().get(scope).cloned();
            let Some(group) = group else { continue };
            let delivered = group.walk(batch).await;
            self.stats.events_delivered.add(delivered.connections * batch.frames() as u64);
            if delivered.cut_off > 0 {
                self.stats.slow_clients.add(delivered.cut_off);
                self.log.warn_repeated("slow", delivered.cut_off, |count| {
                    format!(
                        "{count} clients were cut off (4008): they did not read, and outbox_bytes is reached"
                    )
                });
            }
        }
    }

    /// Lets a connection take part in its scopes, until the membership is dropped.
    pub(crate) fn join(self: &Rc<Self>, connection: Rc<Connection>) -> Membership {
        for scope in connection.scopes() {
            let group = self.groups.borrow().get(scope).cloned();
            group.unwrap_or_else(|| self.begin_group(scope)).join(Rc::clone(&connection));
        }
        let slot = self.next_slot.get();
        self.next_slot.set((slot + 1) % PING_SLOTS);
        self.ping_slots.borrow_mut()[slot].push(Rc::clone(&connection));
        self.stats.connections.add(1);
        Membership { shard: Rc::clone(self), connection }
    }

    /// Waits until the events of all its scopes come to a connection, or the broker is found out of reach.
    pub(crate) async fn subscribed(&self, connection: &Connection) {
        let waits: Vec<_> = {
            let groups = self.groups.borrow();
            connection.scopes().iter().filter_map(|scope| groups.get(scope)?.subscribed()).collect()
        };
        // Each ends when its sender is dropped: nobody sends a value.
        let all = futures_util::future::join_all(waits);
        if tokio::time::timeout(SUBSCRIBE_PATIENCE, all).await.is_err() {
            self.log.warn_repeated("subscribe", 1, |count| {
                format!("{count} clients were let in before the broker had subscribed to their scopes")
            });
        }
    }

    fn begin_group(self: &Rc<Self>, scope: &Scope) -> Rc<Group> {
        let group = Rc::new(Group::new());
        self.groups.borrow_mut().insert(scope.clone(), Rc::clone(&group));
        let (shard, scope, begun) = (Rc::clone(self), scope.clone(), Rc::clone(&group));
        spawn_local(async move {
            let (live, is_live) = tokio::sync::oneshot::channel();
            if shard.interests.send(Interest::Wanted { shard: shard.index, scope, live }).await.is_ok() {
                let _ = is_live.await;
            }
            begun.settle_subscription();
        });
        group
    }

    /// Tells every client that the server ends, and waits until all have left.
    async fn drain(&self) {
        for connection in self.ping_slots.borrow_mut().iter_mut().flat_map(std::mem::take) {
            if connection.is_open() {
                connection.end(Ending::Close(CloseCode::Restart, "the server restarts: reconnect"));
            }
        }
        let mut phase = self.phase.clone();
        while self.sockets.get() > 0 {
            tokio::select! {
                () = self.socket_left.notified() => {}
                _ = phase.wait_for(|phase| *phase == Phase::Stopped) => return,
            }
        }
    }
}
