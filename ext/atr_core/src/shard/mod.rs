//! One thread that owns connections: it takes sockets from the acceptor and batches from the router.
//!
//! Shards share nothing. All that touches a connection happens on its shard's thread, without a lock.

mod drain;
mod housekeeping;
mod membership;

pub(crate) use membership::{Membership, SocketGuard};

use crate::batch::Batch;
use crate::broker::Standing;
use crate::config::{Limits, ServerOptions};
use crate::connection::Connection;
use crate::gate::Gate;
use crate::group::{Delivered, Group};
use crate::http;
use crate::limits::Seat;
use crate::log::Log;
use crate::position::Position;
use crate::protocol::Protocol;
use crate::reader::Reader;
use crate::router::{Interest, Recovered};
use crate::scope::Scope;
use crate::server::Phase;
use crate::stats::Stats;
use crate::track::Step;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::spawn_local;
use tungstenite::protocol::WebSocketConfig;

/// Pings are sent in so many portions over the ping interval, not all at once.
const PING_SLOTS: usize = 25;
/// How soon the log is asked again when the broker was out of reach and says nothing of it.
const REREAD_DELAY: Duration = Duration::from_millis(100);
/// How long a client that was let in waits for the broker to subscribe to its scopes.
const SUBSCRIBE_PATIENCE: Duration = Duration::from_secs(5);

/// A socket that was accepted.
pub(crate) struct Accepted {
    pub(crate) socket: TcpStream,
    pub(crate) remote: SocketAddr,
    pub(crate) seat: Seat,
}

/// What the broker brought for one scope.
#[derive(Debug)]
pub(crate) enum Notice {
    /// Events.
    Batch(Arc<Batch>),
    /// Whether its events come.
    Standing(Scope, Standing),
}

impl Notice {
    pub(crate) fn scope(&self) -> &Scope {
        match self {
            Self::Batch(batch) => batch.scope(),
            Self::Standing(scope, _) => scope,
        }
    }
}

/// Everything that one reading of the broker brought for a shard: one wake for all of it.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    pub(crate) notices: Vec<Notice>,
    pub(crate) bytes: usize,
}

/// What a task of the shard has found out of a scope.
enum Finding {
    /// What its log has behind a position; `None` without an answer.
    Page { after: Position, page: Option<Recovered> },
    /// That its log goes up to here at least.
    Head(Position),
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

/// Runs a shard until the server stops. Must be called inside a `LocalSet`.
pub(crate) async fn run(setup: Setup) -> Result<(), String> {
    let Setup { mut accepted, mut parcels, parcel_bytes, .. } = setup;
    let mut phase = setup.phase.clone();
    // Each group has one question at most, each connection that catches up one finding.
    let (findings, mut found) = mpsc::unbounded_channel();
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
        findings,
        sockets: Cell::new(0),
        phase: setup.phase,
        socket_left: Notify::new(),
    });
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

    async fn take_parcel(self: &Rc<Self>, parcel: &Parcel) {
        for notice in &parcel.notices {
            let Some(group) = self.group(notice.scope()) else { continue };
            let steps = match notice {
                Notice::Batch(batch) => group.take_batch(batch),
                Notice::Standing(_, standing) => group.take_standing(*standing),
            };
            self.perform(&group, steps).await;
        }
    }

    async fn take_finding(self: &Rc<Self>, scope: &Scope, finding: Finding) {
        let Some(group) = self.group(scope) else { return };
        let steps = match finding {
            Finding::Page { after, page } => group.take_page(after, page),
            Finding::Head(end) => group.take_standing(Standing::Live(Some(end))),
        };
        self.perform(&group, steps).await;
    }

    /// Has a scope go on to a position that somebody has seen already.
    pub(crate) fn tell_head(&self, scope: &Scope, end: Position) {
        // The shard has ended otherwise.
        let _ = self.findings.send((scope.clone(), Finding::Head(end)));
    }

    fn group(&self, scope: &Scope) -> Option<Rc<Group>> {
        self.groups.borrow().get(scope).cloned()
    }

    /// Does what a scope's track says, in order.
    async fn perform(self: &Rc<Self>, group: &Rc<Group>, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Send(batch) => {
                    let delivered = group.walk(&batch).await;
                    self.stats.events_delivered.add(delivered.connections * batch.len() as u64);
                    self.tell_cut_off(&delivered);
                }
                Step::Reset(head) => {
                    self.stats.resets.add(1);
                    self.tell_cut_off(&group.reset(head).await);
                }
                Step::Read(after) => self.read_for(group, after),
            }
        }
        group.settle();
    }

    fn tell_cut_off(&self, delivered: &Delivered) {
        if delivered.cut_off > 0 {
            self.stats.slow_clients.add(delivered.cut_off);
            self.log.warn_repeated("slow", delivered.cut_off, |count| {
                format!("{count} clients were cut off (4008): they did not read, and outbox_bytes is reached")
            });
        }
    }

    /// Has a part of a log read; the answer comes to [`Shard::take_answer`].
    fn read_for(self: &Rc<Self>, group: &Rc<Group>, after: Position) {
        let (shard, scope) = (Rc::clone(self), group.scope().clone());
        spawn_local(async move {
            let page = shard.read(&scope, after, None).await;
            if page.is_none() {
                tokio::time::sleep(REREAD_DELAY).await;
            }
            // The shard has ended otherwise.
            let _ = shard.findings.send((scope, Finding::Page { after, page }));
        });
    }

    /// A part of a scope's log; `None` when the broker is out of reach.
    pub(crate) async fn read(&self, scope: &Scope, after: Position, upto: Option<u64>) -> Option<Recovered> {
        let (reply, answer) = oneshot::channel();
        let question = Interest::Read { scope: scope.clone(), after, upto, reply };
        self.interests.send(question).await.ok()?;
        answer.await.ok()
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
