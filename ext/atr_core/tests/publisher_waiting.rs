//! The publisher's queue and those who wait for it: bounds, flush, interrupts, its end.

mod support;

use atr_core::Error;
use atr_core::event::Event;
use atr_core::publisher::{Options, Publisher};
use bytes::Bytes;
use std::time::{Duration, Instant};
use support::{
    PATIENCE, RedisServer, Subscriber, TIMING, event, flush, interrupt, json, log_line_blocking, log_to_end,
    options, options_as, publish, publisher, stat,
};

const SHORT: Duration = Duration::from_millis(300);

#[test]
fn what_does_not_fit_is_dropped_counted_and_told() {
    let redis = RedisServer::absent(&[]);
    let publisher = publisher(Options { queue_size: 10, ..options(&redis) });
    assert_eq!(publisher.push((0..7).map(|number| event("a", number)).collect()), 7);
    log_line_blocking(publisher.log(), "connection refused");
    assert_eq!(publisher.push((7..14).map(|number| event("a", number)).collect()), 3);
    assert_eq!((stat(&publisher, "queued"), stat(&publisher, "dropped_full")), (10, 4));
    let line = log_line_blocking(publisher.log(), "4 events were dropped").message;
    assert!(line.contains("queue is full") && line.contains("connection refused"), "{line}");
    let error = publish(&publisher, 15).unwrap_err().to_string();
    assert!(error.contains("the event was not published") && error.contains("full"), "{error}");
}

#[test]
fn the_queue_is_bounded_in_bytes() {
    let redis = RedisServer::absent(&[]);
    let publisher = publisher(Options { queue_bytes: 20_000, ..options(&redis) });
    let large = || Event { json: Bytes::from(vec![b' '; 1000]), ..event("a", 1) };
    let taken = publisher.push((0..100).map(|_| large()).collect());
    assert!((10..20).contains(&taken), "{taken} events of more than 1000 bytes");
}

#[test]
fn an_event_that_no_browser_could_get_is_lost_alone() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = publisher(options(&redis));
    let with_json = |json: &'static [u8]| Event { json: Bytes::from_static(json), ..event("a", 1) };
    assert_eq!(publisher.push(vec![with_json(&[b'x'; 1001]), with_json(b"\"\xff\""), event("a", 2)]), 3);
    assert_eq!(subscriber.json(), json(2));
    flush(&publisher);
    assert_eq!((stat(&publisher, "lost"), stat(&publisher, "published")), (2, 1));
    log_line_blocking(publisher.log(), "has 1001 bytes, and max_event_bytes is 1000");
    let error = publisher.publish(with_json(b"\xff"), PATIENCE, &interrupt()).unwrap_err();
    assert!(error.to_string().contains("not UTF-8"), "{error}");
}

#[test]
fn an_event_that_could_not_be_sent_in_time_is_taken_back() {
    let mut redis = RedisServer::absent(&[]);
    let publisher = publisher(options(&redis));
    let error = publisher.publish(event("a", 1), SHORT, &interrupt()).unwrap_err().to_string();
    assert!(error.contains("the event was not published: it could not be sent within"), "{error}");
    assert!(error.contains("connection refused"), "{error}");
    assert_eq!((stat(&publisher, "queued"), stat(&publisher, "lost")), (0, 1));
    assert_eq!(publisher.push(vec![event("a", 2)]), 1);
    redis.restart();
    flush(&publisher);
    assert_eq!((stat(&publisher, "pushed"), stat(&publisher, "published")), (2, 1));
}

#[test]
fn a_wait_can_be_interrupted_and_taken_up_again() {
    let mut redis = RedisServer::absent(&[]);
    let publisher = publisher(options(&redis));
    let mut receipt = publisher.submit(event("a", 1)).unwrap();
    let interrupt_soon = interrupt();
    std::thread::scope(|scope| {
        scope.spawn(|| interrupt_soon.set());
        assert!(matches!(receipt.wait(PATIENCE, &interrupt_soon), Err(Error::Interrupted)));
    });
    assert!(matches!(publisher.flush(PATIENCE, &interrupt_soon), Err(Error::Interrupted)));
    redis.restart();
    receipt.wait(PATIENCE, &interrupt()).unwrap();
    assert_eq!(stat(&publisher, "published"), 1);
}

#[test]
fn a_wait_that_is_given_up_takes_the_event_back() {
    let redis = RedisServer::absent(&[]);
    let publisher = publisher(options(&redis));
    let interrupted = interrupt();
    interrupted.set();
    assert!(matches!(publisher.publish(event("a", 1), PATIENCE, &interrupted), Err(Error::Interrupted)));
    assert_eq!((stat(&publisher, "queued"), stat(&publisher, "lost")), (0, 1));
}

#[test]
fn flush_waits_for_all_that_was_pushed() {
    let redis = RedisServer::start();
    let publisher = publisher(options(&redis));
    flush(&publisher);
    publisher.push((0..3000).map(|number| event("a", number)).collect());
    flush(&publisher);
    assert_eq!(stat(&publisher, "published"), 3000);
}

#[test]
fn closing_ends_the_thread_in_whatever_state_and_counts_what_waits() {
    let mut redis = RedisServer::start();
    let connected = publisher(options(&redis));
    publish(&connected, 1).unwrap();
    connected.close();
    connected.close();
    assert_eq!(log_to_end(connected.log()), [""; 0]);
    assert_eq!(connected.push(vec![event("a", 2)]), 0);
    assert!(connected.flush(PATIENCE, &interrupt()).unwrap());

    redis.pause();
    let connecting = publisher(options(&redis));
    let mut receipt = connecting.submit(event("a", 1)).unwrap();
    connecting.push((2..5).map(|number| event("a", number)).collect());
    let begun = Instant::now();
    connecting.close();
    let lines = log_to_end(connecting.log());
    assert!(lines.iter().any(|line| line.contains("4 events are lost")), "{lines:?}");
    let error = receipt.wait(PATIENCE, &interrupt()).unwrap_err().to_string();
    assert!(error.contains("publisher was closed"), "{error}");
    assert_eq!((stat(&connecting, "lost"), stat(&connecting, "queued")), (4, 0));
    assert!(begun.elapsed() < TIMING.deadline * 5, "{:?}", begun.elapsed());

    redis.resume();
    redis.kill();
    let waiting = publisher(options(&redis));
    waiting.push(vec![event("a", 1)]);
    log_line_blocking(waiting.log(), "events wait");
    let log = waiting.log().clone();
    drop(waiting);
    log_to_end(&log);
}

#[test]
fn says_which_setting_cannot_be_used() {
    let redis = RedisServer::absent(&[]);
    let target = |url: &str| options_as(url.into(), true).target;
    for (options, setting) in [
        (Options { queue_size: 0, ..options(&redis) }, "publisher_queue_size"),
        (Options { queue_bytes: 999, ..options(&redis) }, "publisher_queue_bytes"),
        (Options { target: target("localhost:6379"), ..options(&redis) }, "redis_url"),
        (Options { target: target("rediss://localhost"), ..options(&redis) }, "redis_url"),
    ] {
        let error = Publisher::new(options).unwrap_err();
        assert!(matches!(&error, Error::Config(message) if message.contains(setting)), "{error}");
    }
}
