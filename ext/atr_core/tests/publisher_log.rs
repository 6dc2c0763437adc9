//! The publisher and the logs in Redis: positions, and that an event is one event whatever happens on its way.

#![allow(clippy::unwrap_used, reason = "clippy takes only #[test] functions for tests")]

mod support;

use atr_core::event::Event;
use atr_core::pattern::Pattern;
use atr_core::position::Position;
use atr_core::publisher::{Options, Publisher};
use atr_core::retention::{Retention, Retentions};
use atr_core::scope::Scope;
use bytes::Bytes;
use std::time::{Duration, Instant};
use support::{
    FakeServer, PATIENCE, Proxy, RedisServer, Subscriber, event, eventually_blocking, flush, interrupt, json,
    log_line_blocking, log_lines_blocking, log_to_end, options, options_as, publish, publisher, stat,
    trusting, without_log,
};

const SHORT: Duration = Duration::from_millis(300);

/// The same with logs of this size.
fn keeping(size: u32, options: Options) -> Options {
    Options { retentions: Retentions::all(Retention { size, ttl: Duration::from_secs(300) }), ..options }
}

fn events(numbers: std::ops::Range<usize>) -> Vec<Event> {
    numbers.map(|number| event("a", number)).collect()
}

fn positions(publisher: &Publisher, scopes: &[&str]) -> atr_core::Result<Vec<Option<Position>>> {
    let scopes: Vec<_> = scopes.iter().map(|scope| Scope::new(scope).unwrap()).collect();
    publisher.positions(&scopes, PATIENCE, &interrupt())
}

/// Checks that the log of the scope `a` has these events, in this order and each of them once.
fn assert_log(redis: &RedisServer, numbers: impl Iterator<Item = usize>) {
    let jsons: Vec<_> = redis.log("a").into_iter().map(|(_, _, json)| json).collect();
    assert_eq!(jsons, numbers.map(json).collect::<Vec<_>>());
}

#[test]
fn an_event_is_answered_with_its_position() {
    let redis = RedisServer::start();
    let publisher = publisher(options(&redis));
    let first = publish(&publisher, 1).unwrap().unwrap();
    assert_eq!(first.offset, 1);
    assert_eq!(publish(&publisher, 2).unwrap(), Some(first.plus(1)));
    let other = publisher.publish(event("b", 3), PATIENCE, &interrupt()).unwrap().unwrap();
    assert_eq!(other.offset, 1);
    assert_ne!(other.epoch, first.epoch);
    assert_eq!(redis.log("a"), [(1, "1".into(), json(1)), (2, "2".into(), json(2))]);
}

#[test]
fn positions_are_those_after_the_last_events() {
    let redis = RedisServer::start();
    let publisher = publisher(options(&redis));
    let last = publish(&publisher, 1).unwrap();
    let found = positions(&publisher, &["", "a", "b"]).unwrap();
    assert_eq!(found[1], last);
    let (unscoped, other) = (found[0].unwrap(), found[2].unwrap());
    assert_eq!((unscoped.offset, other.offset), (0, 0));
    assert_eq!(positions(&publisher, &["b", "", "a"]).unwrap(), [Some(other), Some(unscoped), last]);
    let first = publisher.publish(event("b", 2), PATIENCE, &interrupt()).unwrap();
    assert_eq!(first, Some(other.plus(1)), "the log was there before its first event");
    assert_eq!(positions(&publisher, &[]).unwrap(), []);
}

#[test]
fn a_scope_without_a_log_has_no_position() {
    let redis = RedisServer::start();
    let mut options = options(&redis);
    options.retentions.kinds.push((Pattern::new("quiet.*").unwrap(), Retention::NONE));
    let publisher = publisher(options);
    let found = positions(&publisher, &["quiet.1", "a", "quiet.2"]).unwrap();
    assert_eq!((found[0], found[1].unwrap().offset, found[2]), (None, 0, None));
    let mut subscriber = Subscriber::new(&redis, &["atr:{quiet.1}"]);
    assert_eq!(publisher.publish(event("quiet.1", 1), PATIENCE, &interrupt()).unwrap(), None);
    assert_eq!(subscriber.text(), json(1));
    assert_eq!(redis.query::<Vec<String>>(&["KEYS", "*quiet*"]), [""; 0]);

    let away = RedisServer::absent(&[]);
    let unlogged = support::publisher(without_log(support::options(&away)));
    assert_eq!(positions(&unlogged, &["a", "b"]).unwrap(), [None, None], "nobody is asked");
}

