//! Lives with the two connections to Redis: keeps the subscriptions as wanted, hands on what they deliver, and reads what
//! is asked of the logs.

use super::connections::Connections;
use super::failure::Failure;
use super::heartbeat::{Heartbeat, Turn};
use super::lookups::{Head, Lookup, Lookups};
use super::subscriptions::Change;
use super::{Broker, Sink};
use crate::broker::news::Found;
use crate::broker::{Command, Message, Standing};
use crate::scope::Scope;
use futures_util::StreamExt;
use redis::Msg;
use redis::aio::{PubSubSink, PubSubStream};
use std::future::{Future, pending};
use std::pin::Pin;
use tokio::task::unconstrained;
use tokio::time::{sleep_until, timeout};

/// Messages that are handed on at once; more of them come with the next round.
const MAX_MESSAGES: usize = 1024;

/// A request that Redis has yet to answer.
type Request = Pin<Box<dyn Future<Output = Result<Change, Failure>>>>;

/// One life of the broker's connections. They end together.
pub(super) struct Session<'a, S> {
    broker: &'a mut Broker<S>,
    lookups: Lookups,
    heartbeat: Heartbeat,
    announced: bool,
    /// Scopes that were wanted when the connection came and are not there yet.
    missing: usize,
    /// How many scopes the counter was told of.
    counted: u64,
}

/// Serves until the connections fail, or (`None`) the server stops.
pub(super) async fn serve<S: Sink>(broker: &mut Broker<S>, connections: Connections) -> Option<Failure> {
    let Connections { subscriber, heartbeat, reader, mut driver } = connections;
    let missing = broker.link.subscriptions.differing();
    let lookups = Lookups::new(reader);
    let mut session = Session { broker, lookups, heartbeat, announced: false, missing, counted: 0 };
    let (requests, messages) = subscriber.split();
    let failure = tokio::select! {
        failure = session.serve(requests, messages) => failure,
        () = driver.ended() => Some(Failure::closed()),
    };
    session.count_scopes(0);
    failure
}

