//! The Redis broker against a real redis-server.

mod support;

use std::time::{Duration, Instant};
use support::{PATIENCE, RedisServer, TIMING, Wired, eventually, log_line, log_lines, run_local};
use tokio::time::timeout;

fn event(n: usize) -> String {
    format!("{{\"n\":{n}}}")
}

#[test]
fn delivers_each_scope_to_itself() {
    run_local(async {
        let redis = RedisServer::start();
        let mut broker = Wired::redis(&redis.url());
        broker.subscribed("organization.1").await;
        broker.subscribed("").await;
        assert!(broker.reachable.get());

        assert_eq!(redis.publish("atr:{organization.1}", &event(1)), 1);
        assert_eq!(broker.next().await, ("organization.1".into(), event(1)));
        assert_eq!(redis.publish("atr:{-}", &event(2)), 1);
        assert_eq!(broker.next().await, (String::new(), event(2)));
        assert_eq!(redis.publish("atr:{organization.2}", &event(3)), 0);
        assert_eq!(broker.stats.scopes.get(), 2);
        broker.stop().await;
    });
}

#[test]
fn keeps_the_order_and_hands_a_burst_on_in_few_batches() {
    run_local(async {
        let redis = RedisServer::start();
        let mut broker = Wired::redis(&redis.url());
        broker.subscribed("a").await;
        let mut pipe = redis::pipe();
        (0..5000).for_each(|n| _ = pipe.cmd("PUBLISH").arg("atr:{a}").arg(event(n)).ignore());
        pipe.query::<()>(&mut redis.connect()).unwrap();

        let (mut seen, mut batches) = (0, 0);
        while seen < 5000 {
            for (_, message) in broker.next_batch().await {
                assert_eq!(message.json, event(seen).as_bytes());
                seen += 1;
            }
            batches += 1;
        }
        assert!(batches <= 500, "{batches} hand-overs for 5000 messages");
    });
}

#[test]
fn leaves_a_scope_and_joins_it_again() {
    run_local(async {
        let redis = RedisServer::start();
        let mut broker = Wired::redis(&redis.url());
        broker.subscribed("a").await;
        broker.unsubscribe("a").await;
        eventually("nobody is subscribed", || redis.publish("atr:{a}", &event(1)) == 0).await;
        eventually("the counter says so", || broker.stats.scopes.get() == 0).await;
        broker.subscribed("a").await;
        redis.publish("atr:{a}", &event(2));
        while broker.next().await.1 != event(2) {}
    });
}

#[test]
fn many_scopes_at_once() {
    run_local(async {
        let redis = RedisServer::start();
        let mut broker = Wired::redis(&redis.url());
        let mut live = vec![];
        for n in 0..3000 {
            live.push(broker.subscribe(&format!("user.{n}")).await);
        }
        for live in live {
            timeout(PATIENCE, live).await.unwrap().unwrap();
        }
        redis.publish("atr:{user.2999}", &event(1));
        assert_eq!(broker.next().await.0, "user.2999");
        assert_eq!(broker.stats.scopes.get(), 3000);
    });
}

#[test]
fn subscribes_everything_again_after_a_crash() {
    run_local(async {
        let mut redis = RedisServer::start();
        let mut broker = Wired::redis(&redis.url());
        for n in 0..1500 {
            broker.subscribe(&format!("user.{n}")).await;
        }
        broker.subscribed("user.0").await;
        log_line(&broker.log, "connected to").await;
        redis.kill();
        log_line(&broker.log, "lost Redis at 127.0.0.1").await;
        assert!(!broker.reachable.get());
        assert_eq!(broker.stats.scopes.get(), 0);
        assert!(broker.subscribe("late").await.await.is_err(), "nobody waits for a Redis that is away");

        redis.restart();
        log_line(&broker.log, "is back: 1501 scopes subscribed again").await;
        assert!(broker.reachable.get());
        assert_eq!(broker.stats.broker_reconnects.get(), 1);
        for scope in ["user.0", "user.1499", "late"] {
            assert_eq!(redis.publish(&format!("atr:{{{scope}}}"), &event(1)), 1, "{scope}");
            assert_eq!(broker.next().await.0, scope);
        }
    });
}

#[test]
fn tells_an_outage_once() {
    run_local(async {
        let mut redis = RedisServer::start();
        let broker = Wired::redis(&redis.url());
        broker.subscribed("a").await;
        log_line(&broker.log, "connected to Redis at").await;
        redis.kill();
        log_line(&broker.log, "lost Redis").await;
        log_line(&broker.log, "connection refused").await;
        tokio::time::sleep(TIMING.backoff_cap * 4).await;
        redis.restart();
        let line = log_line(&broker.log, "").await;
        assert!(line.message.contains("is back"), "{line:?}");
    });
}

#[test]
fn notices_a_redis_that_is_stopped() {
    run_local(async {
        let redis = RedisServer::start();
        let mut broker = Wired::redis(&redis.url());
        broker.subscribed("a").await;
        redis.pause();
        let paused = Instant::now();
        let line = log_line(&broker.log, "lost Redis").await;
        assert!(line.message.contains("no answer within 0.6 s"), "{line:?}");
        assert!(paused.elapsed() < TIMING.ping_interval + TIMING.deadline + Duration::from_secs(2));

        redis.resume();
        log_line(&broker.log, "is back:").await;
        redis.publish("atr:{a}", &event(1));
        assert_eq!(broker.next().await.1, event(1));
    });
}

