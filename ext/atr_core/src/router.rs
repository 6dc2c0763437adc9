//! Knows which shards want which scope, and hands them what the broker received.

use crate::batch::Batch;
use crate::broker::{Command, Message, Page, Read, Sink, Standing};
use crate::log::Log;
use crate::position::Position;
use crate::scope::Scope;
use crate::shard::{Notice, Parcel};
use crate::stats::Stats;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;
use tokio::time::{MissedTickBehavior, interval};

/// Events are joined into one write up to about so many bytes; more gains nothing and delays the first.
const BATCH_BYTES: usize = 256 * 1024;
/// Bytes that may be under way to a shard.
const PARCEL_BYTES_LIMIT: usize = 64 * 1024 * 1024;
/// How soon a shard that had no room is told again where its scopes stand.
const RETELL_PERIOD: Duration = Duration::from_millis(100);

/// What a shard says of a scope.
pub(crate) enum Interest {
    /// Its first connection came. The shard is told where the scope stands.
    Wanted { shard: usize, scope: Scope },
    /// Its last connection left some time ago.
    Unwanted { shard: usize, scope: Scope },
    /// It wants a part of the scope's log.
    Read { scope: Scope, after: Position, upto: Option<u64>, reply: Reply },
}

/// A part of a log, read once for everybody who asked for it meanwhile.
#[derive(Debug, Clone)]
pub(crate) enum Recovered {
    /// Everything that was asked for, or the beginning of it; the log ends at `head`. No events when there are no more.
    Events { head: Position, events: Option<Arc<Batch>> },
    /// Not to be had any more.
    Reset { head: Option<Position> },
}

/// Answered with a part of a log; dropped when the broker is out of reach.
pub(crate) type Reply = oneshot::Sender<Recovered>;

/// The way into a shard.
pub(crate) struct Inlet {
    pub(crate) parcels: mpsc::Sender<Parcel>,
    pub(crate) bytes: Arc<AtomicUsize>,
}

/// A shard that wants a scope.
struct Taker {
    shard: usize,
    /// It was told where the scope stands, and everything since.
    is_told: bool,
}

/// What is being read of a log: scope, position, last offset.
type Question = (Scope, Position, Option<u64>);

/// The table from scopes to shards. It lives on the control thread.
pub(crate) struct Router {
    takers: RefCell<HashMap<Scope, Vec<Taker>>>,
    /// Scopes of which a shard has missed something.
    holed: RefCell<HashSet<Scope>>,
    reading: RefCell<HashMap<Question, Vec<Reply>>>,
    inlets: Vec<Inlet>,
    stats: Arc<Stats>,
    log: Log,
}

impl Router {
    pub(crate) fn new(inlets: Vec<Inlet>, stats: Arc<Stats>, log: Log) -> Self {
        Self {
            takers: RefCell::default(),
            holed: RefCell::default(),
            reading: RefCell::default(),
            inlets,
            stats,
            log,
        }
    }

