//! Starts a server's threads, and stops them again.
//!
//! One control thread accepts, talks to the broker and serves the admin port; each shard is a thread of its own.
//! All state is in [`Server`]: several run in one process without knowing of each other.

use crate::acceptor::Acceptor;
use crate::broker::{self, Command, Reachable};
use crate::config::{BrokerOptions, ServerOptions};
use crate::gate::Gate;
use crate::limits::Seats;
use crate::log::Log;
use crate::router::{Inlet, Interest, Router};
use crate::shard::{self, Accepted, Parcel};
use crate::shut::Shut;
use crate::stats::Stats;
use crate::threads::Threads;
use crate::wait::{Ended, Interrupt, wait};
use crate::{Error, Result, admin, listen};
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Parcels that may wait for a shard; their bytes are bounded, too.
const PARCELS: usize = 1024;
/// Sockets that may wait for a shard; more wait in the kernel's backlog.
const ACCEPTED: usize = 256;
/// Wishes of shards that may wait for the router, and commands for the broker; whoever sends more waits.
const INTERESTS: usize = 1024;
/// How long threads get to end once nothing is left to wait for.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// How far a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Serving.
    Running,
    /// Nobody new comes in; clients are told to leave, within this time.
    Draining(Duration),
    /// Whoever is still here is cut off.
    Stopped,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    gate: Arc<Gate>,
    stats: Arc<Stats>,
    reachable: Reachable,
    log: Log,
    phase: watch::Sender<Phase>,
    threads: Threads,
}

/// The listeners and queues of the control thread.
struct Control {
    acceptor: Acceptor,
    admin: Option<TcpListener>,
    admin_token: Option<String>,
    broker: broker::Options,
    inlets: Vec<Inlet>,
    interests: mpsc::Receiver<Interest>,
    context: broker::Context,
    phase: watch::Receiver<Phase>,
}

impl Server {
    /// Binds the ports, starts the threads and returns.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting that cannot be used, [`Error::Server`] for a port that cannot be listened on.
    pub fn start(options: ServerOptions) -> Result<Self> {
        options.validate()?;
        let broker = broker_options(&options.broker)?;
        let listener = listen::bind(&options.host, options.port, "server_port")?;
        let admin = options.admin.as_ref();
        let admin = admin.map(|admin| listen::bind(&admin.host, admin.port, "admin_port")).transpose()?;
        let (address, admin_address) =
            (listen::address(&listener)?, admin.as_ref().map(listen::address).transpose()?);
        let log = Log::new(options.debug_log);
        let stats = Arc::new(Stats::default());
        let gate = Arc::new(Gate::new(options.gate_queue_size, options.gate_deadline));
        let (phase, phases) = watch::channel(Phase::Running);
        let threads = Threads::new(log.clone(), phase.clone(), Arc::clone(&gate));
        let (interests, wanted) = mpsc::channel(INTERESTS);
        let context = broker::Context {
            log: log.clone(),
            stats: Arc::clone(&stats),
            reachable: Reachable::default(),
            max_event_bytes: options.limits.event_bytes,
            retentions: options.retentions.clone(),
        };
        let reachable = context.reachable.clone();
        let options = Arc::new(options);
        let mut control = Control {
            acceptor: Acceptor {
                listener: Shut::new(listener),
                shards: vec![],
                seats: Seats::new(options.max_connections, &log),
                log: log.clone(),
            },
            admin,
            inlets: vec![],
            interests: wanted,
            context,
            phase: phases.clone(),
            admin_token: options.admin.as_ref().and_then(|admin| admin.token.clone()),
            broker,
        };
        let server = Self {
            address,
            admin_address,
            gate: Arc::clone(&gate),
            stats: Arc::clone(&stats),
            reachable,
            log: log.clone(),
            phase,
            threads,
        };
        for index in 0..options.shard_count() {
            let (accepted, sockets) = mpsc::channel::<Accepted>(ACCEPTED);
            let (parcels, deliveries) = mpsc::channel::<Parcel>(PARCELS);
            let bytes = Arc::new(AtomicUsize::new(0));
            control.acceptor.shards.push(accepted);
            control.inlets.push(Inlet { parcels, bytes: Arc::clone(&bytes) });
            let setup = shard::Setup {
                index,
                options: Arc::clone(&options),
                gate: Arc::clone(&gate),
                stats: Arc::clone(&stats),
                log: log.clone(),
                accepted: sockets,
                parcels: deliveries,
                parcel_bytes: bytes,
                interests: interests.clone(),
                phase: phases.clone(),
            };
            server.threads.spawn(&format!("atr.shard.{index}"), || shard::run(setup))?;
        }
        server.threads.spawn("atr.control", || control.run())?;
        Ok(server)
    }

