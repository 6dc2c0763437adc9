//! Carries events through a Redis: one connection that is subscribed to the scopes somebody here wants.
//!
//! The loop is our own. The `redis` crate's connection ends silently, its connection manager gives up, and a
//! subscription hangs on a Redis that is stopped: here every answer has a deadline, attempts never end, and what
//! is wanted is plain data that is subscribed anew after each of them.

pub(crate) mod address;
pub(crate) mod failure;
mod session;
mod subscriptions;

pub use address::Address;

use super::{Command, Context, Sink, Timing};
use crate::backoff::Backoff;
use crate::broker::news::News;
use crate::log::Level;
use ::redis::aio::PubSub;
use failure::Failure;
use session::Session;
use subscriptions::Subscriptions;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

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
    let link = Link { subscriptions: Subscriptions::default(), news: News::default(), backoff };
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
}

impl<S: Sink> Broker<S> {
    /// One connection's life. `None` when the server is stopping, otherwise why it ended.
    async fn connect_and_serve(&mut self) -> Option<Failure> {
        let mut attempt = Box::pin(connect(self.options.clone()));
        let pubsub = loop {
            tokio::select! {
                result = &mut attempt => match result {
                    Ok(pubsub) => break pubsub,
                    Err(failure) => return Some(failure),
                },
                // Those who wait for the subscription keep waiting: the answer is one deadline away at most.
                command = self.commands.recv() => self.apply(command?),
            }
        };
        let failure = Session::new(self).run(pubsub).await;
        self.context.reachable.set(false);
        failure
    }

    fn apply(&mut self, command: Command) {
        self.link.subscriptions.apply(command);
        self.tell_news();
    }

    fn tell_news(&mut self) {
        let news = self.link.subscriptions.take_news();
        if !news.is_empty() {
            self.sink.tell(news);
        }
    }

    fn tell_failure(&mut self, failure: &Failure) {
        self.link.subscriptions.lose();
        self.tell_news();
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
                    self.link.subscriptions.apply_without_waiting(command?);
                    self.tell_news();
                }
            }
        }
    }
}

/// Connects, and makes sure that Redis answers: one that wants a password or still loads its data lets anybody in.
async fn connect(options: Options) -> Result<PubSub, Failure> {
    let attempt = async {
        let stream = options.address.connect().await?;
        let mut pubsub = PubSub::new(options.address.settings(), stream).await?;
        pubsub.ping::<::redis::Value>().await?.extract_error()?;
        Ok(pubsub)
    };
    timeout(options.timing.deadline, attempt)
        .await
        .unwrap_or_else(|_| Err(Failure::no_answer(&options.timing)))
}