    /// Follows what the shards want, and has the broker follow.
    pub(crate) async fn follow(
        self: &Rc<Self>,
        mut interests: mpsc::Receiver<Interest>,
        broker: mpsc::Sender<Command>,
    ) {
        let mut retell = interval(RETELL_PERIOD);
        retell.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let commands = tokio::select! {
                interest = interests.recv() => match interest {
                    Some(interest) => self.commands_for(interest),
                    None => return,
                },
                _ = retell.tick() => self.ask_for_holed(),
            };
            for command in commands {
                if broker.send(command).await.is_err() {
                    return;
                }
            }
        }
    }

    fn commands_for(self: &Rc<Self>, interest: Interest) -> Vec<Command> {
        let command = match interest {
            Interest::Wanted { shard, scope } => {
                let taker = Taker { shard, is_told: false };
                self.takers.borrow_mut().entry(scope.clone()).or_default().push(taker);
                // Also when another shard has it: only the broker knows where the scope stands.
                Some(Command::Subscribe { scope })
            }
            Interest::Unwanted { shard, scope } => {
                self.forget(shard, &scope).then_some(Command::Unsubscribe { scope })
            }
            Interest::Read { scope, after, upto, reply } => self.read((scope, after, upto), reply),
        };
        command.into_iter().collect()
    }

    /// Whoever missed something is told where the scope stands now, and reads the rest from the log.
    fn ask_for_holed(&self) -> Vec<Command> {
        self.holed.take().into_iter().map(|scope| Command::Subscribe { scope }).collect()
    }

    /// Whether no shard wants the scope any more.
    fn forget(&self, shard: usize, scope: &Scope) -> bool {
        let mut takers = self.takers.borrow_mut();
        let Some(of_scope) = takers.get_mut(scope) else { return false };
        of_scope.retain(|taker| taker.shard != shard);
        let unwanted = of_scope.is_empty();
        if unwanted {
            takers.remove(scope);
        }
        unwanted
    }

    /// Asks the broker, unless it is being asked the same already.
    fn read(self: &Rc<Self>, question: Question, reply: Reply) -> Option<Command> {
        let mut reading = self.reading.borrow_mut();
        let waiting = reading.entry(question.clone()).or_default();
        waiting.push(reply);
        if waiting.len() > 1 {
            return None;
        }
        let (answer, page) = oneshot::channel();
        let router = Rc::clone(self);
        let (scope, after, upto) = question.clone();
        spawn_local(async move {
            let page = page.await;
            let waiting = router.reading.borrow_mut().remove(&question).unwrap_or_default();
            // Without an answer the replies are dropped: the broker is out of reach.
            let Ok(page) = page else { return };
            let recovered = recover(question.0, page);
            for reply in waiting {
                // Whoever asked may have left.
                let _ = reply.send(recovered.clone());
            }
        });
        Some(Command::Read(Read { scope, after, upto, reply: answer }))
    }

    /// Sends a parcel, or notes for each of its scopes that the shard has missed something.
    fn send(&self, takers: &mut HashMap<Scope, Vec<Taker>>, shard: usize, parcel: Parcel) {
        let inlet = &self.inlets[shard];
        let bytes = parcel.bytes;
        let under_way = inlet.bytes.fetch_add(bytes, Ordering::Relaxed);
        let missed = if under_way + bytes > PARCEL_BYTES_LIMIT {
            parcel
        } else {
            match inlet.parcels.try_send(parcel) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(parcel)) => parcel,
                // The shard has ended, and the server with it.
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        };
        inlet.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.note_missed(takers, shard, &missed);
    }

    fn note_missed(&self, takers: &mut HashMap<Scope, Vec<Taker>>, shard: usize, missed: &Parcel) {
        let mut lost = 0;
        for notice in &missed.notices {
            let scope = notice.scope();
            for taker in takers.get_mut(scope).into_iter().flatten().filter(|taker| taker.shard == shard) {
                taker.is_told = false;
            }
            self.holed.borrow_mut().insert(scope.clone());
            if let Notice::Batch(batch) = notice
                && batch.last().is_none()
            {
                lost += batch.len() as u64;
            }
        }
        if lost > 0 {
            self.stats.events_dropped.add(lost);
            self.log.warn_repeated("shard", lost, |count| {
                format!("{count} events were dropped: more came from the broker than this machine can send")
            });
        }
    }

    fn parcels(&self) -> Vec<Parcel> {
        self.inlets.iter().map(|_| Parcel::default()).collect()
    }

    fn send_all(&self, takers: &mut HashMap<Scope, Vec<Taker>>, parcels: Vec<Parcel>) {
        for (shard, parcel) in parcels.into_iter().enumerate() {
            if !parcel.notices.is_empty() {
                self.send(takers, shard, parcel);
            }
        }
    }
}

impl Sink for Rc<Router> {
    fn deliver(&self, messages: Vec<(Scope, Message)>) {
        let mut takers = self.takers.borrow_mut();
        let mut parcels = self.parcels();
        for (scope, events) in by_scope(messages) {
            let Some(of_scope) = takers.get(&scope) else { continue };
            for events in runs(events) {
                let batch = Batch::new(scope.clone(), events.into());
                for taker in of_scope {
                    parcels[taker.shard].bytes += batch.size();
                    parcels[taker.shard].notices.push(Notice::Batch(Arc::clone(&batch)));
                }
            }
        }
        self.send_all(&mut takers, parcels);
    }

