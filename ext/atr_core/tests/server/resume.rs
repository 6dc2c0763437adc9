//! Replay and live, joined while events come as fast as they can: no gap, nothing twice, whatever meets.

use crate::harness::{Running, TOKEN, options};
use crate::support::RedisServer;
use crate::v1::V1;
use atr_core::config::{BrokerOptions, ServerOptions};
use atr_core::event::Event;
use atr_core::publisher::{Options, Publisher, Target};
use atr_core::retention::{Retention, Retentions};
use atr_core::scope::Scope;
use atr_core::wait::Interrupt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const THREADS: u64 = 8;
const BURST: u64 = 90;
const BREAK: Duration = Duration::from_millis(50);
/// Each comes so often at least, and goes on for so long: some thousand times on a machine that does nothing else.
const CONNECTS: u64 = 10;
const TIME: Duration = Duration::from_secs(4);
/// Events that are pushed together: few, so that many batches come while somebody catches up.
const PUSHED: u64 = 3;
/// More than is published while a client reads, so that nothing has to be reset.
const KEPT: Retention = Retention { size: 1_000_000, ttl: Duration::from_secs(300) };

fn running(broker: BrokerOptions) -> Running {
    Running::start(ServerOptions { broker, retentions: Retentions::all(KEPT), ..options() })
}

fn memory(running: &Running) -> Target {
    let admin_url = format!("http://{}", running.server.admin_address().unwrap());
    Target::Memory { admin_url, admin_token: TOKEN.into() }
}

/// What the threads of a test share.
#[derive(Default)]
struct Progress {
    published: AtomicU64,
    is_over: AtomicBool,
}

/// Publishes 1, 2, 3 … until it is over.
fn publish(target: Target, progress: &Progress) {
    let retentions = Retentions::all(KEPT);
    let options =
        Options { target, retentions, queue_size: 10_000, queue_bytes: 1 << 26, max_event_bytes: 1 << 20 };
    let publisher = Publisher::new(options).unwrap();
    while !progress.is_over.load(Ordering::Relaxed) {
        let last = progress.published.fetch_add(PUSHED, Ordering::Relaxed);
        let events = (last + 1..=last + PUSHED).map(|number| Event {
            id: number.to_string(),
            scope: Scope::new("a").unwrap(),
            name: "n".into(),
            routing_key: "a.n".into(),
            json: number.to_string().into(),
        });
        assert_eq!(publisher.push(events.collect()), PUSHED as usize);
        assert!(publisher.flush(Duration::from_secs(10), &Interrupt::for_this_thread()).unwrap());
        // Bursts at full speed; a server that is not optimized could not follow for ever.
        if last % BURST == 0 {
            std::thread::park_timeout(BREAK);
        }
    }
}

/// Comes, reads until it has what was published as it came and a little more, and goes, again and again; each time from
/// where it was, or from an older position, or anew.
fn come_and_go(running: &Running, progress: &Progress, seed: u64) {
    let mut positions: Vec<String> = vec![];
    let begun = Instant::now();
    for turn in (0..).take_while(|turn| *turn < CONNECTS || begun.elapsed() < TIME) {
        let mut client = running.connect_v1("/in/a");
        let back = ((turn * 31 + seed * 17) % 5) as usize;
        let from = positions.iter().rev().nth(back).cloned();
        let welcome = match &from {
            Some(position) => client.hello(&[("a", position)]),
            None => client.hello(&[]),
        };
        let state = &welcome["scopes"]["a"];
        assert_eq!(state["recovered"].as_bool(), from.as_ref().map(|_| true), "{welcome}");
        let mut position = state["position"].as_str().unwrap().to_owned();
        if let Some(from) = from {
            assert_eq!(position, from);
        }
        let enough = progress.published.load(Ordering::Relaxed) + (turn * 13 + seed) % 90;
        while offset(&position) < enough {
            position = next(&mut client, &position);
        }
        positions.push(position);
    }
}

fn offset(position: &str) -> u64 {
    position.split_once(':').unwrap().1.parse().unwrap()
}

/// The event behind a position.
fn next(client: &mut V1, position: &str) -> String {
    let (epoch, wanted) = (position.split_once(':').unwrap().0, offset(position) + 1);
    let next = format!("{epoch}:{wanted}");
    // To the byte, which is also quicker than to parse it.
    let frame = format!(r#"{{"type":"event","scope":"a","position":"{next}","event":{wanted}}}"#);
    assert_eq!(client.0.text(), frame);
    next
}

fn hammer(running: &Running, target: Target) {
    let progress = Progress::default();
    std::thread::scope(|scope| {
        scope.spawn(|| publish(target, &progress));
        let clients: Vec<_> = (0..THREADS)
            .map(|seed| {
                scope.spawn({
                    let progress = &progress;
                    move || come_and_go(running, progress, seed)
                })
            })
            .collect();
        let ended: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        progress.is_over.store(true, Ordering::Relaxed);
        ended.into_iter().for_each(|end| end.unwrap());
    });
    assert_eq!((running.stat("resets"), running.stat("slow_clients")), (0, 0));
}

#[test]
fn the_join_is_exact_under_full_speed_with_the_memory_broker() {
    let running = running(BrokerOptions::Memory { log_bytes: 1 << 30 });
    hammer(&running, memory(&running));
}

#[test]
fn the_join_is_exact_under_full_speed_with_redis() {
    let redis = RedisServer::start();
    let (url, namespace) = (redis.url(), "atr".to_owned());
    let running = running(BrokerOptions::Redis { url: url.clone(), namespace: namespace.clone() });
    let target = Target::Redis { url, namespace, publish_on_routing_key: false };
    hammer(&running, target);
}
