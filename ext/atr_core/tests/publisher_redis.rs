//! The publisher against a real redis-server: what goes out, and what becomes of it when Redis is not well.

mod support;

use std::time::Duration;
use support::{
    FakeServer, RedisServer, Subscriber, TIMING, event, eventually_blocking, flush, interrupt, json,
    log_line_blocking, log_to_end, options, options_as, publish, publisher, stat, trusting, without_log,
};

const SHORT: Duration = Duration::from_millis(300);

#[test]
fn publishes_on_the_scope_and_on_the_routing_key() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}", "a.post.created", "atr:{-}", "post.created"]);
    let publisher = publisher(options_as(redis.url(), true));
    assert_eq!(publisher.push(vec![event("a", 1), event("", 2)]), 2);
    flush(&publisher);
    for (scope, channel, tap, n) in
        [("a", "atr:{a}", "a.post.created", 1), ("-", "atr:{-}", "post.created", 2)]
    {
        let epoch: String = redis.query(&["HGET", &format!("atr:{{{scope}}}:meta"), "epoch"]);
        let message = format!("1 {epoch}:1 {n} post.created - {{\"n\":{n}}}");
        assert_eq!(subscriber.next(), (channel.to_owned(), message));
        assert_eq!(subscriber.next(), (tap.to_owned(), json(n)));
    }
    assert_eq!((stat(&publisher, "pushed"), stat(&publisher, "published")), (2, 2));
}

#[test]
fn the_tap_can_be_off() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}", "a.post.created"]);
    let publisher = publisher(options(&redis));
    publish(&publisher, 1).unwrap();
    assert_eq!(subscriber.json(), json(1));
    assert!(subscriber.is_silent());
}

#[test]
fn without_a_log_the_scope_gets_the_bare_json() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}", "a.post.created"]);
    let publisher = publisher(without_log(options_as(redis.url(), true)));
    assert_eq!(publish(&publisher, 1).unwrap(), None);
    assert_eq!(subscriber.next(), ("atr:{a}".into(), json(1)));
    assert_eq!(subscriber.next(), ("a.post.created".into(), json(1)));
    assert_eq!(redis.query::<Vec<String>>(&["KEYS", "*"]), [""; 0]);
}

#[test]
fn a_tap_that_redis_forbids_is_told_once_and_hurts_nobody() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = publisher(options_as(redis.url_of_user(&["~atr:*", "resetchannels", "&atr:*"]), true));
    for number in 0..3 {
        publish(&publisher, number).unwrap();
        assert_eq!(subscriber.json(), json(number));
    }
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (3, 0));
    publisher.close();
    let lines = log_to_end(publisher.log());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("channel") && lines[0].contains("publish_on_routing_key"), "{lines:?}");
}

#[test]
fn what_redis_keeps_and_does_not_tell_is_published_and_told_once() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}", "a.post.created"]);
    let rules = ["~atr:*", "resetchannels", "&*.post.created"];
    let publisher = publisher(options_as(redis.url_of_user(&rules), true));
    for number in 0..3 {
        let position = publish(&publisher, number).unwrap().expect("it has a log");
        assert_eq!(position.offset, number as u64 + 1);
        assert_eq!(subscriber.next(), ("a.post.created".into(), json(number)));
    }
    assert_eq!(redis.log("a").len(), 3);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (3, 0));
    publisher.close();
    let lines = log_to_end(publisher.log());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("atr:{a}") && lines[0].contains("when they resume"), "{lines:?}");
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
        assert_eq!(subscriber.json(), json(number));
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
    assert_eq!(subscriber.json(), json(1));
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
        assert_eq!(subscriber.json(), json(number));
    }
    flush(&publisher);
    log_line_blocking(publisher.log(), "publishing to Redis at");
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (1500, 0));
}

#[test]
fn says_that_a_password_is_wrong() {
    let redis = RedisServer::start_with(&["--requirepass", "geheim"]);
    let publisher = publisher(options_as(redis.url_as("", "falsch"), false));
    let error = publisher.publish(event("a", 1), SHORT, &interrupt()).unwrap_err().to_string();
    assert!(error.contains("not published") && error.contains("WRONGPASS"), "{error}");
    let line = log_line_blocking(publisher.log(), "WRONGPASS").message;
    assert!(!line.contains("falsch"), "{line}");
}