    fn tell(&self, standings: Vec<(Scope, Standing)>) {
        let mut takers = self.takers.borrow_mut();
        let mut parcels = self.parcels();
        for (scope, standing) in standings {
            let is_live = matches!(standing, Standing::Live(_));
            for taker in takers.get_mut(&scope).into_iter().flatten() {
                // Whoever was told that it is live follows by itself; a head that was read since is of no use to it.
                if !(is_live && taker.is_told) {
                    taker.is_told = is_live;
                    parcels[taker.shard].notices.push(Notice::Standing(scope.clone(), standing));
                }
            }
        }
        self.send_all(&mut takers, parcels);
    }
}

fn recover(scope: Scope, page: Page) -> Recovered {
    match page {
        Page::Reset { head } => Recovered::Reset { head },
        Page::Events { head, events } => {
            let events = (!events.is_empty()).then(|| Batch::new(scope, events.into()));
            Recovered::Events { head, events }
        }
    }
}

/// Gathers the events of each scope, in their order.
fn by_scope(messages: Vec<(Scope, Message)>) -> Vec<(Scope, Vec<Message>)> {
    let mut places = HashMap::new();
    let mut gathered: Vec<(Scope, Vec<Message>)> = vec![];
    for (scope, event) in messages {
        let place = *places.entry(scope.clone()).or_insert(gathered.len());
        match gathered.get_mut(place) {
            Some((_, events)) => events.push(event),
            None => gathered.push((scope, vec![event])),
        }
    }
    gathered
}

