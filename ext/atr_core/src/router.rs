//! Knows which shards want which scope, and hands them what the broker received.

use crate::broker::{Command, Sink};
use crate::frame::Batch;
use crate::log::Log;
use crate::scope::Scope;
use crate::shard::Parcel;
use crate::stats::Stats;
use bytes::Bytes;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// Frames are joined into one write up to about so many bytes; more gains nothing and delays the first.
const BATCH_BYTES: usize = 256 * 1024;
/// Bytes that may be under way to a shard.
const PARCEL_BYTES_LIMIT: usize = 64 * 1024 * 1024;

/// What a shard says of a scope.
pub(crate) enum Interest {
    /// Its first connection came. `live` is answered, or dropped, when waiting for the broker is over.
    Wanted { shard: usize, scope: Scope, live: oneshot::Sender<()> },
    /// Its last connection left some time ago.
    Unwanted { shard: usize, scope: Scope },
}

/// The way into a shard.
pub(crate) struct Inlet {
    pub(crate) parcels: mpsc::Sender<Parcel>,
    pub(crate) bytes: Arc<AtomicUsize>,
}

/// The table from scopes to shards. It lives on the control thread.
pub(crate) struct Router {
    shards_of: RefCell<HashMap<Scope, Vec<usize>>>,
    inlets: Vec<Inlet>,
    stats: Arc<Stats>,
    log: Log,
}

impl Router {
    pub(crate) fn new(inlets: Vec<Inlet>, stats: Arc<Stats>, log: Log) -> Self {
        Self { shards_of: RefCell::default(), inlets, stats, log }
    }

    /// Follows what the shards want, and has the broker follow.
    pub(crate) async fn follow(
        &self,
        mut interests: mpsc::Receiver<Interest>,
        broker: mpsc::Sender<Command>,
    ) {
        while let Some(interest) = interests.recv().await {
            let command = match interest {
                Interest::Wanted { shard, scope, live } => {
                    self.shards_of.borrow_mut().entry(scope.clone()).or_default().push(shard);
                    // Also when another shard has it: only the broker knows whether the scope is live yet.
                    Some(Command::Subscribe { scope, live })
                }
                Interest::Unwanted { shard, scope } => {
                    self.forget(shard, &scope).then_some(Command::Unsubscribe { scope })
                }
            };
            if let Some(command) = command
                && broker.send(command).await.is_err()
            {
                return;
            }
        }
    }

    /// Whether no shard wants the scope any more.
    fn forget(&self, shard: usize, scope: &Scope) -> bool {
        let mut shards_of = self.shards_of.borrow_mut();
        let Some(shards) = shards_of.get_mut(scope) else { return false };
        shards.retain(|&other| other != shard);
        let unwanted = shards.is_empty();
        if unwanted {
            shards_of.remove(scope);
        }
        unwanted
    }

    fn send(&self, shard: usize, parcel: Parcel) {
        let inlet = &self.inlets[shard];
        let (count, bytes) =
            (parcel.deliveries.iter().map(|(_, batch)| batch.frames() as u64).sum(), parcel.bytes);
        let under_way = inlet.bytes.fetch_add(bytes, Ordering::Relaxed);
        if under_way + bytes <= PARCEL_BYTES_LIMIT && inlet.parcels.try_send(parcel).is_ok() {
            return;
        }
        inlet.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.stats.events_dropped.add(count);
        self.log.warn_repeated("shard", count, |count| {
            format!("{count} events were dropped: more came from the broker than this machine can send")
        });
    }
}

impl Sink for Rc<Router> {
    fn deliver(&self, messages: Vec<(Scope, Bytes)>) {
        let shards_of = self.shards_of.borrow();
        let mut parcels: Vec<_> =
            self.inlets.iter().map(|_| Parcel { deliveries: vec![], bytes: 0 }).collect();
        for (scope, events) in by_scope(messages) {
            let Some(shards) = shards_of.get(&scope) else { continue };
            for events in portions(&events) {
                let batch = Batch::of_texts(events);
                for &shard in shards {
                    parcels[shard].bytes += batch.bytes().len();
                    parcels[shard].deliveries.push((scope.clone(), Arc::clone(&batch)));
                }
            }
        }
        for (shard, parcel) in parcels.into_iter().enumerate() {
            if !parcel.deliveries.is_empty() {
                self.send(shard, parcel);
            }
        }
    }
}

