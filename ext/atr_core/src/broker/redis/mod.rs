//! Carries events through a Redis: one connection that is subscribed to the scopes somebody here wants, and one that
//! reads their logs.
//!
//! The loop is our own. The `redis` crate's connection ends silently, its connection manager gives up, and a
//! subscription hangs on a Redis that is stopped: here every answer has a deadline, attempts never end, and what
//! is wanted is plain data that is subscribed anew after each of them.

pub(crate) mod address;
mod connections;
pub(crate) mod failure;
mod heartbeat;
pub(crate) mod logs;
mod lookups;
pub(crate) mod process;
mod reader;
pub(crate) mod script;
mod session;
mod subscriptions;

pub use address::Address;

use super::{Command, Context, Sink, Standing, Timing};
use crate::backoff::Backoff;
use crate::broker::news::News;
use crate::log::Level;
use connections::Connections;
use failure::Failure;
use subscriptions::Subscriptions;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Where the Redis is, and how long it may take.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is, with the namespace of its channels.
    pub address: Address,
    /// Deadlines and delays.
    pub timing: Timing,
}

/// Carries events until every sender of commands is gone. A Redis that is absent, asks for a password or refuses
/// is told of in the log, once, and tried again for ever.
pub async fn run(options: Options, commands: mpsc::Receiver<Command>, sink: impl Sink, context: Context) {
    let backoff = options.timing.backoff();
    let (subscriptions, news) = (Subscriptions::default(), News::default());
    let link = Link { subscriptions, news, backoff, is_refusal_told: false };
    let mut broker = Broker { options, commands, sink, context, link };
    while let Some(failure) = broker.connect_and_serve().await {
        broker.tell_failure(&failure);
        if broker.wait_for_next_attempt().await.is_none() {
            break;
        }
    }
}

struct Broker<S> {
    options: Options,
    commands: mpsc::Receiver<Command>,
    sink: S,
    context: Context,
    link: Link,
}

/// What outlives a connection.
struct Link {
    subscriptions: Subscriptions,
    news: News,
    backoff: Backoff,
    /// It was said that Redis does not tell which process it is.
    is_refusal_told: bool,
}

impl<S: Sink> Broker<S> {
    /// One life of the connections. `None` when the server is stopping, otherwise why it ended.
    async fn connect_and_serve(&mut self) -> Option<Failure> {
        let mut attempt = Box::pin(Connections::open(self.options.clone(), self.context.clone()));
        let connections = loop {
            tokio::select! {
                result = &mut attempt => match result {
                    Ok(connections) => break connections,
                    Err(failure) => return Some(failure),
                },
                // Those who wait for a scope keep waiting: the answer is one deadline away at most.
                command = self.commands.recv() => self.note(&command?),
            }
        };
        self.tell_refusal(&connections);
        let failure = session::serve(self, connections).await;
        self.context.reachable.set(false);
        failure
    }

    /// Does of a command what can be done without a connection. Whoever wants to read is told by the dropped reply.
    fn note(&mut self, command: &Command) {
        match command {
            Command::Subscribe { scope } => _ = self.link.subscriptions.want(scope),
            Command::Unsubscribe { scope } => self.link.subscriptions.unwant(scope),
            Command::Read(_) | Command::Heads { .. } | Command::Publish { .. } => {}
        }
    }

    fn tell_refusal(&mut self, connections: &Connections) {
        let Some(refusal) = connections.reader.refusal() else { return };
        if !std::mem::replace(&mut self.link.is_refusal_told, true) {
            self.context.log.warn(format!(
                "{} does not say which process it is: {refusal}. Should it come back with older data, clients may miss \
                 events and not be told (said once)",
                self.options.address
            ));
        }
    }

    fn tell_failure(&mut self, failure: &Failure) {
        let away: Vec<_> =
            self.link.subscriptions.lose().into_iter().map(|scope| (scope, Standing::Away)).collect();
        if !away.is_empty() {
            self.sink.tell(away);
        }
        let address = &self.options.address;
        if let Some(line) = self.link.news.lost(&failure.to_string()) {
            // A further reason for the same outage is worth knowing, but is no change of state.
            let level = if line.first { Level::Warn } else { Level::Info };
            let message = match line.was_there {
                true => format!("lost {address}: {failure}; clients get no events until it is back"),
                false => format!("cannot use {address}: {failure}; clients get no events, trying again"),
            };
            self.context.log.write(level, message);
        }
    }

    /// `None` when the server is stopping.
    async fn wait_for_next_attempt(&mut self) -> Option<()> {
        let next = Instant::now() + self.link.backoff.next_delay();
        loop {
            tokio::select! {
                () = sleep_until(next) => return Some(()),
                command = self.commands.recv() => {
                    let command = command?;
                    self.note(&command);
                    if let Command::Subscribe { scope } = command {
                        self.sink.tell(vec![(scope, Standing::Away)]);
                    }
                }
            }
        }
    }
}
