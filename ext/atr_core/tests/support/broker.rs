//! A broker with the two ends that a server would hold.

use super::{PATIENCE, TIMING};
use atr_core::broker::{Command, Context, Reachable, Sink, memory, redis};
use atr_core::log::Log;
use atr_core::scope::Scope;
use atr_core::stats::Stats;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

struct Received(mpsc::UnboundedSender<Vec<(Scope, Bytes)>>);

impl Sink for Received {
    fn deliver(&self, messages: Vec<(Scope, Bytes)>) {
        let _ = self.0.send(messages);
    }
}

/// A running broker.
pub struct Wired {
    pub commands: mpsc::Sender<Command>,
    pub log: Log,
    pub stats: Arc<Stats>,
    pub reachable: Reachable,
    pub task: JoinHandle<()>,
    received: mpsc::UnboundedReceiver<Vec<(Scope, Bytes)>>,
    ready: std::collections::VecDeque<(Scope, Bytes)>,
}

impl Wired {
    pub fn redis(url: &str) -> Self {
        let address = redis::Address::new(url, "atr").unwrap();
        Self::run(|commands, sink, context| {
            tokio::task::spawn_local(redis::run(
                redis::Options { address, timing: TIMING },
                commands,
                sink,
                context,
            ))
        })
    }

    pub fn memory() -> Self {
        Self::run(|commands, sink, context| tokio::task::spawn_local(memory::run(commands, sink, context)))
    }

    fn run(start: impl FnOnce(mpsc::Receiver<Command>, Received, Context) -> JoinHandle<()>) -> Self {
        let (commands, taken) = mpsc::channel(10_000);
        let (sink, received) = mpsc::unbounded_channel();
        let context = Context {
            log: Log::default(),
            stats: Arc::default(),
            reachable: Reachable::default(),
            max_event_bytes: 1000,
        };
        let (log, stats, reachable) = (context.log.clone(), context.stats.clone(), context.reachable.clone());
        let task = start(taken, Received(sink), context);
        Self { commands, log, stats, reachable, task, received, ready: Default::default() }
    }

    /// Asks for a scope; the answer comes when it is live, or an error when nobody will say so.
    pub async fn subscribe(&self, scope: &str) -> oneshot::Receiver<()> {
        let (live, is_live) = oneshot::channel();
        let scope = Scope::new(scope).unwrap();
        self.commands.send(Command::Subscribe { scope, live }).await.unwrap();
        is_live
    }

    /// Asks for a scope and waits until it is live.
    pub async fn subscribed(&self, scope: &str) {
        let live = self.subscribe(scope).await;
        timeout(PATIENCE, live).await.expect("an answer").expect("it is live");
    }

    pub async fn unsubscribe(&self, scope: &str) {
        self.commands.send(Command::Unsubscribe { scope: Scope::new(scope).unwrap() }).await.unwrap();
    }

    /// The next message: scope and JSON.
    pub async fn next(&mut self) -> (String, String) {
        while self.ready.is_empty() {
            let batch = timeout(PATIENCE, self.received.recv()).await.expect("a message").expect("it runs");
            self.ready.extend(batch);
        }
        let (scope, json) = self.ready.pop_front().unwrap();
        (scope.as_str().to_owned(), String::from_utf8(json.to_vec()).unwrap())
    }

    /// The next hand-over as it came.
    pub async fn next_batch(&mut self) -> Vec<(Scope, Bytes)> {
        timeout(PATIENCE, self.received.recv()).await.expect("messages").expect("it runs")
    }

    /// Whether nothing comes for a while. For what must not happen; what happens is waited for.
    pub async fn is_silent(&mut self) -> bool {
        self.ready.is_empty() && timeout(Duration::from_millis(100), self.received.recv()).await.is_err()
    }

    /// Drops the senders of commands and waits for the broker's end.
    pub async fn stop(self) {
        drop(self.commands);
        timeout(PATIENCE, self.task).await.expect("the broker ends").unwrap();
    }
}
