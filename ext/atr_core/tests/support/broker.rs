//! A broker with the two ends that a server would hold.

use super::{PATIENCE, TIMING};
use atr_core::broker::{Command, Context, Message, Reachable, Sink, Standing, memory, redis};
use atr_core::log::Log;
use atr_core::position::Position;
use atr_core::retention::{Retention, Retentions};
use atr_core::scope::Scope;
use atr_core::stats::Stats;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Who waits to hear where a scope stands.
type Waiting = Rc<RefCell<HashMap<Scope, Vec<oneshot::Sender<Option<Position>>>>>>;

struct Received {
    messages: mpsc::UnboundedSender<Vec<(Scope, Message)>>,
    waiting: Waiting,
}

impl Sink for Received {
    fn deliver(&self, messages: Vec<(Scope, Message)>) {
        let _ = self.messages.send(messages);
    }

    fn tell(&self, standings: Vec<(Scope, Standing)>) {
        for (scope, standing) in standings {
            for waiting in self.waiting.borrow_mut().remove(&scope).unwrap_or_default() {
                if let Standing::Live(head) = standing {
                    let _ = waiting.send(head);
                }
            }
        }
    }
}

/// A running broker.
pub struct Wired {
    pub commands: mpsc::Sender<Command>,
    pub log: Log,
    pub stats: Arc<Stats>,
    pub reachable: Reachable,
    pub task: JoinHandle<()>,
    received: mpsc::UnboundedReceiver<Vec<(Scope, Message)>>,
    waiting: Waiting,
    ready: VecDeque<(Scope, Message)>,
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
        let options = memory::Options { log_bytes: 1 << 20 };
        Self::run(|commands, sink, context| {
            tokio::task::spawn_local(memory::run(options, commands, sink, context))
        })
    }

    fn run(start: impl FnOnce(mpsc::Receiver<Command>, Received, Context) -> JoinHandle<()>) -> Self {
        let (commands, taken) = mpsc::channel(10_000);
        let (sink, received) = mpsc::unbounded_channel();
        let context = Context {
            log: Log::default(),
            stats: Arc::default(),
            reachable: Reachable::default(),
            max_event_bytes: 1000,
            retentions: Retentions::all(Retention { size: 100, ttl: Duration::from_secs(300) }),
        };
        let (log, stats, reachable) = (context.log.clone(), context.stats.clone(), context.reachable.clone());
        let waiting = Waiting::default();
        let task = start(taken, Received { messages: sink, waiting: Rc::clone(&waiting) }, context);
        Self { commands, log, stats, reachable, task, received, waiting, ready: Default::default() }
    }

    /// Asks for a scope; the answer comes when it is live, or an error when the broker is out of reach.
    pub async fn subscribe(&self, scope: &str) -> oneshot::Receiver<Option<Position>> {
        let (live, is_live) = oneshot::channel();
        let scope = Scope::new(scope).unwrap();
        self.waiting.borrow_mut().entry(scope.clone()).or_default().push(live);
        self.commands.send(Command::Subscribe { scope }).await.unwrap();
        is_live
    }

    /// Asks for a scope, waits until it is live and answers its head.
    pub async fn subscribed(&self, scope: &str) -> Option<Position> {
        let live = self.subscribe(scope).await;
        timeout(PATIENCE, live).await.expect("an answer").expect("it is live")
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
        let (scope, message) = self.ready.pop_front().unwrap();
        (scope.as_str().to_owned(), String::from_utf8(message.json.to_vec()).unwrap())
    }

    /// The next hand-over as it came.
    pub async fn next_batch(&mut self) -> Vec<(Scope, Message)> {
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