#[test]
fn without_a_log_a_batch_that_is_not_answered_is_not_sent_twice() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = trusting(without_log(options(&redis)));
    publish(&publisher, 0).unwrap();
    redis.pause();
    let error = publish(&publisher, 1).unwrap_err().to_string();
    assert!(error.contains("nobody can tell") && error.contains("no answer within"), "{error}");
    redis.resume();
    publish(&publisher, 2).unwrap();
    assert_eq!([subscriber.json(), subscriber.json(), subscriber.json()], [json(0), json(1), json(2)]);
    assert!(subscriber.is_silent());
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (2, 1));
    log_line_blocking(publisher.log(), "1 events may be lost");
}

#[test]
fn without_a_log_what_redis_has_answered_is_settled_and_the_rest_is_not_sent_again() {
    let redis = FakeServer::start();
    let publisher = trusting(without_log(options_as(format!("redis://{}", redis.address()), false)));
    assert_eq!(publisher.push((0..3).map(|number| event("a", number)).collect()), 3);
    let mut first = redis.accept();
    first.welcome();
    first.read_until(|text| text.contains(&json(2)));
    first.write(":0\r\n");
    drop(first);

    flush(&publisher);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (1, 2));
    assert_eq!(publisher.push(vec![event("a", 3)]), 1);
    let mut second = redis.accept();
    second.welcome();
    let sent = second.read_until(|text| text.contains("}"));
    assert!(sent.contains(&json(3)) && sent.matches("PUBLISH").count() == 1, "{sent}");
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
    assert_eq!([subscriber.json(), subscriber.json()], [json(0), json(1)]);
    flush(&publisher);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (2, 0));
}

#[test]
fn a_connection_that_redis_closed_while_it_was_idle_loses_nothing() {
    let redis = RedisServer::start();
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = trusting(options(&redis));
    for number in 0..20 {
        publish(&publisher, number).unwrap();
        redis.query::<usize>(&["CLIENT", "KILL", "TYPE", "normal"]);
        assert_eq!(subscriber.json(), json(number));
    }
    assert_eq!(stat(&publisher, "lost"), 0);
}

#[test]
fn what_redis_refuses_is_lost_and_told() {
    let redis = RedisServer::start();
    let url = redis.url_of_user(&["~other:*", "resetchannels", "&other:*"]);
    for options in [options_as(url.clone(), false), without_log(options_as(url.clone(), false))] {
        let publisher = publisher(options);
        let error = publish(&publisher, 1).unwrap_err().to_string();
        assert!(error.contains("the event was not published") && error.contains("NOPERM"), "{error}");
        assert!(!error.contains("geheim"), "{error}");
        assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (0, 1));
        log_line_blocking(publisher.log(), "1 events were refused");
    }
    assert_eq!(redis.query::<Vec<String>>(&["KEYS", "*"]), [""; 0]);
}

#[test]
fn waits_for_a_redis_that_is_busy_and_keeps_the_order() {
    let redis = RedisServer::start_with(&["--lua-time-limit", "1"]);
    let mut subscriber = Subscriber::new(&redis, &["atr:{a}"]);
    let publisher = trusting(options(&redis));
    publish(&publisher, 0).unwrap();
    let mut operator = redis.connect();
    let mut busy = redis.connect();
    busy.send_packed_command(&redis::cmd("EVAL").arg("while true do end").arg(0).get_packed_command())
        .unwrap();
    eventually_blocking("Redis is busy", || {
        redis::cmd("PING").exec(&mut redis.connect()).is_err_and(|error| error.code() == Some("BUSY"))
    });
    assert_eq!(publisher.push((1..4).map(|number| event("a", number)).collect()), 3);
    log_line_blocking(publisher.log(), "BUSY");
    redis::cmd("SCRIPT").arg("KILL").exec(&mut operator).unwrap();
    for number in 0..4 {
        assert_eq!(subscriber.json(), json(number));
    }
    flush(&publisher);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (4, 0));
}
