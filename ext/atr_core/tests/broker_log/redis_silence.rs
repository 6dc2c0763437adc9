//! Redis says nothing any more, and nobody has closed a connection.

use super::support::{RedisServer, SilentProxy, Stage, TIMING, eventually, log_line, run_local};
use super::{at, keep};
use atr_core::broker::{Standing, Timing};
use std::time::{Duration, Instant};

/// Long enough for a machine that is busy.
const IMPATIENT: Timing = Timing { deadline: Duration::from_millis(1500), ..TIMING };

async fn behind_a_proxy() -> (Stage, SilentProxy) {
    let redis = RedisServer::start();
    let proxy = SilentProxy::start(redis.port());
    let stage = Stage::redis_at(redis, &proxy.url(), IMPATIENT, keep(100)).await;
    (stage, proxy)
}

/// Waits until the broker says that Redis is lost, and checks that this did not take too long.
async fn noticed(stage: &Stage) {
    let start = Instant::now();
    let line = log_line(&stage.broker.log, "lost Redis").await.message;
    assert!(line.contains("no answer within"), "{line}");
    // A busy machine may add to it.
    let allowed = IMPATIENT.ping_interval + IMPATIENT.deadline + Duration::from_secs(2);
    assert!(start.elapsed() < allowed, "it took {:?}", start.elapsed());
    assert!(!stage.broker.reachable.get());
}

#[test]
fn a_subscription_that_is_dead_while_redis_answers_is_found() {
    run_local(async {
        let (mut stage, proxy) = behind_a_proxy().await;
        let head = stage.publish("a", 1..=3).await[2];
        stage.head("a").await;
        proxy.silence_subscribers(true);
        stage.publish("a", 4..=5).await;
        assert_eq!(stage.recover("a", head).await, Some(vec![4, 5]), "the other connection answers");
        noticed(&stage).await;
        assert_eq!(stage.broker.take_told("a").last(), Some(&Standing::Away));

        proxy.silence_subscribers(false);
        let reachable = stage.broker.reachable.clone();
        eventually("it is back", || reachable.get()).await;
        assert_eq!(stage.head("a").await, at(head, 5));
        stage.publish("a", [6]).await;
        assert_eq!(stage.next().await, (at(head, 6), 6));
    });
}

#[test]
fn half_open_connections_are_found() {
    run_local(async {
        let (mut stage, proxy) = behind_a_proxy().await;
        let head = stage.publish("a", 1..=3).await[2];
        stage.head("a").await;
        proxy.silence_all(true);
        let unanswered = stage.broker.read("a", at(head, 1), None);
        let (answer, ()) = tokio::join!(unanswered, noticed(&stage));
        assert_eq!(answer, None);
        proxy.silence_all(false);
        let reachable = stage.broker.reachable.clone();
        eventually("it is back", || reachable.get()).await;
        assert_eq!(stage.recover("a", at(head, 1)).await, Some(vec![2, 3]));
    });
}

#[test]
fn a_stopped_redis_is_found_and_taken_again() {
    run_local(async {
        let (mut stage, _proxy) = behind_a_proxy().await;
        let head = stage.publish("a", 1..=3).await[2];
        stage.head("a").await;
        stage.server().pause();
        noticed(&stage).await;
        stage.server().resume();
        let reachable = stage.broker.reachable.clone();
        eventually("it is back", || reachable.get()).await;
        assert_eq!(stage.head("a").await, head);
    });
}

#[test]
fn one_connection_that_ends_takes_the_other_one_along() {
    run_local(async {
        let (mut stage, proxy) = behind_a_proxy().await;
        for (round, kind) in ["normal", "pubsub"].into_iter().enumerate() {
            let stats = stage.broker.stats.clone();
            let skip = ["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"];
            assert_eq!(stage.server().query::<u64>(&skip), 1, "{kind}");
            eventually("it is back", || stats.broker_reconnects.get() == round as u64 + 1).await;
            assert_eq!(proxy.connections(), 2 * (round + 2), "{kind}");
        }
    });
}

#[test]
fn a_quiet_connection_lives_on() {
    run_local(async {
        let (stage, proxy) = behind_a_proxy().await;
        tokio::time::sleep(2 * (IMPATIENT.deadline + IMPATIENT.ping_interval)).await;
        assert_eq!(proxy.connections(), 2);
        assert!(stage.broker.reachable.get());
    });
}
