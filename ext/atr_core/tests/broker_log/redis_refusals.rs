//! Redis does not do what it is asked: it is not allowed, has no memory, may not write, or has no time.

use super::support::{
    PATIENCE, PATIENT, RedisLog, RedisServer, Stage, Wired, eventually, log_line, numbered, run_local,
};
use super::{at, keep};
use atr_core::broker::Page;
use atr_core::retention::Retention;
use redis::{Client, Connection};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const RETENTION: Retention = Retention { size: 100, ttl: Duration::from_secs(300) };
/// A primary that does not wait for more replicas.
const AT_ONCE: [&str; 2] = ["--repl-diskless-sync-delay", "0"];
/// What a user needs at least.
const NEEDED: [&str; 23] = [
    "resetchannels",
    "&atr:*",
    "~atr:*",
    "-@all",
    "+ping",
    "+info",
    "+select",
    "+subscribe",
    "+unsubscribe",
    "+publish",
    "+script|load",
    "+evalsha",
    "+hget",
    "+hmget",
    "+hkeys",
    "+hlen",
    "+hset",
    "+hdel",
    "+del",
    "+xadd",
    "+xrange",
    "+xrevrange",
    "+pexpire",
];

fn allow(redis: &RedisServer, rules: &[&str]) {
    redis.query::<()>(&[&["ACL", "SETUSER", "app", "on", ">geheim"][..], rules].concat());
}

fn as_app(redis: &RedisServer) -> Connection {
    Client::open(redis.url_as("app", "geheim")).unwrap().get_connection().unwrap()
}

/// A broker whose user may do these things.
async fn stage_as_app(rules: &[&str]) -> Stage {
    let redis = RedisServer::start();
    allow(&redis, rules);
    let url = redis.url_as("app", "geheim");
    Stage::redis_at(redis, &url, PATIENT, keep(100)).await
}

#[test]
fn few_commands_are_enough() {
    run_local(async {
        let mut stage = stage_as_app(&NEEDED).await;
        let head = stage.publish("a", 1..=3).await[2];
        assert_eq!(stage.head("a").await, head);
        assert_eq!(stage.recover("a", at(head, 0)).await, Some(vec![1, 2, 3]));
        let mut publisher = RedisLog { tap: true, ..RedisLog::on(as_app(stage.server()), RETENTION) };
        let position = publisher.publish_by_name(&numbered("a", 4));
        assert_eq!(position.unwrap(), head.plus(1));
        assert_eq!(stage.next().await, (head.plus(1), 4));
    });
}

#[test]
fn a_refused_routing_key_costs_nothing_but_the_tap() {
    run_local(async {
        let mut stage = stage_as_app(&NEEDED).await;
        let head = stage.head("a").await;
        let mut publisher = RedisLog { tap: true, ..RedisLog::on(as_app(stage.server()), RETENTION) };
        assert_eq!(publisher.publish_by_name(&numbered("a", 1)).unwrap(), head.plus(1));
        assert_eq!(stage.next().await, (head.plus(1), 1));
        assert_eq!(stage.recover("a", head).await, Some(vec![1]));
    });
}

#[test]
fn a_redis_that_does_not_say_who_it_is_is_told_of_once() {
    run_local(async {
        let rules = [&NEEDED[..], &["-info"]].concat();
        let mut stage = stage_as_app(&rules).await;
        let line = log_line(&stage.broker.log, "does not say which process it is").await.message;
        assert!(line.contains("NOPERM") && line.contains("older data"), "{line}");
        let mut publisher = RedisLog { run: "-".into(), ..stage.log() };
        let start = stage.head("a").await;
        let position = publisher.publish(&numbered("a", 1)).unwrap();
        assert_eq!(position, start.plus(1));

        // Somebody who knows it makes one new epoch, which the others leave alone.
        let known = stage.publish("a", [2]).await[0];
        assert_eq!(known.offset, 2);
        assert_ne!(known.epoch, start.epoch);
        assert_eq!(publisher.publish(&numbered("a", 3)).unwrap(), known.plus(1));
        assert_eq!(stage.publish("a", [4]).await, [known.plus(2)]);
        assert_eq!(stage.recover("a", position).await, Some(vec![2, 3, 4]));

        assert_eq!(stage.server().query::<u64>(&["CLIENT", "KILL", "TYPE", "pubsub"]), 1);
        let stats = stage.broker.stats.clone();
        eventually("it is back", || stats.broker_reconnects.get() == 1).await;
        let lines = super::support::log_lines(&stage.broker.log).await;
        assert!(!lines.iter().any(|line| line.contains("which process")), "{lines:?}");
    });
}