/// Gathers the events of each scope, in their order.
fn by_scope(messages: Vec<(Scope, Bytes)>) -> Vec<(Scope, Vec<Bytes>)> {
    let mut places = HashMap::new();
    let mut gathered: Vec<(Scope, Vec<Bytes>)> = vec![];
    for (scope, event) in messages {
        let place = *places.entry(scope.clone()).or_insert(gathered.len());
        match gathered.get_mut(place) {
            Some((_, events)) => events.push(event),
            None => gathered.push((scope, vec![event])),
        }
    }
    gathered
}

/// Cuts events into runs of about [`BATCH_BYTES`], at least one in each.
fn portions(events: &[Bytes]) -> impl Iterator<Item = &[Bytes]> {
    let mut size = 0;
    events.chunk_by(move |event, _| {
        size += event.len();
        let fits = size < BATCH_BYTES;
        if !fits {
            size = 0;
        }
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn message(name: &str, event: &'static str) -> (Scope, Bytes) {
        (scope(name), Bytes::from_static(event.as_bytes()))
    }

    fn want(router: &Router, shard: usize, name: &str) {
        router.shards_of.borrow_mut().entry(scope(name)).or_default().push(shard);
    }

    fn received(shard: &mut mpsc::Receiver<Parcel>) -> Vec<(String, Vec<u8>)> {
        let parcel = shard.try_recv().map(|parcel| parcel.deliveries).unwrap_or_default();
        parcel.into_iter().map(|(scope, batch)| (scope.as_str().to_owned(), batch.bytes().to_vec())).collect()
    }

    #[test]
    fn a_shard_gets_its_scopes_in_one_parcel_with_one_batch_each() {
        let Setup { router, mut shards, .. } = setup(2);
        want(&router, 0, "a");
        want(&router, 0, "b");
        want(&router, 1, "b");
        router.deliver(vec![message("a", "1"), message("b", "2"), message("c", "3"), message("a", "4")]);
        let b = ("b".to_owned(), b"\x81\x012".to_vec());
        assert_eq!(received(&mut shards[0]), [("a".to_owned(), b"\x81\x011\x81\x014".to_vec()), b.clone()]);
        assert_eq!(received(&mut shards[1]), [b]);
    }

    #[test]
    fn a_shard_that_does_not_keep_up_loses_counted_events_and_no_other_shard_does() {
        let Setup { router, mut shards, stats } = setup(2);
        want(&router, 0, "a");
        want(&router, 1, "a");
        for _ in 0..3 {
            router.deliver(vec![message("a", "1"), message("a", "2")]);
            received(&mut shards[1]);
        }
        assert_eq!(stats.events_dropped.get(), 2);
    }

    #[test]
    fn large_bursts_are_cut_into_portions() {
        let events = vec![Bytes::from(vec![b' '; BATCH_BYTES / 2]); 5];
        let sizes: Vec<_> = portions(&events).map(<[Bytes]>::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
    }

    #[tokio::test]
    async fn the_broker_is_left_with_the_last_shard() {
        let Setup { router, .. } = setup(2);
        let (interests, following) = mpsc::channel(8);
        let (broker, mut commands) = mpsc::channel(8);
        let wanted = |shard| {
            let (live, _) = oneshot::channel();
            Interest::Wanted { shard, scope: scope("a"), live }
        };
        for interest in [wanted(0), wanted(1)] {
            interests.send(interest).await.map_err(drop).unwrap();
        }
        for shard in [0, 1] {
            let interest = Interest::Unwanted { shard, scope: scope("a") };
            interests.send(interest).await.map_err(drop).unwrap();
        }
        drop(interests);
        router.follow(following, broker).await;
        let mut names = vec![];
        while let Ok(command) = commands.try_recv() {
            names.push(matches!(command, Command::Unsubscribe { .. }));
        }
        assert_eq!(names, [false, false, true]);
    }
}
