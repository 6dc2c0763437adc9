//! Replay and live, joined while events come as fast as they can: no gap, nothing twice, whatever meets.

use crate::event_source::EventSource;
use crate::harness::{Running, TOKEN, options};
use crate::support::RedisServer;
use crate::v1::V1;
use atr_core::config::{BrokerOptions, ServerOptions};
use atr_core::event::Event;
use atr_core::publisher::{Options, Publisher, Target};
use atr_core::retention::{Retention, Retentions};
use atr_core::scope::Scope;
use atr_core::wait::Interrupt;
use serde_json::Value;
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
        if last.is_multiple_of(BURST) {
            std::thread::park_timeout(BREAK);
        }
    }
}

/// A client of one of the protocols that resume, in the scope `a`.
trait Reader: Sized {
    /// Comes from a position, or anew. Also what the welcome says of the scope.
    fn come(running: &Running, from: Option<&str>) -> (Self, Value);

    /// The event with this number must be the next.
    fn expect(&mut self, position: &str, number: u64);
}

impl Reader for V1 {
    fn come(running: &Running, from: Option<&str>) -> (Self, Value) {
        let mut client = running.connect_v1("/in/a");
        let positions: Vec<_> = from.iter().map(|position| ("a", *position)).collect();
        let welcome = client.hello(&positions);
        (client, welcome["scopes"]["a"].clone())
    }

    fn expect(&mut self, position: &str, number: u64) {
        // To the byte, which is also quicker than to parse it.
        let frame = format!(r#"{{"type":"event","scope":"a","position":"{position}","event":{number}}}"#);
        assert_eq!(self.0.text(), frame);
    }
}

impl Reader for EventSource {
    fn come(running: &Running, from: Option<&str>) -> (Self, Value) {
        let header = from.map(|position| format!("Last-Event-ID: {{\"a\":\"{position}\"}}\r\n"));
        let mut source = Self::open(running.address(), "/in/a", &header.unwrap_or_default());
        let welcome = source.welcome();
        (source, welcome["scopes"]["a"].clone())
    }

    fn expect(&mut self, position: &str, number: u64) {
        assert_eq!(self.data(), number.to_string());
        assert_eq!(self.last_id, format!("{{\"a\":\"{position}\"}}"));
    }
}

/// Comes, reads until it has what was published as it came and a little more, and goes, again and again; each time from
/// where it was, or from an older position, or anew.
fn come_and_go<R: Reader>(running: &Running, progress: &Progress, seed: u64) {
    let mut positions: Vec<String> = vec![];
    let begun = Instant::now();
    for turn in (0..).take_while(|turn| *turn < CONNECTS || begun.elapsed() < TIME) {
        let back = ((turn * 31 + seed * 17) % 5) as usize;
        let from = positions.iter().rev().nth(back).cloned();
        let (mut client, state) = R::come(running, from.as_deref());
        assert_eq!(state["recovered"].as_bool(), from.as_ref().map(|_| true), "{state}");
        let mut position = state["position"].as_str().unwrap().to_owned();
        if let Some(from) = from {
            assert_eq!(position, from);
        }
        let enough = progress.published.load(Ordering::Relaxed) + (turn * 13 + seed) % 90;
        while offset(&position) < enough {
            let number = offset(&position) + 1;
            position = format!("{}:{number}", position.split_once(':').unwrap().0);
            client.expect(&position, number);
        }
        positions.push(position);
    }
}

fn offset(position: &str) -> u64 {
    position.split_once(':').unwrap().1.parse().unwrap()
}

fn hammer(running: &Running, target: Target) {
    let progress = Progress::default();
    std::thread::scope(|scope| {
        scope.spawn(|| publish(target, &progress));
        let clients: Vec<_> = (0..THREADS)
            .map(|seed| {
                scope.spawn({
                    let progress = &progress;
                    move || match seed % 2 {
                        0 => come_and_go::<V1>(running, progress, seed),
                        _ => come_and_go::<EventSource>(running, progress, seed),
                    }
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