#[test]
fn a_user_that_may_not_run_scripts_is_told_of() {
    run_local(async {
        for forbidden in ["-script", "-@scripting"] {
            let redis = RedisServer::start();
            allow(&redis, &[&NEEDED[..], &[forbidden]].concat());
            let broker = Wired::redis(&redis.url_as("app", "geheim"));
            let line = log_line(&broker.log, "cannot use").await.message;
            assert!(line.contains("NOPERM") && line.contains("the log of events needs that"), "{line}");
            assert!(!broker.reachable.get());
            allow(&redis, &NEEDED);
            eventually("it is there", || broker.reachable.get()).await;
            broker.subscribed("a").await;
        }
    });
}

#[test]
fn without_logs_no_script_is_needed() {
    run_local(async {
        let redis = RedisServer::start();
        allow(
            &redis,
            &["resetchannels", "&atr:*", "-@all", "+ping", "+subscribe", "+unsubscribe", "+publish"],
        );
        let mut broker = Wired::redis_with(&redis.url_as("app", "geheim"), PATIENT, keep(0), 1000);
        assert_eq!(broker.subscribed("a").await, None);
        redis.publish("atr:{a}", r#"{"name":"post.created"}"#);
        assert_eq!(&*broker.next_message().await.1.name, "post.created");
    });
}

#[test]
fn a_user_that_may_not_publish_the_heartbeat_is_told_of() {
    run_local(async {
        let redis = RedisServer::start();
        allow(&redis, &[&NEEDED[..], &["-publish"]].concat());
        let broker = Wired::redis(&redis.url_as("app", "geheim"));
        let line = log_line(&broker.log, "heartbeat").await.message;
        assert!(line.contains("NOPERM"), "{line}");
    });
}

#[test]
fn a_command_that_is_forbidden_in_a_script_costs_the_log_and_not_the_events() {
    run_local(async {
        for (forbidden, head_is_known) in [("-xrange", true), ("-hmget", false), ("-evalsha", false)] {
            let mut stage = stage_as_app(&[&NEEDED[..], &[forbidden]].concat()).await;
            let head = stage.publish("a", 1..=3).await[2];
            assert_eq!(stage.broker.subscribed("a").await, head_is_known.then_some(head), "{forbidden}");
            let page = stage.broker.read("a", at(head, 1), None).await;
            assert_eq!(page, Some(Page::Reset { head: None }), "{forbidden}");
            let line = log_line(&stage.broker.log, "refuses to read the log of events").await.message;
            assert!(line.contains("NOPERM"), "{line}");
            stage.publish("a", [4]).await;
            assert_eq!(stage.next().await, (head.plus(1), 4));
            assert!(stage.broker.reachable.get());
        }
    });
}

#[test]
fn keys_that_are_forbidden_cost_the_log_and_not_the_events() {
    run_local(async {
        let stage = stage_as_app(&[&NEEDED[..], &["resetkeys", "~other:*"]].concat()).await;
        assert_eq!(stage.broker.subscribed("a").await, None);
        log_line(&stage.broker.log, "refuses to read the log of events").await;
    });
}

#[test]
fn without_memory_nothing_is_half_done() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let head = stage.publish("a", 1..=3).await[2];
        let mut log = stage.log();
        stage.server().query::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
        let before = dump(stage.server());
        for scope in ["a", "new"] {
            let error = log.publish(&numbered(scope, 4)).unwrap_err();
            assert!(error.to_string().contains("OOM"), "{error}");
        }
        assert_eq!(dump(stage.server()), before);

        assert_eq!(stage.head("a").await, head);
        assert_eq!(stage.recover("a", at(head, 1)).await, Some(vec![2, 3]));
        assert_eq!(stage.broker.subscribed("new").await, None);
        let line = log_line(&stage.broker.log, "refuses to read the log of events").await.message;
        assert!(line.contains("OOM"), "{line}");
        assert_eq!(dump(stage.server()), before);

        log.run = "another process".into();
        assert!(log.publish(&numbered("a", 4)).is_err());
        assert_eq!(dump(stage.server()), before, "no new epoch either");
        stage.server().query::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(stage.publish("a", [4]).await, [head.plus(1)]);
    });
}

/// All there is in a Redis, but for times.
fn dump(redis: &RedisServer) -> Vec<(String, Vec<u8>)> {
    let mut keys: Vec<String> = redis.query(&["KEYS", "*"]);
    keys.sort();
    keys.into_iter().map(|key| (key.clone(), redis.query(&["DUMP", &key]))).collect()
}

#[test]
fn a_redis_that_cannot_save_takes_no_event_and_can_be_read() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let head = stage.publish("a", 1..=3).await[2];
        let mut log = stage.log();
        let redis = stage.server();
        redis.query::<()>(&["CONFIG", "SET", "save", "3600 1"]);
        redis.lose_directory();
        redis.query::<()>(&["BGSAVE"]);
        eventually("it fails to save", || {
            redis.query::<String>(&["INFO", "persistence"]).contains("rdb_last_bgsave_status:err")
        })
        .await;
        let error = log.publish(&numbered("a", 4)).unwrap_err();
        assert!(error.to_string().contains("MISCONF"), "{error}");
        assert_eq!(stage.recover("a", at(head, 1)).await, Some(vec![2, 3]));
        assert_eq!(stage.head("a").await, head);
    });
}