#[test]
fn a_subscription_that_a_stopped_redis_does_not_acknowledge_is_not_live() {
    run_local(async {
        let redis = RedisServer::start();
        let broker = Wired::redis(&redis.url());
        broker.subscribed("a").await;
        redis.pause();
        let live = broker.subscribe("b").await;
        assert!(timeout(PATIENCE, live).await.unwrap().is_err());
        redis.resume();
        log_line(&broker.log, "is back:").await;
        assert_eq!(redis.publish("atr:{b}", &event(1)), 1);
    });
}

#[test]
fn starts_without_a_redis_and_says_so_once() {
    run_local(async {
        let mut redis = RedisServer::absent(&[]);
        let mut broker = Wired::redis(&redis.url());
        let live = broker.subscribe("a").await;
        let line = log_line(&broker.log, "cannot use Redis at 127.0.0.1").await;
        assert!(line.message.contains("connection refused"), "{line:?}");
        assert!(timeout(PATIENCE, live).await.unwrap().is_err());
        tokio::time::sleep(TIMING.backoff_cap * 3).await;
        assert_eq!(log_lines(&broker.log).await, [""; 0]);

        redis.restart();
        log_line(&broker.log, "connected to Redis").await;
        redis.publish("atr:{a}", &event(1));
        assert_eq!(broker.next().await.1, event(1));
        assert_eq!(broker.stats.broker_reconnects.get(), 0);
    });
}

#[test]
fn says_that_redis_asks_for_a_password() {
    run_local(async {
        let redis = RedisServer::start_with(&["--requirepass", "geheim"]);
        for database in ["", "/2"] {
            let broker = Wired::redis(&(redis.url() + database));
            let line = log_line(&broker.log, "").await.message;
            assert!(line.contains("NOAUTH") && line.contains("redis://:password@host"), "{line}");
            assert!(!broker.reachable.get());
        }
    });
}

#[test]
fn says_that_a_password_is_wrong_and_takes_the_right_one() {
    run_local(async {
        let redis = RedisServer::start_with(&["--requirepass", "geheim"]);
        let wrong = Wired::redis(&redis.url_as("", "falsch"));
        let line = log_line(&wrong.log, "WRONGPASS").await;
        assert!(!line.message.contains("falsch"), "{line:?}");
        let right = Wired::redis(&redis.url_as("", "geheim"));
        right.subscribed("a").await;
    });
}

#[test]
fn says_that_its_user_may_not_subscribe() {
    run_local(async {
        let redis = RedisServer::start();
        redis.query::<()>(&["ACL", "SETUSER", "app", "on", ">geheim", "+@all", "resetchannels", "&other:*"]);
        let broker = Wired::redis(&redis.url_as("app", "geheim"));
        broker.subscribe("a").await;
        log_line(&broker.log, "NOPERM").await;
        redis.query::<()>(&["ACL", "SETUSER", "app", "&atr:*"]);
        eventually("it is subscribed", || redis.publish("atr:{a}", &event(1)) == 1).await;
        broker.subscribed("a").await;
    });
}

#[test]
fn databases_are_apart() {
    run_local(async {
        let redis = RedisServer::start();
        let mut broker = Wired::redis(&(redis.url() + "/3"));
        broker.subscribed("a").await;
        assert_eq!(redis.publish("atr:{a}", &event(1)), 0);
        redis.publish("atr:3:{a}", &event(2));
        assert_eq!(broker.next().await.1, event(2));
    });
}

#[test]
fn works_over_a_unix_socket() {
    run_local(async {
        let redis = RedisServer::start();
        let mut broker = Wired::redis(&format!("unix://{}", redis.unix_path()));
        broker.subscribed("a").await;
        redis.publish("atr:{a}", &event(1));
        assert_eq!(broker.next().await.1, event(1));
    });
}

#[test]
fn drops_and_counts_what_is_no_event() {
    run_local(async {
        let redis = RedisServer::start();
        let mut broker = Wired::redis(&redis.url());
        broker.subscribed("a").await;
        let large = format!("\"{}\"", "x".repeat(1000));
        for message in ["", "1 17:3 id post.created - {}", &large] {
            redis.publish("atr:{a}", message);
        }
        redis::cmd("PUBLISH").arg("atr:{a}").arg(b"{\"a\":\"\xff\"}").exec(&mut redis.connect()).unwrap();
        redis.publish("atr:{a}", &event(1));
        assert_eq!(broker.next().await.1, event(1));
        assert_eq!(broker.stats.events_invalid.get(), 4);
        assert_eq!(broker.stats.events_received.get(), 5);
    });
}

#[test]
fn ends_with_its_commands_whatever_it_is_doing() {
    run_local(async {
        let mut redis = RedisServer::start();
        let serving = Wired::redis(&redis.url());
        serving.subscribed("a").await;
        let (reachable, stats) = (serving.reachable.clone(), serving.stats.clone());
        serving.stop().await;
        assert!(!reachable.get());
        assert_eq!(stats.scopes.get(), 0);

        redis.pause();
        Wired::redis(&redis.url()).stop().await;
        redis.resume();
        redis.kill();
        let waiting = Wired::redis(&redis.url());
        log_line(&waiting.log, "cannot use").await;
        waiting.stop().await;
    });
}