#[test]
fn a_log_has_the_length_and_the_life_of_its_kind_of_scope() {
    let redis = RedisServer::start();
    let publisher = publisher(keeping(10, options(&redis)));
    publisher.push(events(0..500));
    flush(&publisher);
    assert!((10..=200).contains(&redis.query::<usize>(&["XLEN", "atr:{a}:log"])));
    let left: i64 = redis.query(&["PTTL", "atr:{a}:log"]);
    assert!((200_000..=300_000).contains(&left), "{left} ms");
    let remembered: i64 = redis.query(&["TTL", "atr:{a}:meta"]);
    assert!(remembered > 80_000, "{remembered} s");
}

#[test]
fn scripts_that_are_flushed_are_loaded_again_and_the_order_is_kept() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = publisher(keeping(10_000, options(&redis)));
    publish(&publisher, 0).unwrap();
    redis.query::<()>(&["SCRIPT", "FLUSH"]);
    assert_eq!(positions(&publisher, &["a"]).unwrap()[0].unwrap().offset, 1);
    redis.query::<()>(&["SCRIPT", "FLUSH"]);
    publisher.push(events(1..10));
    flush(&publisher);
    assert_eq!(log_lines_blocking(publisher.log()), [""; 0], "nothing to tell");
    publisher.push(events(10..2000));
    // Some of these come in the middle of a batch.
    for _ in 0..50 {
        redis.query::<()>(&["SCRIPT", "FLUSH"]);
    }
    for number in 0..2000 {
        assert_eq!(subscriber.json(), json(number));
    }
    flush(&publisher);
    assert_log(&redis, 0..2000);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (2000, 0));
}

#[test]
fn an_event_whose_answer_is_lost_is_one_event_and_keeps_its_position() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port());
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = trusting(options_as(proxy.url(), false));
    let before = publish(&publisher, 0).unwrap().unwrap();
    assert_eq!(subscriber.json(), json(0));
    proxy.lose_answers();
    let mut receipt = publisher.submit(event("a", 1)).unwrap();
    assert_eq!(subscriber.json(), json(1));
    redis.query::<()>(&["PING"]);
    proxy.cut();
    assert_eq!(receipt.wait(PATIENCE, &interrupt()).unwrap(), Some(before.plus(1)));
    assert_eq!(publish(&publisher, 2).unwrap(), Some(before.plus(2)));
    assert_eq!(subscriber.json(), json(2));
    assert!(subscriber.is_silent());
    assert_log(&redis, 0..3);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (3, 0));
    log_line_blocking(publisher.log(), "events wait, trying again");
    log_line_blocking(publisher.log(), "publishing to Redis at");
}

#[test]
fn of_a_batch_that_arrived_in_part_the_rest_is_sent_again() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port());
    let publisher = trusting(options_as(proxy.url(), false));
    // So much of the batch arrives, and no answer.
    for (round, bytes) in [0, 1, 500, 1500, 2500, 4000].into_iter().enumerate() {
        let first = round * 20;
        publish(&publisher, first).unwrap();
        proxy.lose_after(bytes);
        proxy.lose_answers();
        publisher.push(events(first + 1..first + 20));
        // A later one waits behind it.
        publisher.push(vec![event("b", first)]);
        log_line_blocking(publisher.log(), "no answer within");
        proxy.cut();
        flush(&publisher);
    }
    assert_log(&redis, 0..120);
    assert_eq!(redis.log("b").len(), 6);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (126, 0));
}

#[test]
fn a_redis_that_hung_in_the_middle_of_a_batch_has_every_event_once() {
    let redis = RedisServer::start();
    let large = |number| Event {
        json: Bytes::from(format!("{{\"n\":{number},\"text\":\"{}\"}}", "x".repeat(5000))),
        ..event("a", number)
    };
    let options = Options { max_event_bytes: 10_000, ..keeping(10_000, options(&redis)) };
    let publisher = trusting(options);
    publish(&publisher, 0).unwrap();
    redis.pause();
    publisher.push((1..400).map(large).collect());
    log_line_blocking(publisher.log(), "no answer within");
    redis.resume();
    flush(&publisher);
    let ids: Vec<_> = redis.log("a").into_iter().map(|(_, id, _)| id).collect();
    assert_eq!(ids, (0..400).map(|number| format!("{number:x}")).collect::<Vec<_>>());
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (400, 0));
}

#[test]
fn an_event_is_one_event_even_if_the_log_has_it_no_more() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port());
    let publisher = trusting(keeping(1, options_as(proxy.url(), false)));
    let first = publish(&publisher, 0).unwrap().unwrap();
    proxy.lose_answers();
    let mut receipt = publisher.submit(event("a", 1)).unwrap();
    eventually_blocking("it arrives", || redis.log("a").len() == 2);
    let other = support::publisher(keeping(1, options(&redis)));
    other.push(events(1000..1500));
    flush(&other);
    assert!(redis.log("a").iter().all(|(offset, ..)| *offset > 2));
    proxy.cut();
    assert_eq!(receipt.wait(PATIENCE, &interrupt()).unwrap(), Some(first.plus(1)));
    assert_eq!(publish(&publisher, 2).unwrap(), Some(first.plus(502)));
}

