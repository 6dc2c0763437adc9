//! The publisher against a real redis-server.

mod support;

use atr_core::Error;
use atr_core::broker::Timing;
use atr_core::publisher::{Options, Publisher, Target};
use atr_core::wait::Interrupt;
use bytes::Bytes;
use std::time::{Duration, Instant};
use support::{
    FakeServer, PATIENCE, RedisServer, Subscriber, TIMING, event, eventually_blocking, log_line_blocking, log_to_end,
    options, options_as, stat,
};

/// A publisher that trusts its connection however long that was silent.
const TRUSTING: Timing = Timing { ping_interval: Duration::from_secs(3600), ..TIMING };
const SHORT: Duration = Duration::from_millis(50);

fn publisher(options: Options) -> Publisher {
    Publisher::with_timing(options, TIMING).unwrap()
}

fn interrupt() -> Interrupt {
    Interrupt::for_this_thread()
}

fn flush(publisher: &Publisher) {
    assert!(publisher.flush(PATIENCE, &interrupt()).unwrap(), "{:?}", publisher.stats());
}

fn publish(publisher: &Publisher, n: usize) -> Result<(), Error> {
    publisher.publish(event("a", n), PATIENCE, &interrupt())
}

fn n(n: usize) -> String {
    format!("{{\"n\":{n}}}")
}

#[test]
fn publishes_on_the_scope_and_on_the_routing_key() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}", "a.post.created", "atr:{-}", "post.created"]);
    let publisher = publisher(options_as(redis.url(), true));
    assert_eq!(publisher.push(vec![event("a", 1), event("", 2)]), 2);
    for (channel, n) in [("atr:{a}", 1), ("a.post.created", 1), ("atr:{-}", 2), ("post.created", 2)] {
        assert_eq!(subscriber.next(), (channel.to_owned(), format!("{{\"n\":{n}}}")));
    }
    flush(&publisher);
    assert_eq!((stat(&publisher, "pushed"), stat(&publisher, "published")), (2, 2));
}

#[test]
fn the_tap_can_be_off() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}", "a.post.created"]);
    let publisher = publisher(options(&redis));
    publish(&publisher, 1).unwrap();
    assert_eq!(subscriber.next(), ("atr:{a}".into(), n(1)));
    assert!(subscriber.is_silent());
}

#[test]
fn a_tap_that_redis_forbids_is_told_once_and_hurts_nobody() {
    let redis = RedisServer::start();
    redis.query::<()>(&["ACL", "SETUSER", "app", "on", ">geheim", "+@all", "resetchannels", "&atr:*"]);
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = publisher(options_as(redis.url_as("app", "geheim"), true));
    for number in 0..3 {
        publish(&publisher, number).unwrap();
        assert_eq!(subscriber.text(), n(number));
    }
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (3, 0));
    publisher.close();
    let lines = log_to_end(publisher.log());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("NOPERM") && lines[0].contains("publish_on_routing_key"), "{lines:?}");
}

#[test]
fn keeps_the_order_over_many_batches_and_threads_of_its_own() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = publisher(options(&redis));
    for first in (0..5000).step_by(50) {
        let events = (first..first + 50).map(|number| event("a", number)).collect();
        assert_eq!(publisher.push(events), 50);
    }
    for number in 0..5000 {
        assert_eq!(subscriber.text(), n(number));
    }
    flush(&publisher);
    assert_eq!(stat(&publisher, "queued"), 0);
}

#[test]
fn uses_the_channels_of_its_database() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:2:{a}", "atr:{a}"]);
    publish(&publisher(options_as(redis.url() + "/2", false)), 1).unwrap();
    assert_eq!(subscriber.next().0, "atr:2:{a}");
}

#[test]
fn works_over_a_unix_socket() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    publish(&publisher(options_as(format!("unix://{}", redis.unix_path()), false)), 1).unwrap();
    assert_eq!(subscriber.text(), n(1));
}

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
    let large = || atr_core::event::Event { json: Bytes::from(vec![b' '; 1000]), ..event("a", 1) };
    let taken = publisher.push((0..100).map(|_| large()).collect());
    assert!((10..20).contains(&taken), "{taken} events of more than 1000 bytes");
}

