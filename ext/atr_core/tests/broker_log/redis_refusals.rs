//! Redis does not do what it is asked: it is not allowed, has no memory, may not write, or has no time.

use super::support::{
    PATIENCE, RETENTION, RedisLog, RedisServer, SilentProxy, Stage, TIMING, Wired, eventually, log_line,
    numbered, run_local,
};
use super::{at, keep};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// A primary that does not wait for more replicas.
const AT_ONCE: [&str; 2] = ["--repl-diskless-sync-delay", "0"];

#[test]
fn a_redis_that_is_too_old_is_told_of() {
    run_local(async {
        let redis = RedisServer::start();
        let proxy = SilentProxy::start(redis.port());
        proxy.pretend_to_be_old(true);
        let broker = Wired::redis(&proxy.url());
        let line = log_line(&broker.log, "cannot use").await.message;
        assert!(line.contains("it is Redis 6.0.") && line.contains("needs 6.2"), "{line}");
        assert!(!broker.reachable.get());
        // Without a log it is as good as any.
        let broker = Wired::redis_with(&proxy.url(), TIMING, keep(0), 1000);
        eventually("it is there", || broker.reachable.get()).await;
        proxy.pretend_to_be_old(false);
        let broker = Wired::redis(&proxy.url());
        eventually("it is there", || broker.reachable.get()).await;
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
        eventually("it follows", || is_in_step(&replica)).await;
        let head = primary.publish("a", 1..=3).await[2];
        eventually("it has all", || replica.query::<u64>(&["XLEN", "atr:{a}:log"]) == 3).await;
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
        eventually("it has all", || replica.query::<u64>(&["XLEN", "atr:{a}:log"]) == 5).await;
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
fn who_was_a_replica_for_a_while_begins_a_new_epoch_on_the_same_connections() {
    run_local(async {
        let mut first = Stage::redis_in(RedisServer::start_with(&AT_ONCE), keep(100)).await;
        let port = first.server().port().to_string();
        let second = RedisServer::start_with(&[&AT_ONCE[..], &["--replicaof", "127.0.0.1", &port]].concat());
        eventually("it follows", || is_in_step(&second)).await;
        let mut log = first.log();
        let mut publish = |numbers: std::ops::RangeInclusive<u64>| {
            numbers.map(|n| log.publish(&numbered("a", n)).unwrap()).last().unwrap()
        };
        let shared = publish(1..=8);
        eventually("it has all", || second.query::<u64>(&["XLEN", "atr:{a}:log"]) == 8).await;
        second.query::<()>(&["REPLICAOF", "NO", "ONE"]);
        let lost = publish(9..=10);

        let port = second.port().to_string();
        first.server().query::<()>(&["REPLICAOF", "127.0.0.1", &port]);
        eventually("it follows the other one", || is_in_step(first.redis.as_ref().unwrap())).await;
        assert_eq!(first.server().query::<u64>(&["XLEN", "atr:{a}:log"]), 8);
        first.server().query::<()>(&["REPLICAOF", "NO", "ONE"]);
        let head = publish(109..=111);
        assert_eq!((head.offset, lost.offset), (11, 10));
        assert!(first.is_reset("a", lost).await, "9 and 10 are others now");
        assert_eq!(first.recover("a", shared).await, Some((109..=111).collect()));
        assert_eq!(first.recover("a", at(head, 10)).await, Some(vec![111]));
        assert_eq!(first.broker.stats.broker_reconnects.get(), 0);
    });
}

/// Whether a replica has got all that its primary had, and gets what follows.
fn is_in_step(replica: &RedisServer) -> bool {
    replica.query::<String>(&["INFO", "replication"]).contains("master_link_status:up")
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