/// Cuts events into runs of about [`BATCH_BYTES`] in which each follows the one before it.
fn runs(events: Vec<Message>) -> Vec<Vec<Message>> {
    let mut runs: Vec<Vec<Message>> = vec![];
    let mut size = 0;
    for event in events {
        let next = runs.last().and_then(|run| run.last()).map(|last| last.position.map(|last| last.plus(1)));
        let follows = next == Some(event.position);
        size = if follows { size + event.json.len() } else { event.json.len() };
        match runs.last_mut() {
            Some(run) if follows && size <= BATCH_BYTES => run.push(event),
            _ => {
                size = event.json.len();
                runs.push(vec![event]);
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    struct Setup {
        router: Rc<Router>,
        shards: Vec<mpsc::Receiver<Parcel>>,
        stats: Arc<Stats>,
    }

    fn setup(shards: usize) -> Setup {
        let stats = Arc::new(Stats::default());
        let (inlets, shards) = (0..shards)
            .map(|_| {
                let (parcels, received) = mpsc::channel(2);
                (Inlet { parcels, bytes: Arc::default() }, received)
            })
            .unzip();
        let router = Rc::new(Router::new(inlets, Arc::clone(&stats), Log::default()));
        Setup { router, shards, stats }
    }

    fn scope(name: &str) -> Scope {
        Scope::new(name).unwrap()
    }

    fn message(offset: u64, json: &'static str) -> Message {
        let position = (offset > 0).then(|| format!("00000000000000aa:{offset}").parse().unwrap());
        Message { position, name: "a.b".into(), json: Bytes::from_static(json.as_bytes()) }
    }

    fn of(name: &str, json: &'static str) -> (Scope, Message) {
        (scope(name), message(0, json))
    }

    fn want(router: &Rc<Router>, shard: usize, name: &str) {
        router.commands_for(Interest::Wanted { shard, scope: scope(name) });
    }

    fn received(shard: &mut mpsc::Receiver<Parcel>) -> Vec<(String, String)> {
        let told = |notice: &Notice| match notice {
            Notice::Batch(batch) => batch.events().iter().map(|e| String::from_utf8_lossy(&e.json)).collect(),
            Notice::Standing(_, standing) => format!("{standing:?}"),
        };
        let notices = shard.try_recv().map(|parcel| parcel.notices).unwrap_or_default();
        notices.iter().map(|notice| (notice.scope().as_str().to_owned(), told(notice))).collect()
    }

    #[test]
    fn a_shard_gets_its_scopes_in_one_parcel_with_one_batch_each() {
        let Setup { router, mut shards, .. } = setup(2);
        want(&router, 0, "a");
        want(&router, 0, "b");
        want(&router, 1, "b");
        router.deliver(vec![of("a", "1"), of("b", "2"), of("c", "3"), of("a", "4")]);
        let b = ("b".to_owned(), "2".to_owned());
        assert_eq!(received(&mut shards[0]), [("a".to_owned(), "14".to_owned()), b.clone()]);
        assert_eq!(received(&mut shards[1]), [b]);
    }

    #[test]
    fn only_who_was_not_told_hears_that_a_scope_is_live() {
        let Setup { router, mut shards, .. } = setup(2);
        want(&router, 0, "a");
        let live = (scope("a"), Standing::Live(None));
        router.tell(vec![live.clone()]);
        assert_eq!(received(&mut shards[0]).len(), 1);
        want(&router, 1, "a");
        router.tell(vec![live.clone()]);
        assert_eq!((received(&mut shards[0]).len(), received(&mut shards[1]).len()), (0, 1));
        router.tell(vec![(scope("a"), Standing::Away)]);
        assert_eq!((received(&mut shards[0]).len(), received(&mut shards[1]).len()), (1, 1));
        router.tell(vec![live]);
        assert_eq!((received(&mut shards[0]).len(), received(&mut shards[1]).len()), (1, 1));
    }

    #[test]
    fn a_shard_that_does_not_keep_up_is_told_again_and_no_other_shard_is() {
        let Setup { router, mut shards, stats } = setup(2);
        for shard in [0, 1] {
            want(&router, shard, "a");
        }
        router.tell(vec![(scope("a"), Standing::Live(None))]);
        for json in ["1", "2"] {
            received(&mut shards[1]);
            router.deliver(vec![of("a", json)]);
        }
        received(&mut shards[1]);
        assert_eq!(stats.events_dropped.get(), 1, "it was in no log");
        assert!(matches!(router.ask_for_holed()[..], [Command::Subscribe { .. }]));
        assert!(router.ask_for_holed().is_empty());

        while shards[0].try_recv().is_ok() {}
        router.tell(vec![(scope("a"), Standing::Live(None))]);
        assert_eq!((received(&mut shards[0]).len(), received(&mut shards[1]).len()), (1, 0));
    }

    #[test]
    fn runs_have_no_gaps_and_are_not_too_large() {
        let large = || {
            let json = Bytes::from(vec![b' '; BATCH_BYTES / 2]);
            Message { json, ..message(0, "") }
        };
        let sizes = |events| runs(events).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes((0..5).map(|_| large()).collect()), [2, 2, 1]);
        assert_eq!(sizes([1, 2, 4, 5, 6, 1, 0, 0].map(|offset| message(offset, "x")).into()), [2, 3, 1, 2]);
    }

    #[tokio::test]
    async fn the_broker_is_left_with_the_last_shard() {
        let Setup { router, .. } = setup(2);
        let mut kinds = vec![];
        for shard in [0, 1] {
            kinds.extend(router.commands_for(Interest::Wanted { shard, scope: scope("a") }));
        }
        for shard in [0, 1] {
            kinds.extend(router.commands_for(Interest::Unwanted { shard, scope: scope("a") }));
        }
        let leaves: Vec<_> = kinds.iter().map(|kind| matches!(kind, Command::Unsubscribe { .. })).collect();
        assert_eq!(leaves, [false, false, true]);
    }

    #[tokio::test]
    async fn what_several_want_is_read_once() {
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let Setup { router, .. } = setup(1);
                let after: Position = "00000000000000aa:3".parse().unwrap();
                let ask = |upto| {
                    let (reply, answer) = oneshot::channel();
                    let read = Interest::Read { scope: scope("a"), after, upto, reply };
                    (router.commands_for(read), answer)
                };
                let (mut asked, first) = ask(Some(5));
                let (not_asked, second) = ask(Some(5));
                let (asked_else, _) = ask(None);
                assert_eq!((asked.len(), not_asked.len(), asked_else.len()), (1, 0, 1));
                let Some(Command::Read(read)) = asked.pop() else { panic!() };
                read.reply.send(Page::Events { head: after.plus(1), events: vec![message(4, "4")] }).unwrap();
                for answer in [first, second] {
                    let Recovered::Events { events: Some(events), .. } = answer.await.unwrap() else {
                        panic!()
                    };
                    assert_eq!(events.last(), Some(after.plus(1)));
                }
                assert_eq!(ask(Some(5)).0.len(), 1, "it is asked anew");
            })
            .await;
    }
}
