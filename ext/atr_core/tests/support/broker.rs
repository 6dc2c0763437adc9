//! A broker with the two ends that a server would hold.

use super::{PATIENCE, TIMING};
use atr_core::broker::{
    Command, Context, Message, Options, Page, Reachable, Read, Sink, Standing, Timing, memory, redis,
};
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
/// All that was said of where scopes stand.
type Told = Rc<RefCell<Vec<(Scope, Standing)>>>;

/// As small as the tests that are not about logs want it.
pub const RETENTION: Retention = Retention { size: 100, ttl: Duration::from_secs(300) };

struct Received {
    messages: mpsc::UnboundedSender<Vec<(Scope, Message)>>,
    waiting: Waiting,
    told: Told,
}

impl Sink for Received {
    fn deliver(&self, messages: Vec<(Scope, Message)>) {
        let _ = self.messages.send(messages);
    }

    fn tell(&self, standings: Vec<(Scope, Standing)>) {
        self.told.borrow_mut().extend(standings.iter().cloned());
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
    told: Told,
    ready: VecDeque<(Scope, Message)>,
}

impl Wired {
    pub fn redis(url: &str) -> Self {
        Self::redis_with(url, TIMING, Retentions::all(RETENTION), 1000)
    }

    pub fn redis_with(url: &str, timing: Timing, retentions: Retentions, max_event_bytes: usize) -> Self {
        let address = redis::Address::new(url, "atr").unwrap();
        let options = Options::Redis(Box::new(redis::Options { address, timing }));
        Self::run(options, retentions, max_event_bytes)
    }

    pub fn memory() -> Self {
        Self::memory_with(Retentions::all(RETENTION), 1000)
    }

    pub fn memory_with(retentions: Retentions, max_event_bytes: usize) -> Self {
        Self::run(Options::Memory(memory::Options { log_bytes: 1 << 24 }), retentions, max_event_bytes)
    }

    fn run(options: Options, retentions: Retentions, max_event_bytes: usize) -> Self {
        let (commands, taken) = mpsc::channel(10_000);
        let (sink, received) = mpsc::unbounded_channel();
        let context = Context {
            log: Log::default(),
            stats: Arc::default(),
            reachable: Reachable::default(),
            max_event_bytes,
            retentions,
        };
        let (log, stats, reachable) = (context.log.clone(), context.stats.clone(), context.reachable.clone());
        let (waiting, told) = (Waiting::default(), Told::default());
        let sink = Received { messages: sink, waiting: Rc::clone(&waiting), told: Rc::clone(&told) };
        let task = tokio::task::spawn_local(options.run(taken, sink, context));
        Self { commands, log, stats, reachable, task, received, waiting, told, ready: Default::default() }
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
        match timeout(PATIENCE, live).await.expect("an answer") {
            Ok(head) => head,
            Err(_) => panic!("the broker is out of reach: {:?}", super::log_lines(&self.log).await),
        }
    }

    pub async fn unsubscribe(&self, scope: &str) {
        self.commands.send(Command::Unsubscribe { scope: Scope::new(scope).unwrap() }).await.unwrap();
    }

    /// Reads what follows a position; nothing when the broker is out of reach.
    pub async fn read(&self, scope: &str, after: Position, upto: Option<u64>) -> Option<Page> {
        let (reply, page) = oneshot::channel();
        let scope = Scope::new(scope).unwrap();
        self.commands.send(Command::Read(Read { scope, after, upto, reply })).await.unwrap();
        timeout(PATIENCE, page).await.expect("an answer").ok()
    }

    /// What was said of where a scope stands, in order; it is forgotten here.
    pub fn take_told(&self, scope: &str) -> Vec<Standing> {
        let told = self.told.take();
        told.into_iter().filter(|(of, _)| of.as_str() == scope).map(|(_, standing)| standing).collect()
    }

    /// What was said of it last, since the others were forgotten.
    pub fn last_told(&self, scope: &str) -> Option<Standing> {
        let told = self.told.borrow();
        told.iter().rev().find(|(of, _)| of.as_str() == scope).map(|(_, standing)| *standing)
    }

    /// The next message with its scope.
    pub async fn next_message(&mut self) -> (String, Message) {
        while self.ready.is_empty() {
            let batch = timeout(PATIENCE, self.received.recv()).await.expect("a message").expect("it runs");
            self.ready.extend(batch);
        }
        let (scope, message) = self.ready.pop_front().unwrap();
        (scope.as_str().to_owned(), message)
    }

    /// The next message: scope and JSON.
    pub async fn next(&mut self) -> (String, String) {
        let (scope, message) = self.next_message().await;
        (scope, String::from_utf8(message.json.to_vec()).unwrap())
    }

    /// The next hand-over as it came.
    pub async fn next_batch(&mut self) -> Vec<(Scope, Message)> {
        timeout(PATIENCE, self.received.recv()).await.expect("messages").expect("it runs")
    }

    /// Whether nothing comes for a while. For what must not happen; what happens is waited for.
    pub async fn is_silent(&mut self) -> bool {
        self.ready.is_empty() && timeout(Duration::from_millis(100), self.received.recv()).await.is_err()
    }

    /// Passes over what has come, until nothing more comes for a while.
    pub async fn pass_over_messages(&mut self) {
        self.ready.clear();
        while timeout(Duration::from_millis(100), self.received.recv()).await.is_ok() {}
    }

    /// Drops the senders of commands and waits for the broker's end.
    pub async fn stop(self) {
        drop(self.commands);
        timeout(PATIENCE, self.task).await.expect("the broker ends").unwrap();
    }
}