#[test]
fn a_replica_hands_on_what_comes_and_says_that_it_cannot_keep_the_logs() {
    run_local(async {
        let mut primary = Stage::redis_in(RedisServer::start_with(&AT_ONCE), keep(100)).await;
        let port = primary.server().port().to_string();
        let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port]);
        let head = primary.publish("a", 1..=3).await[2];
        eventually("it follows", || replica.query::<u64>(&["XLEN", "atr:{a}:log"]) == 3).await;
        let mut log = RedisLog::new(&replica, RETENTION);
        let error = log.publish(&numbered("a", 4)).unwrap_err();
        assert!(error.to_string().contains("read only replica"), "{error}");

        let mut stage = Stage::redis_in(replica, keep(100)).await;
        assert_eq!(stage.broker.subscribed("a").await, None, "another process, and it may not note that");
        let line = log_line(&stage.broker.log, "refuses to read the log of events").await.message;
        assert!(line.contains("READONLY"), "{line}");
        primary.publish("a", [4]).await;
        assert_eq!(stage.next().await, (head.plus(1), 4));
    });
}

#[test]
fn a_failover_to_a_replica_is_a_new_epoch_with_a_common_past() {
    run_local(async {
        let mut primary = Stage::redis_in(RedisServer::start_with(&AT_ONCE), keep(100)).await;
        let port = primary.server().port().to_string();
        let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port]);
        let shared = primary.publish("a", 1..=5).await[4];
        eventually("it follows", || replica.query::<u64>(&["XLEN", "atr:{a}:log"]) == 5).await;
        replica.query::<()>(&["REPLICAOF", "NO", "ONE"]);
        let lost = primary.publish("a", 6..=8).await[2];
        primary.server().kill();

        let mut stage = Stage::redis_in(replica, keep(100)).await;
        let head = stage.publish("a", 11..=14).await[3];
        assert_eq!(head.offset, 9);
        assert!(stage.is_reset("a", lost).await, "it had 6 to 8, which nobody else will see");
        assert_eq!(stage.recover("a", shared).await, Some((11..=14).collect()));
    });
}

#[test]
fn a_redis_that_loads_its_data_is_waited_for() {
    run_local(async {
        let mut redis = RedisServer::start_with(&["--rdbcompression", "no"]);
        let mut log = RedisLog::new(&redis, RETENTION);
        let head = log.publish(&numbered("a", 1)).unwrap();
        let mut pipe = redis::pipe();
        (0..4000).for_each(|n| _ = pipe.cmd("SET").arg(n).arg("x".repeat(2000)).ignore());
        pipe.query::<()>(&mut redis.connect()).unwrap();
        redis.query::<()>(&["SAVE"]);
        redis.kill();
        redis.set_arguments(&["--key-load-delay", "200"]);
        redis.spawn();

        let broker = Wired::redis(&redis.url());
        log_line(&broker.log, "LOADING").await;
        assert!(!broker.reachable.get());
        eventually("it has loaded", || broker.reachable.get()).await;
        let told = broker.subscribed("a").await.unwrap();
        assert_eq!(told.offset, head.offset);
        assert_ne!(told.epoch, head.epoch);
    });
}

#[test]
fn a_redis_that_is_busy_with_a_script_is_lost_until_it_has_time() {
    run_local(async {
        let redis = RedisServer::start_with(&["--lua-time-limit", "20"]);
        let mut stage = Stage::redis_in(redis, keep(100)).await;
        let head = stage.publish("a", 1..=3).await[2];
        let mut busy = stage.server().connect();
        let script = std::thread::spawn(move || {
            let _ = redis::cmd("EVAL").arg("while true do end").arg(0).exec(&mut busy);
        });
        log_line(&stage.broker.log, "BUSY").await;
        let deadline = Instant::now() + PATIENCE;
        let mut killer = stage.server().connect();
        while redis::cmd("SCRIPT").arg("KILL").exec(&mut killer).is_err() {
            assert!(Instant::now() < deadline, "it cannot be killed");
            sleep(Duration::from_millis(20)).await;
        }
        script.join().unwrap();
        let reachable = stage.broker.reachable.clone();
        eventually("it is back", || reachable.get()).await;
        assert_eq!(stage.head("a").await, head);
        assert_eq!(
            stage.recover("a", at(head, 1)).await,
            Some(vec![2, 3]),
            "the same process, the same epoch"
        );
        timeout(PATIENCE, stage.broker.stop()).await.unwrap();
    });
}