#[test]
fn a_scope_with_very_many_publishers_remembers_some_of_them() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port());
    let patient = trusting(options_as(proxy.url(), false));
    publish(&patient, 0).unwrap();
    proxy.lose_answers();
    let mut receipt = patient.submit(event("a", 1)).unwrap();
    eventually_blocking("it arrives", || redis.log("a").len() == 2);
    for number in 0..50 {
        publish(&publisher(options(&redis)), number + 1000).unwrap();
        assert!(redis.query::<usize>(&["HLEN", "atr:{a}:meta"]) <= 36);
    }
    proxy.cut();
    assert_eq!(receipt.wait(PATIENCE, &interrupt()).unwrap().unwrap().offset, 2, "found by its id");
    assert_eq!(redis.log("a").len(), 52);
}

#[test]
fn what_was_on_its_way_for_long_does_not_come_after_its_retry() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port());
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = trusting(options_as(proxy.url(), false));
    publish(&publisher, 0).unwrap();
    proxy.delay();
    publisher.push(events(1..20));
    flush(&publisher);
    proxy.deliver_delayed();
    publish(&publisher, 20).unwrap();
    for number in 0..=20 {
        assert_eq!(subscriber.json(), json(number));
    }
    assert!(subscriber.is_silent());
    assert_log(&redis, 0..21);
}

#[test]
fn nothing_is_lost_or_doubled_when_redis_is_killed_in_the_middle() {
    let mut redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let publisher = publisher(keeping(20_000, options(&redis)));
    let mut positions = vec![];
    for round in 0..4 {
        let first = round * 1000;
        publisher.push(events(first..first + 999));
        let mut receipt = publisher.submit(event("a", first + 999)).unwrap();
        eventually_blocking("it is in the middle", || stat(&publisher, "published") > first as u64);
        redis.kill();
        redis.restart();
        positions.push(receipt.wait(PATIENCE, &interrupt()).unwrap().unwrap());
    }
    flush(&publisher);
    assert_log(&redis, 0..4000);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (4000, 0));
    let offsets: Vec<_> = positions.iter().map(|position| position.offset).collect();
    assert_eq!(offsets, [1000, 2000, 3000, 4000]);
}

#[test]
fn who_waits_for_an_event_that_may_have_arrived_is_told_so_and_it_is_sent_again() {
    let redis = RedisServer::start();
    let publisher = trusting(options(&redis));
    publish(&publisher, 0).unwrap();
    redis.pause();
    let soon = Duration::from_secs(1);
    let error = publisher.publish(event("a", 1), soon, &interrupt()).unwrap_err().to_string();
    assert!(error.contains("nobody can tell") && error.contains("no answer within"), "{error}");
    assert_eq!((stat(&publisher, "queued"), stat(&publisher, "lost")), (1, 0), "it was not taken back");
    redis.resume();
    flush(&publisher);
    assert_log(&redis, 0..2);
    log_line_blocking(publisher.log(), "publishing to Redis at");

    redis.pause();
    let mut receipt = publisher.submit(event("a", 2)).unwrap();
    log_line_blocking(publisher.log(), "no answer within");
    publisher.close();
    let error = receipt.wait(PATIENCE, &interrupt()).unwrap_err().to_string();
    assert!(error.contains("nobody can tell") && error.contains("publisher was closed"), "{error}");
    assert!(log_to_end(publisher.log()).iter().any(|line| line.contains("1 events may be lost")));
}

#[test]
fn a_redis_without_memory_refuses_and_nothing_is_half_done() {
    let redis = RedisServer::start();
    let publisher = publisher(options(&redis));
    let last = publish(&publisher, 0).unwrap();
    redis.query::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = publish(&publisher, 1).unwrap_err().to_string();
    assert!(error.contains("the event was not published") && error.contains("OOM"), "{error}");
    log_line_blocking(publisher.log(), "1 events were refused");
    redis.query::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(positions(&publisher, &["a"]).unwrap(), [last]);
    assert_eq!(publish(&publisher, 2).unwrap(), last.map(|last| last.plus(1)));
    assert_log(&redis, [0, 2].into_iter());
}

