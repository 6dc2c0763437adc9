//! The user of a Redis may not do everything.

use super::support::{
    PATIENT, RETENTION, RedisLog, RedisServer, Stage, Wired, eventually, log_line, log_lines, numbered,
    run_local,
};
use super::{at, keep};
use atr_core::broker::Page;
use redis::{Client, Connection};

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
        let lines = log_lines(&stage.broker.log).await;
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
