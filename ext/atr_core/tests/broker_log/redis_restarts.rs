//! Redis goes and comes back: with all its data, with older data, or with none.

use super::support::{RedisServer, Stage, eventually, numbered, run_local};
use super::{at, keep};
use atr_core::broker::{Page, Standing};

const META: &str = "atr:{a}:meta";
const AOF: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// Kills Redis and starts it again, and waits until the broker has noticed.
async fn restart(stage: &mut Stage) {
    let reconnects = stage.broker.stats.broker_reconnects.get();
    stage.server().kill();
    let reachable = stage.broker.reachable.clone();
    eventually("the loss is noticed", || !reachable.get()).await;
    stage.server().restart();
    let stats = stage.broker.stats.clone();
    eventually("it is back", || reachable.get() && stats.broker_reconnects.get() > reconnects).await;
}

#[test]
fn older_data_never_pass_for_a_complete_log() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let snapshot = stage.publish("a", 1..=10).await[9];
        stage.server().query::<()>(&["SAVE"]);
        let lost = stage.publish("a", 11..=15).await[4];
        restart(&mut stage).await;

        let head = stage.publish("a", 21..=27).await[6];
        assert_eq!((head.offset, lost.offset), (17, 15));
        assert_ne!(head.epoch, lost.epoch);
        assert!(stage.is_reset("a", lost).await, "11 to 15 are lost, and 11 to 15 are others now");
        assert!(stage.is_reset("a", at(lost, 11)).await);
        assert_eq!(stage.recover("a", snapshot).await, Some((21..=27).collect()));
        assert_eq!(
            stage.recover("a", at(snapshot, 8)).await,
            Some([9, 10].into_iter().chain(21..=27).collect())
        );
        assert_eq!(stage.recover("a", at(head, 15)).await, Some(vec![26, 27]));
    });
}

#[test]
fn whoever_reads_first_after_a_restart_ends_the_common_past_as_well() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let snapshot = stage.publish("a", 1..=10).await[9];
        stage.server().query::<()>(&["SAVE"]);
        let lost = stage.publish("a", 11..=15).await[4];
        restart(&mut stage).await;
        let page = stage.broker.read("a", lost, None).await;
        let Some(Page::Reset { head: Some(head) }) = page else { panic!("{page:?}") };
        assert_eq!(head.offset, 10);
        assert_ne!(head.epoch, snapshot.epoch);
        let empty = Some(Page::Events { head, events: vec![] });
        assert_eq!(
            stage.broker.read("a", snapshot, None).await,
            empty,
            "its past is shared, its epoch is told"
        );
        assert_eq!(stage.publish("a", [11]).await, [head.plus(1)], "one restart is one epoch");
    });
}

#[test]
fn without_persistence_everything_is_another_log() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let head = stage.publish("a", 1..=5).await[4];
        restart(&mut stage).await;
        assert!(stage.is_reset("a", head).await);
        let begun = stage.publish("a", [6]).await[0];
        assert_eq!(begun.offset, 1);
        assert!(stage.is_reset("a", at(head, 0)).await);
    });
}

#[test]
fn with_an_append_only_file_nothing_is_lost_however_often_it_is_killed() {
    run_local(async {
        let mut stage = Stage::redis_in(RedisServer::start_with(&AOF), keep(1000)).await;
        let first = stage.publish("a", 1..=10).await[9];
        let mut heads = vec![first];
        for round in 2..=5 {
            restart(&mut stage).await;
            heads.push(*stage.publish("a", (round - 1) * 10 + 1..=round * 10).await.last().unwrap());
        }
        for head in &heads {
            let follows: Vec<_> = (head.offset + 1..=50).collect();
            assert_eq!(stage.recover("a", *head).await, Some(follows), "behind {head}");
        }
        let mut epochs: Vec<_> = heads.iter().map(|head| head.epoch).collect();
        epochs.dedup();
        assert_eq!(epochs.len(), 5);
        assert!(stage.is_reset("a", at(heads[1], 21)).await, "there was no such position in that epoch");
    });
}