impl<S: Sink> Session<'_, S> {
    async fn serve(&mut self, requests: PubSubSink, messages: PubSubStream) -> Option<Failure> {
        let mut messages = messages.ready_chunks(MAX_MESSAGES);
        let mut request: Option<Request> = None;
        loop {
            if request.is_none() {
                request = self.next_change(&requests);
            }
            tokio::select! {
                answer = answer(&mut request) => match answer {
                    Ok(change) => self.acknowledged(change),
                    Err(failure) => return Some(failure),
                },
                // Not more than the connection has read is ever ready, so this yields without tokio's budget,
                // which would cut a burst into many small hand-overs.
                ready = unconstrained(messages.next()) => match ready {
                    Some(ready) => self.deliver(ready),
                    None => return Some(Failure::closed()),
                },
                heads = self.lookups.next() => match heads {
                    Ok(heads) => self.tell(heads),
                    Err(failure) => return Some(failure),
                },
                command = self.broker.commands.recv() => self.apply(command?),
                () = sleep_until(self.heartbeat.at()) => match self.heartbeat.turn() {
                    Turn::Beat => self.lookups.beat(self.heartbeat.channel()),
                    Turn::Silence => return Some(Failure::no_answer(&self.broker.options.timing)),
                },
            }
        }
    }

    fn apply(&mut self, command: Command) {
        let subscriptions = &mut self.broker.link.subscriptions;
        match command {
            Command::Subscribe { scope } => {
                if let Some(subscription) = subscriptions.want(&scope) {
                    self.lookups.ask(Lookup::Head(scope, subscription));
                }
            }
            Command::Unsubscribe { scope } => subscriptions.unwant(&scope),
            Command::Read(read) => self.lookups.ask(Lookup::Page(read)),
            // Publishers talk to Redis themselves; this one is told so by what is dropped here.
            Command::Publish { .. } | Command::Heads { .. } => {}
        }
    }

    /// Asks for what is wanted and not there. Redis is back when all that was wanted is subscribed again, not when
    /// it takes a connection; what comes and goes meanwhile must not delay that for ever.
    fn next_change(&mut self, requests: &PubSubSink) -> Option<Request> {
        let change = self.broker.link.subscriptions.next_change();
        if self.missing == 0 || change.is_none() {
            self.announce();
        }
        change.map(|change| self.request(change, requests))
    }

    fn request(&self, change: Change, requests: &PubSubSink) -> Request {
        let (mut requests, timing) = (requests.clone(), self.broker.options.timing);
        let (Change::Subscribe(scopes) | Change::Unsubscribe(scopes)) = &change;
        let channels: Vec<_> =
            scopes.iter().map(|scope| self.broker.options.address.channel(scope)).collect();
        Box::pin(async move {
            let answer = async {
                match &change {
                    Change::Subscribe(_) => requests.subscribe(channels).await,
                    Change::Unsubscribe(_) => requests.unsubscribe(channels).await,
                }
            };
            timeout(timing.deadline, answer).await.map_err(|_| Failure::no_answer(&timing))??;
            Ok(change)
        })
    }

    /// What stands now is live when it is known where its log ends.
    fn acknowledged(&mut self, change: Change) {
        if let Change::Subscribe(scopes) = &change {
            self.missing = self.missing.saturating_sub(scopes.len());
        }
        for (scope, subscription) in self.broker.link.subscriptions.acknowledged(change) {
            self.lookups.ask(Lookup::Head(scope, subscription));
        }
        self.count_scopes(self.broker.link.subscriptions.standing() as u64);
    }

    fn tell(&self, heads: Vec<Head>) {
        let subscriptions = &self.broker.link.subscriptions;
        let standing = |head: Head| {
            subscriptions
                .has(&head.scope, head.subscription)
                .then_some((head.scope, Standing::Live(head.position)))
        };
        let standings: Vec<_> = heads.into_iter().filter_map(standing).collect();
        if !standings.is_empty() {
            self.broker.sink.tell(standings);
        }
    }

    fn count_scopes(&mut self, now: u64) {
        self.broker.context.stats.scopes.add(now);
        self.broker.context.stats.scopes.subtract(self.counted);
        self.counted = now;
    }

    fn deliver(&mut self, ready: Vec<Msg>) {
        let is_beat = |message: &Msg| message.get_channel_name() == self.heartbeat.channel();
        let has_beat = ready.iter().any(is_beat);
        self.heartbeat.heard(has_beat);
        let messages: Vec<_> = ready.iter().filter_map(|message| self.accept(message)).collect();
        if !messages.is_empty() {
            self.broker.sink.deliver(messages);
        }
    }

    fn accept(&self, message: &Msg) -> Option<(Scope, Message)> {
        let name = self.broker.options.address.scope_name(message.get_channel_name())?;
        let scope = self.broker.link.subscriptions.wanted(name)?;
        let message = self.broker.context.accept(message.get_payload_bytes())?;
        Some((scope, message))
    }

    fn announce(&mut self) {
        if std::mem::replace(&mut self.announced, true) {
            return;
        }
        let Broker { context, link, options, .. } = &mut *self.broker;
        context.reachable.set(true);
        link.backoff.reset();
        match link.news.found() {
            Some(Found { again: false, .. }) => context.log.info(format!("connected to {}", options.address)),
            Some(Found { again: true, .. }) => {
                context.stats.broker_reconnects.add(1);
                let scopes = link.subscriptions.standing();
                context.log.info(format!("{} is back: {scopes} scopes subscribed again", options.address));
            }
            None => {}
        }
    }
}

/// The answer to the request under way, which is over then. Never, when there is none. Cancel-safe.
async fn answer(request: &mut Option<Request>) -> Result<Change, Failure> {
    let Some(running) = request else { return pending().await };
    let answer = running.await;
    *request = None;
    answer
}