    /// Where browsers connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the admin listener is, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// The jobs for the app's code.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The lines of the log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Names and values of all counters.
    pub fn stats(&self) -> Vec<(&'static str, u64)> {
        let mut stats = self.stats.snapshot();
        stats.push(("gate_waiting", self.gate.waiting() as u64));
        stats.push(("broker_reachable", u64::from(self.reachable.get())));
        stats
    }

    /// Whether the server has stopped: `Ok` when it was asked to, `Err` with the failure when a thread broke.
    pub fn stopped(&self) -> Option<Result<()>> {
        if let Some(failure) = self.threads.failure() {
            return Some(Err(Error::Server(failure)));
        }
        (self.threads.alive() == 0).then_some(Ok(()))
    }

    /// Stops: nobody new comes in, clients are told to reconnect (close 1012), and after `timeout` cut off.
    /// Answers whether all left in time. Further calls wait for the same end.
    ///
    /// # Errors
    /// [`Error::Interrupted`]: call again to go on. [`Error::Server`]: a thread did not end, which is a bug.
    pub fn stop(&self, timeout: Duration, interrupt: &Interrupt) -> Result<bool> {
        self.phase.send_if_modified(|phase| {
            let running = *phase == Phase::Running;
            if running {
                // So that everybody has been told before whoever is left is cut off.
                *phase = Phase::Draining(timeout / 2);
            }
            running
        });
        self.gate.close();
        let in_time = match wait(self.threads.ended(), Some(timeout), interrupt) {
            Err(Ended::Interrupted) => return Err(Error::Interrupted),
            result => result.is_ok(),
        };
        self.phase.send_replace(Phase::Stopped);
        match wait(self.threads.ended(), Some(LAST_PATIENCE), interrupt) {
            Ok(()) => {}
            Err(Ended::Interrupted) => return Err(Error::Interrupted),
            Err(Ended::TimedOut) => return Err(Error::Server("a native thread does not end".into())),
        }
        self.threads.join();
        self.log.close();
        Ok(in_time)
    }
}

fn broker_options(options: &BrokerOptions) -> Result<broker::Options> {
    Ok(match options {
        &BrokerOptions::Memory { log_bytes } => {
            broker::Options::Memory(broker::memory::Options { log_bytes })
        }
        BrokerOptions::Redis { url, namespace } => {
            let address = broker::redis::Address::new(url, namespace)?;
            let timing = broker::Timing::default();
            broker::Options::Redis(Box::new(broker::redis::Options { address, timing }))
        }
    })
}

impl Drop for Server {
    /// A server that nobody holds any more stops at once; its threads end by themselves.
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Stopped);
        self.gate.close();
        self.log.close();
    }
}

impl Control {
    async fn run(self) -> Result<(), String> {
        let Self { context, mut phase, .. } = self;
        let (commands, broker_commands) = mpsc::channel::<Command>(INTERESTS);
        let router = Rc::new(Router::new(self.inlets, Arc::clone(&context.stats), context.log.clone()));
        let reachable = context.reachable.clone();
        let publishing = matches!(self.broker, broker::Options::Memory(_)).then(|| commands.clone());
        let (log, max_event_bytes) = (context.log.clone(), context.max_event_bytes);
        let administer = async {
            match self.admin {
                Some(listener) => {
                    let ready = move || reachable.get();
                    admin::serve(listener, self.admin_token, publishing, max_event_bytes, ready, log).await
                }
                None => std::future::pending().await,
            }
        };
        let sink = Rc::clone(&router);
        let carry = self.broker.run(broker_commands, sink, context);
        let mut draining = phase.clone();
        let accept = async {
            // Nobody new comes in then; those who are here get their events until they have left.
            tokio::select! {
                ended = self.acceptor.run() => return ended,
                _ = draining.wait_for(|phase| *phase != Phase::Running) => {}
            }
            // Not inside: what was waited for holds a lock.
            std::future::pending().await
        };
        let ended = tokio::select! {
            // First, because everything else ends as well when the shards do.
            biased;
            _ = phase.wait_for(|phase| *phase == Phase::Stopped) => return Ok(()),
            () = router.follow(self.interests, commands) => "the router ended".into(),
            ended = accept => format!("the acceptor ended: {ended:?}"),
            () = administer => "the admin listener ended".into(),
            () = carry => "the broker ended".into(),
        };
        // Shards on another core may have ended after the phase was looked at, and before what noticed it.
        if *phase.borrow() == Phase::Running { Err(ended) } else { Ok(()) }
    }
}