#[test]
fn a_log_s_past_is_bounded() {
    run_local(async {
        let mut stage = Stage::redis(keep(1000)).await;
        let mut log = stage.log();
        let mut heads = vec![];
        for n in 1..=30 {
            log.run = format!("process {n}");
            heads.push(log.publish(&numbered("a", n)).unwrap());
        }
        let past: String = stage.server().query(&["HGET", META, "past"]);
        assert!(past.len() <= 272, "{past}");
        assert_eq!(stage.recover("a", heads[25]).await, Some((27..=30).collect()));
        assert!(stage.is_reset("a", heads[0]).await);
        // The one that is cut in the middle is a shorter past, never a longer one.
        for head in &heads {
            if let Some(numbers) = stage.recover("a", *head).await {
                assert_eq!(numbers, (head.offset + 1..=30).collect::<Vec<_>>());
            }
        }
    });
}

#[test]
fn a_cut_past_is_a_shorter_one() {
    run_local(async {
        let mut stage = Stage::redis(keep(1000)).await;
        let mut log = stage.log();
        let old = log.publish(&numbered("a", 1)).unwrap();
        stage.server().query::<()>(&["HSET", META, "past", "00000000000000aa:12 00000000000000bb:1"]);
        for n in 2..=20 {
            log.publish(&numbered("a", n)).unwrap();
        }
        let of = |epoch: &str, offset| format!("00000000000000{epoch}:{offset}").parse().unwrap();
        assert_eq!(stage.recover("a", of("aa", 12)).await, Some((13..=20).collect()));
        assert!(stage.is_reset("a", of("aa", 13)).await);
        assert_eq!(stage.recover("a", of("bb", 1)).await, Some((2..=20).collect()));
        assert!(stage.is_reset("a", of("bb", 12)).await);
        assert!(stage.is_reset("a", of("cc", 0)).await);
        assert_eq!(stage.recover("a", old).await, Some((2..=20).collect()));
    });
}

#[test]
fn while_it_is_away_nobody_waits() {
    run_local(async {
        let mut stage = Stage::redis_in(RedisServer::start_with(&AOF), keep(100)).await;
        let before = stage.publish("b", 1..=3).await[2];
        stage.server().kill();
        let reachable = stage.broker.reachable.clone();
        eventually("the loss is noticed", || !reachable.get()).await;
        assert!(stage.broker.subscribe("c").await.await.is_err(), "away");
        assert_eq!(stage.broker.read("b", before, None).await, None, "nobody can answer");
        stage.server().restart();
        eventually("it is back", || reachable.get()).await;
        assert_eq!(stage.recover("b", at(before, 1)).await, Some(vec![2, 3]));
        stage.publish("c", [7]).await;
        assert_eq!(stage.next().await.1, 7, "it was subscribed to when it was back");
    });
}

#[test]
fn what_is_told_of_each_scope_in_an_outage() {
    run_local(async {
        let mut stage = Stage::redis_in(RedisServer::start_with(&AOF), keep(100)).await;
        let before = stage.publish("a", 1..=3).await[2];
        stage.head("a").await;
        stage.broker.take_told("a");
        restart(&mut stage).await;
        let after = stage.head("a").await;
        let told = stage.broker.take_told("a");
        assert_eq!(told.first(), Some(&Standing::Away));
        assert_eq!(told.iter().filter(|standing| **standing == Standing::Away).count(), 1);
        assert!(told[1..].iter().all(|standing| *standing == Standing::Live(Some(after))), "{told:?}");
        assert_eq!(after.offset, before.offset);
    });
}

#[test]
fn nothing_is_missing_between_the_log_and_what_comes_after_an_outage() {
    run_local(async {
        let mut stage = Stage::redis_in(RedisServer::start_with(&AOF), keep(10_000)).await;
        stage.publish("a", 1..=10).await;
        let mut head = stage.head("a").await;
        for round in 1..=3 {
            restart(&mut stage).await;
            // What is told because it is back shall not be taken for the answer below.
            let broker = &stage.broker;
            eventually("it is live", || matches!(broker.last_told("a"), Some(Standing::Live(_)))).await;
            let numbers = round * 100 + 1..=round * 100 + 100;
            stage.publish("a", numbers.clone()).await;
            let now = stage.head("a").await;
            let expected: Vec<_> = numbers.collect();
            assert_eq!(stage.recover("a", head).await, Some(expected));
            head = now;
        }
    });
}
