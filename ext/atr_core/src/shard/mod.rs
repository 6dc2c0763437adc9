//! One thread that owns connections: it takes sockets from the acceptor and batches from the router.
//!
//! Shards share nothing. All that touches a connection happens on its shard's thread, without a lock.

mod drain;
mod housekeeping;
mod intake;
mod membership;
mod parcel;

pub(crate) use membership::{Membership, SocketGuard};
pub(crate) use parcel::{Notice, Parcel};

use crate::config::{Limits, ServerOptions};
use crate::connection::Connection;
use crate::gate::Gate;
use crate::group::Group;
use crate::http;
use crate::limits::Seat;
use crate::log::Log;
use crate::protocol::Protocol;
use crate::reader::Reader;
use crate::router::Interest;
use crate::scope::Scope;
use crate::server::Phase;
use crate::stats::Stats;
use intake::Finding;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::spawn_local;
use tungstenite::protocol::WebSocketConfig;

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
    /// What is found out of scopes is handed on where everything else is, one after the other.
    findings: mpsc::UnboundedSender<(Scope, Finding)>,
    /// Sockets that are here, in whatever state.
    sockets: Cell<usize>,
    phase: watch::Receiver<Phase>,
    socket_left: Notify,
}

impl Shard {
    fn new(setup: &Setup, findings: mpsc::UnboundedSender<(Scope, Finding)>) -> Self {
        Self {
            index: setup.index,
            reader_config: Reader::config(setup.options.limits.message_bytes),
            options: Arc::clone(&setup.options),
            gate: Arc::clone(&setup.gate),
            stats: Arc::clone(&setup.stats),
            log: setup.log.clone(),
            groups: RefCell::default(),
            ping_slots: RefCell::new(vec![vec![]; PING_SLOTS]),
            next_slot: Cell::new(0),
            interests: setup.interests.clone(),
            findings,
            sockets: Cell::new(0),
            phase: setup.phase.clone(),
            socket_left: Notify::new(),
        }
    }
}

/// Runs a shard until the server stops. Must be called inside a `LocalSet`.
pub(crate) async fn run(setup: Setup) -> Result<(), String> {
    // Each group has one question at most, each connection that catches up one finding.
    let (findings, mut found) = mpsc::unbounded_channel();
    let shard = Rc::new(Shard::new(&setup, findings));
    let Setup { mut accepted, mut parcels, parcel_bytes, mut phase, .. } = setup;
    let housekeeper = Rc::clone(&shard);
    let mut housekeeping = spawn_local(async move {
        housekeeper.keep_house().await;
    });
    let mut draining = None;
    let take_parcel = async |parcel: Parcel| {
        shard.take_parcel(&parcel).await;
        parcel_bytes.fetch_sub(parcel.bytes, Ordering::Relaxed);
    };
    loop {
        tokio::select! {
            biased;
            // A shard without its housekeeping would serve on and rot: it fails as a whole.
            ended = &mut housekeeping => return Err(format!("its housekeeping ended: {ended:?}")),
            () = drained(&mut draining) => break,
            _ = phase.wait_for(|phase| *phase != Phase::Running), if draining.is_none() => {
                // With the sockets that wait in it: whoever has not been served at all may go at once.
                accepted.close();
                while accepted.try_recv().is_ok() {}
                // What was published before the stop goes out before anybody is told to leave.
                while let Ok(parcel) = parcels.try_recv() {
                    take_parcel(parcel).await;
                }
                draining = Some(Box::pin(drain::drain(Rc::clone(&shard))));
            }
            Some(parcel) = parcels.recv() => take_parcel(parcel).await,
            Some((scope, finding)) = found.recv() => shard.take_finding(&scope, finding).await,
            Some(accepted) = accepted.recv(), if draining.is_none() => shard.take(accepted),
        }
    }
    housekeeping.abort();
    Ok(())
}

/// Ready when the clients are gone; never, while nobody has told them to go.
async fn drained(draining: &mut Option<Pin<Box<impl Future<Output = ()>>>>) {
    match draining {
        Some(draining) => draining.await,
        None => std::future::pending().await,
    }
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

    fn group(&self, scope: &Scope) -> Option<Rc<Group>> {
        self.groups.borrow().get(scope).cloned()
    }

    /// Has a connection belong to its scopes, until the membership is dropped. With the plain protocol it takes part
    /// from now on; with the others when it has said from where.
    pub(crate) fn join(self: &Rc<Self>, connection: Rc<Connection>) -> Membership {
        for scope in connection.scopes() {
            let group = self.group(scope).unwrap_or_else(|| self.begin_group(scope));
            group.enlist();
            if connection.protocol() == Protocol::Plain {
                group.enter(&connection);
            }
        }
        let slot = self.next_slot.get();
        self.next_slot.set((slot + 1) % PING_SLOTS);
        self.ping_slots.borrow_mut()[slot].push(Rc::clone(&connection));
        self.stats.connections.add(1);
        Membership { shard: Rc::clone(self), connection }
    }

    /// The groups of a connection that has joined, in the order of its scopes.
    pub(crate) fn groups_of(&self, connection: &Connection) -> Vec<Rc<Group>> {
        connection.scopes().iter().filter_map(|scope| self.group(scope)).collect()
    }

    /// Waits until the events of all its scopes come to a connection, or the broker is found out of reach.
    pub(crate) async fn subscribed(&self, connection: &Connection) {
        let groups = self.groups_of(connection);
        let all = futures_util::future::join_all(groups.iter().map(|group| group.heard()));
        if tokio::time::timeout(SUBSCRIBE_PATIENCE, all).await.is_err() {
            self.log.warn_repeated("subscribe", 1, |count| {
                format!("{count} clients were let in before the broker had subscribed to their scopes")
            });
        }
    }

    fn begin_group(self: &Rc<Self>, scope: &Scope) -> Rc<Group> {
        let group = Rc::new(Group::new(scope.clone()));
        self.groups.borrow_mut().insert(scope.clone(), Rc::clone(&group));
        let wanted = Interest::Wanted { shard: self.index, scope: scope.clone() };
        // The queue has room, unless very many scopes begin at once.
        if let Err(mpsc::error::TrySendError::Full(wanted)) = self.interests.try_send(wanted) {
            let interests = self.interests.clone();
            spawn_local(async move {
                // The router ends with the server only.
                let _ = interests.send(wanted).await;
            });
        }
        group
    }
}