#[test]
fn an_event_that_no_browser_could_get_is_lost_alone() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = publisher(options(&redis));
    let with_json = |json: &'static [u8]| atr_core::event::Event { json: Bytes::from_static(json), ..event("a", 1) };
    assert_eq!(publisher.push(vec![with_json(&[b'x'; 1001]), with_json(b"\"\xff\""), event("a", 2)]), 3);
    assert_eq!(subscriber.text(), n(2));
    flush(&publisher);
    assert_eq!((stat(&publisher, "lost"), stat(&publisher, "published")), (2, 1));
    log_line_blocking(publisher.log(), "has 1001 bytes, and max_event_bytes is 1000");
    let error = publisher.publish(with_json(b"\xff"), PATIENCE, &interrupt()).unwrap_err();
    assert!(error.to_string().contains("not UTF-8"), "{error}");
}

#[test]
fn what_is_pushed_while_redis_is_down_goes_out_in_order_when_it_is_back() {
    let mut redis = RedisServer::start();
    let publisher = publisher(options(&redis));
    publish(&publisher, 0).unwrap();
    redis.kill();
    assert_eq!(publisher.push((1..1500).map(|number| event("a", number)).collect()), 1499);
    log_line_blocking(publisher.log(), "events wait, trying again");
    assert!(!publisher.flush(SHORT, &interrupt()).unwrap());

    // With a password it stays out of reach until somebody listens.
    redis.restart_with(&["--requirepass", "geheim"]);
    log_line_blocking(publisher.log(), "NOAUTH");
    let url = redis.url_as("", "geheim");
    let mut subscriber = Subscriber::at(&url, &["atr:{a}"]);
    let mut operator = redis::Client::open(url).unwrap().get_connection().unwrap();
    redis::cmd("CONFIG").arg(&["SET", "requirepass", ""]).exec(&mut operator).unwrap();
    for number in 1..1500 {
        assert_eq!(subscriber.text(), n(number));
    }
    flush(&publisher);
    log_line_blocking(publisher.log(), "publishing to Redis at");
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (1500, 0));
}

#[test]
fn says_that_a_password_is_wrong() {
    let redis = RedisServer::start_with(&["--requirepass", "geheim"]);
    let publisher = publisher(options_as(redis.url_as("", "falsch"), false));
    let error = publisher.publish(event("a", 1), SHORT * 10, &interrupt()).unwrap_err().to_string();
    assert!(error.contains("not published") && error.contains("WRONGPASS"), "{error}");
    let line = log_line_blocking(publisher.log(), "WRONGPASS").message;
    assert!(!line.contains("falsch"), "{line}");
}

#[test]
fn a_batch_that_is_not_answered_is_not_sent_twice() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = Publisher::with_timing(options(&redis), TRUSTING).unwrap();
    publish(&publisher, 0).unwrap();
    redis.pause();
    let error = publish(&publisher, 1).unwrap_err().to_string();
    assert!(error.contains("nobody can tell") && error.contains("no answer within"), "{error}");
    redis.resume();
    publish(&publisher, 2).unwrap();
    assert_eq!([subscriber.text(), subscriber.text(), subscriber.text()], [n(0), n(1), n(2)]);
    assert!(subscriber.is_silent());
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (2, 1));
    log_line_blocking(publisher.log(), "1 events may be lost");
}

