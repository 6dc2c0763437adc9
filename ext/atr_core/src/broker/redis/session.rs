//! Lives with one connection to Redis: keeps its subscriptions as wanted and hands on what it delivers.

use super::failure::Failure;
use super::subscriptions::Change;
use super::{Broker, Sink};
use crate::broker::Message;
use crate::broker::news::Found;
use crate::scope::Scope;
use bytes::Bytes;
use futures_util::StreamExt;
use redis::aio::{PubSub, PubSubSink};
use redis::{Msg, Value};
use std::future::{Future, pending};
use std::pin::Pin;
use tokio::task::unconstrained;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

/// Messages that are handed on at once; more of them come with the next round.
const MAX_MESSAGES: usize = 1024;

/// A request that Redis has yet to answer.
type Request = Pin<Box<dyn Future<Output = Result<Option<Change>, Failure>>>>;

/// One connection of the broker.
pub(super) struct Session<'a, S> {
    broker: &'a mut Broker<S>,
    announced: bool,
    /// Scopes that were wanted when the connection came and are not there yet.
    missing: usize,
    /// How many scopes the counter was told of.
    counted: u64,
}

impl<'a, S: Sink> Session<'a, S> {
    pub(super) fn new(broker: &'a mut Broker<S>) -> Self {
        let missing = broker.link.subscriptions.differing();
        Self { broker, announced: false, missing, counted: 0 }
    }

    /// Serves until the connection fails, or (`None`) the server stops.
    pub(super) async fn run(mut self, pubsub: PubSub) -> Option<Failure> {
        let failure = self.serve(pubsub).await;
        self.count_scopes(0);
        failure
    }

    async fn serve(&mut self, pubsub: PubSub) -> Option<Failure> {
        let (requests, messages) = pubsub.split();
        let mut messages = messages.ready_chunks(MAX_MESSAGES);
        let period = self.broker.options.timing.ping_interval;
        let mut ping = interval_at(Instant::now() + period, period);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
                command = self.broker.commands.recv() => self.broker.apply(command?),
                // A request that is under way has a deadline of its own: it is as good as a ping.
                _ = ping.tick(), if request.is_none() => request = Some(self.ping(&requests)),
            }
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
            Ok(Some(change))
        })
    }

    fn ping(&self, requests: &PubSubSink) -> Request {
        let (mut requests, timing) = (requests.clone(), self.broker.options.timing);
        Box::pin(async move {
            let answer = timeout(timing.deadline, requests.ping::<Value>()).await;
            answer.map_err(|_| Failure::no_answer(&timing))??.extract_error()?;
            Ok(None)
        })
    }

    fn acknowledged(&mut self, change: Option<Change>) {
        if let Some(change) = change {
            if let Change::Subscribe(scopes) = &change {
                self.missing = self.missing.saturating_sub(scopes.len());
            }
            self.broker.link.subscriptions.acknowledged(change);
            self.broker.tell_news();
            self.count_scopes(self.broker.link.subscriptions.standing() as u64);
        }
    }

    fn count_scopes(&mut self, now: u64) {
        self.broker.context.stats.scopes.add(now);
        self.broker.context.stats.scopes.subtract(self.counted);
        self.counted = now;
    }

    fn deliver(&self, ready: Vec<Msg>) {
        let messages: Vec<_> = ready.iter().filter_map(|message| self.accept(message)).collect();
        if !messages.is_empty() {
            self.broker.sink.deliver(messages);
        }
    }

    fn accept(&self, message: &Msg) -> Option<(Scope, Message)> {
        let name = self.broker.options.address.scope_name(message.get_channel_name())?;
        let scope = self.broker.link.subscriptions.wanted(name)?;
        let json = message.get_payload_bytes();
        let message = || Message { position: None, name: "".into(), json: Bytes::copy_from_slice(json) };
        self.broker.context.accepts(json).then(|| (scope, message()))
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
async fn answer(request: &mut Option<Request>) -> Result<Option<Change>, Failure> {
    let Some(running) = request else { return pending().await };
    let answer = running.await;
    *request = None;
    answer
}