#[test]
fn events_wait_for_a_redis_that_is_read_only_and_positions_do_not() {
    let redis = RedisServer::start();
    let publisher = publisher(options(&redis));
    let last = publish(&publisher, 0).unwrap();
    redis.query::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    publisher.push(events(1..4));
    log_line_blocking(publisher.log(), "READONLY");
    assert!(!publisher.flush(SHORT, &interrupt()).unwrap());
    for _ in 0..100 {
        assert_eq!(positions(&publisher, &["a"]).unwrap(), [last]);
    }
    assert_eq!(log_lines_blocking(publisher.log()), [""; 0], "it is not there again yet");
    redis.query::<()>(&["REPLICAOF", "NO", "ONE"]);
    flush(&publisher);
    assert_log(&redis, 0..4);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (4, 0));
}

#[test]
fn positions_of_a_redis_that_is_away_are_not_waited_for_twice() {
    let mut redis = RedisServer::absent(&[]);
    let publisher = publisher(options(&redis));
    let begun = Instant::now();
    for _ in 0..10 {
        let error = positions(&publisher, &["a"]).unwrap_err().to_string();
        assert!(error.contains("positions are not known") && error.contains("connection refused"), "{error}");
    }
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
    redis.restart();
    eventually_blocking("it is there again", || positions(&publisher, &["a"]).is_ok());

    std::thread::sleep(support::TIMING.ping_interval * 2);
    redis.pause();
    let scopes = [Scope::new("a").unwrap()];
    let error = publisher.positions(&scopes, SHORT, &interrupt()).unwrap_err().to_string();
    assert!(error.contains("no answer within 0.3 s"), "{error}");
    publisher.push(events(0..1));
    log_line_blocking(publisher.log(), "no answer within");
    let begun = Instant::now();
    for _ in 0..50 {
        positions(&publisher, &["a"]).unwrap_err();
    }
    assert!(begun.elapsed() < support::TIMING.deadline * 5, "{:?}", begun.elapsed());
    redis.resume();
    flush(&publisher);
    assert_eq!(positions(&publisher, &["a"]).unwrap()[0].unwrap().offset, 1);
}

#[test]
fn a_question_can_be_interrupted_and_ends_with_the_publisher() {
    let redis = RedisServer::start();
    redis.pause();
    let publisher = trusting(options(&redis));
    let scopes = [Scope::new("a").unwrap()];
    let interrupted = interrupt();
    interrupted.set();
    let error = publisher.positions(&scopes, PATIENCE, &interrupted).unwrap_err();
    assert!(matches!(error, atr_core::Error::Interrupted));
    publisher.close();
    let error = publisher.positions(&scopes, PATIENCE, &interrupt()).unwrap_err().to_string();
    assert!(error.contains("closed"), "{error}");
}

#[test]
fn a_redis_that_says_little_of_itself_is_used_all_the_same() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port());
    redis.url_of_user(&["~*", "&*", "-@dangerous"]);
    let url = proxy.url().replace("redis://", "redis://app:geheim@");
    let publisher = trusting(options_as(url, false));
    let first = publish(&publisher, 0).unwrap();
    log_line_blocking(publisher.log(), "does not say which process it is");
    proxy.lose_answers();
    let mut receipt = publisher.submit(event("a", 1)).unwrap();
    eventually_blocking("it arrives", || redis.log("a").len() == 2);
    proxy.cut();
    assert_eq!(receipt.wait(PATIENCE, &interrupt()).unwrap(), first.map(|first| first.plus(1)));
    assert_log(&redis, 0..2);
}

#[test]
fn says_that_a_redis_is_too_old() {
    let redis = FakeServer::start();
    let publisher = trusting(options_as(format!("redis://{}", redis.address()), false));
    publisher.push(vec![event("a", 1)]);
    let mut connection = redis.accept();
    connection.welcome();
    connection.read_until(|text| text.contains("INFO"));
    let info = "# Server\r\nredis_version:6.0.16\r\n";
    connection.write(&format!("${}\r\n{info}\r\n", info.len()));
    let line = log_line_blocking(publisher.log(), "6.0.16").message;
    assert!(line.contains("6.2 or later") && line.contains("events wait"), "{line}");
}

#[test]
fn an_event_that_would_break_the_message_of_its_scope_is_lost_alone() {
    let redis = RedisServer::start();
    let publisher = publisher(options(&redis));
    let ill = [
        Event { id: "1 2".into(), ..event("a", 1) },
        Event { id: String::new(), ..event("a", 1) },
        Event { name: "post created".into(), ..event("a", 1) },
    ];
    for event in ill {
        assert_eq!(publisher.push(vec![event]), 1);
    }
    assert_eq!(publish(&publisher, 2).unwrap().unwrap().offset, 1);
    assert_eq!((stat(&publisher, "lost"), stat(&publisher, "published")), (3, 1));
    log_line_blocking(publisher.log(), "its name or its id");
}