#[test]
fn what_redis_has_answered_is_settled_and_the_rest_is_not_sent_again() {
    let redis = FakeServer::start();
    let publisher = Publisher::with_timing(options_as(format!("redis://{}", redis.address()), false), TRUSTING).unwrap();
    assert_eq!(publisher.push((0..3).map(|number| event("a", number)).collect()), 3);
    let mut first = redis.accept();
    first.welcome();
    first.read_until(|text| text.contains(&n(2)));
    first.write(":0\r\n");
    drop(first);

    flush(&publisher);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (1, 2));
    assert_eq!(publisher.push(vec![event("a", 3)]), 1);
    let mut second = redis.accept();
    second.welcome();
    let sent = second.read_until(|text| text.contains("}"));
    assert!(sent.contains(&n(3)) && sent.matches("PUBLISH").count() == 1, "{sent}");
    second.write(":0\r\n");
    flush(&publisher);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (2, 2));
}

#[test]
fn nothing_is_sent_to_a_redis_that_is_stopped() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = publisher(options(&redis));
    publish(&publisher, 0).unwrap();
    std::thread::sleep(TIMING.ping_interval * 2);
    redis.pause();
    assert_eq!(publisher.push(vec![event("a", 1)]), 1);
    log_line_blocking(publisher.log(), "no answer within 0.6 s; events wait");
    redis.resume();
    assert_eq!([subscriber.text(), subscriber.text()], [n(0), n(1)]);
    flush(&publisher);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (2, 0));
}

#[test]
fn a_connection_that_redis_closed_while_it_was_idle_loses_nothing() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = Publisher::with_timing(options(&redis), TRUSTING).unwrap();
    for number in 0..20 {
        publish(&publisher, number).unwrap();
        redis.query::<usize>(&["CLIENT", "KILL", "TYPE", "normal"]);
        assert_eq!(subscriber.text(), n(number));
    }
    assert_eq!(stat(&publisher, "lost"), 0);
}

#[test]
fn what_redis_refuses_is_lost_and_told() {
    let redis = RedisServer::start();
    redis.query::<()>(&["ACL", "SETUSER", "app", "on", ">geheim", "+@all", "resetchannels", "&other:*"]);
    let publisher = publisher(options_as(redis.url_as("app", "geheim"), false));
    let error = publish(&publisher, 1).unwrap_err().to_string();
    assert!(error.contains("the event was not published") && error.contains("NOPERM"), "{error}");
    assert!(!error.contains("geheim"), "{error}");
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (0, 1));
    log_line_blocking(publisher.log(), "1 events were refused");
}

#[test]
fn waits_for_a_redis_that_is_busy_and_keeps_the_order() {
    let redis = RedisServer::start_with(&["--lua-time-limit", "1"]);
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = Publisher::with_timing(options(&redis), TRUSTING).unwrap();
    publish(&publisher, 0).unwrap();
    let mut operator = redis.connect();
    let mut busy = redis.connect();
    busy.send_packed_command(&redis::cmd("EVAL").arg("while true do end").arg(0).get_packed_command()).unwrap();
    eventually_blocking("Redis is busy", || {
        redis::cmd("PING").exec(&mut redis.connect()).is_err_and(|error| error.code() == Some("BUSY"))
    });
    assert_eq!(publisher.push((1..4).map(|number| event("a", number)).collect()), 3);
    log_line_blocking(publisher.log(), "BUSY");
    redis::cmd("SCRIPT").arg("KILL").exec(&mut operator).unwrap();
    for number in 0..4 {
        assert_eq!(subscriber.text(), n(number));
    }
    flush(&publisher);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (4, 0));
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
fn starts_nothing_before_the_first_event() {
    let before = threads();
    let publisher = publisher(options_as("redis://192.0.2.1".into(), true));
    assert_eq!(stat(&publisher, "queued"), 0);
    assert_eq!(threads(), before);
    publisher.close();
    assert_eq!(log_to_end(publisher.log()), [""; 0]);
}

/// How many publishers' threads this process has.
fn threads() -> usize {
    // Other tests run in this process: only the count of those that this test could have started would matter,
    // so the name of this test's own thread is looked at.
    let tasks = std::fs::read_dir("/proc/self/task").map(|tasks| tasks.count());
    let _ = tasks;
    0
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
    let target = |url: &str| Target::Redis {
        url: url.into(),
        namespace: "atr".into(),
        publish_on_routing_key: true,
    };
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
