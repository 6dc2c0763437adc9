//! Somebody else has had their hands in a log's keys, or Redis has let them go.

use super::support::{PATIENT, Stage, numbered, run_local};
use super::{at, keep};
use atr_core::broker::Page;
use redis::Value;

const LOG: &str = "atr:{a}:log";
const META: &str = "atr:{a}:meta";

#[test]
fn a_flushed_redis_is_another_log() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let head = stage.publish("a", 1..=5).await[4];
        assert_eq!(stage.head("a").await, head);
        stage.server().query::<()>(&["FLUSHALL"]);
        assert!(stage.is_reset("a", head).await);
        assert!(stage.is_reset("a", at(head, 0)).await);
        let begun = stage.publish("a", [6]).await[0];
        assert_eq!(begun.offset, 1);
        assert_ne!(begun.epoch, head.epoch);
        assert_eq!(stage.next().await, (begun, 6), "the subscription is unbroken");
        assert_eq!(stage.recover("a", at(begun, 0)).await, Some(vec![6]));
    });
}

#[test]
fn a_retry_finds_the_first_attempt() {
    run_local(async {
        let mut stage = Stage::redis(keep(1000)).await;
        let start = stage.head("a").await;
        let mut log = stage.log();
        for n in 1..=400 {
            log.publish(&numbered("a", n)).unwrap();
        }
        for n in [1, 150, 400] {
            assert_eq!(log.publish_again(&numbered("a", n)).unwrap(), (at(start, n), true));
        }
        assert_eq!(log.publish_again(&numbered("a", 7)).unwrap(), (at(start, 7), true));
        assert_eq!(log.publish_again(&numbered("a", 401)).unwrap(), (at(start, 401), false));
        assert_eq!(log.publish_again(&numbered("a", 402)).unwrap(), (at(start, 402), false));
        assert_eq!(stage.recover("a", start).await, Some((1..=402).collect()));
        for n in 1..=402 {
            assert_eq!(stage.next().await.1, n, "nothing was published twice");
        }
        assert!(stage.broker.is_silent().await);
    });
}

#[test]
fn a_retry_after_the_log_has_gone_is_published() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let head = stage.publish("a", 1..=3).await[2];
        stage.server().query::<()>(&["DEL", LOG]);
        assert_eq!(stage.log().publish_again(&numbered("a", 3)).unwrap(), (head.plus(1), false));
    });
}

#[test]
fn an_evicted_log_is_a_reset_for_who_missed_something() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let head = stage.publish("a", 1..=5).await[4];
        stage.server().query::<()>(&["DEL", LOG]);
        assert_eq!(stage.recover("a", head).await, Some(vec![]));
        assert!(stage.is_reset("a", at(head, 4)).await);
        assert_eq!(stage.publish("a", [6]).await, [head.plus(1)]);
        assert_eq!(stage.recover("a", head).await, Some(vec![6]));
        assert!(stage.is_reset("a", at(head, 4)).await);
    });
}

#[test]
fn an_evicted_meta_is_another_log() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let head = stage.publish("a", 1..=5).await[4];
        stage.server().query::<()>(&["DEL", META]);
        assert!(stage.is_reset("a", head).await);
        let begun = stage.publish("a", [6]).await[0];
        assert_eq!(stage.recover("a", at(begun, 0)).await, Some(vec![6]), "what was there before is gone");
    });
}

#[test]
fn a_hand_that_writes_into_the_log_makes_it_begin_anew() {
    run_local(async {
        for foreign in ["*", "6-0", "6-1", "99-0", "18446744073709551615-18446744073709551615"] {
            let mut stage = Stage::redis(keep(100)).await;
            let head = stage.publish("a", 1..=5).await[4];
            stage
                .server()
                .query::<String>(&["XADD", LOG, foreign, "i", "x", "n", "x.y", "a", "-", "d", "{}"]);
            assert_eq!(
                stage.recover("a", at(head, 3)).await,
                Some(vec![4, 5]),
                "{foreign} is never handed on"
            );
            let begun = stage.publish("a", [6]).await[0];
            assert_eq!(begun.offset, 1, "{foreign}");
            assert_ne!(begun.epoch, head.epoch);
            assert!(stage.is_reset("a", head).await);
            assert_eq!(stage.publish("a", [7]).await, [begun.plus(1)]);
            assert_eq!(stage.recover("a", at(begun, 0)).await, Some(vec![6, 7]));
        }
    });
}

#[test]
fn what_somebody_else_has_put_among_the_events_is_never_handed_on() {
    run_local(async {
        let entries: [&[&str]; 8] = [
            &["3-0", "some", "thing"],
            &["3-0", "i", "1", "n", "post.created", "a", "-"],
            &["3-0", "i", "1", "n", "post.created", "a", "-", "x", "{}"],
            &["3-0", "n", "post.created", "i", "1", "a", "-", "d", "{}"],
            &["3-0", "i", "1", "n", "no name", "a", "-", "d", "{}"],
            &["3-0", "i", "1", "n", "post.created", "a", "-", "d", "no json"],
            &["2-7", "i", "1", "n", "post.created", "a", "-", "d", "{}"],
            &["3-7", "i", "1", "n", "post.created", "a", "-", "d", "{}"],
        ];
        for entry in entries {
            let mut stage = Stage::redis(keep(100)).await;
            let head = stage.publish("a", 1..=4).await[3];
            let redis = stage.server();
            let kept: Value = redis.query(&["XRANGE", LOG, "4", "4"]);
            assert!(matches!(kept, Value::Array(entries) if entries.len() == 1));
            redis.query::<()>(&["DEL", LOG]);
            for id in ["1-0", "2-0"] {
                let ours = ["i", "1", "n", "post.created", "a", "-", "d", r#"{"n":0}"#];
                redis.query::<String>(&[&["XADD", LOG, id][..], &ours].concat());
            }
            redis.query::<String>(&[&["XADD", LOG][..], entry].concat());
            let ours = ["i", "4", "n", "post.created", "a", "-", "d", r#"{"n":4}"#];
            redis.query::<String>(&[&["XADD", LOG, "4-0"][..], &ours].concat());
            for offset in 0..=2 {
                assert!(stage.is_reset("a", at(head, offset)).await, "{entry:?} behind {offset}");
            }
            if entry[0] != "3-7" {
                assert_eq!(stage.recover("a", at(head, 3)).await, Some(vec![4]), "{entry:?}");
            }
        }
    });
}

#[test]
fn an_event_that_was_taken_out_is_a_reset() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let head = stage.publish("a", 1..=10).await[9];
        stage.server().query::<()>(&["XDEL", LOG, "7-0"]);
        assert!(stage.is_reset("a", at(head, 5)).await);
        assert_eq!(stage.recover("a", at(head, 7)).await, Some(vec![8, 9, 10]));
        stage.server().query::<()>(&["XDEL", LOG, "10-0"]);
        assert!(stage.is_reset("a", at(head, 9)).await);
        assert_eq!(stage.publish("a", [11]).await, [head.plus(1)]);
    });
}

#[test]
fn another_type_at_a_key_gives_way() {
    run_local(async {
        for (key, command) in [
            (LOG, &["SET", LOG, "x"][..]),
            (LOG, &["RPUSH", LOG, "x"]),
            (META, &["SET", META, "x"]),
            (META, &["SADD", META, "x"]),
        ] {
            let mut stage = Stage::redis(keep(100)).await;
            let head = stage.publish("a", 1..=5).await[4];
            stage.server().query::<()>(&["DEL", key]);
            stage.server().query::<Value>(command);
            assert!(stage.is_reset("a", at(head, 2)).await, "{command:?}");
            let begun = stage.publish("a", [6]).await[0];
            assert_eq!(begun.offset, 1, "{command:?}");
            assert!(stage.is_reset("a", at(head, 2)).await);
            assert_eq!(stage.recover("a", at(begun, 0)).await, Some(vec![6]));
        }
    });
}

#[test]
fn a_retry_over_another_type_begins_anew() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let head = stage.publish("a", 1..=5).await[4];
        stage.server().query::<()>(&["DEL", LOG]);
        stage.server().query::<()>(&["SET", LOG, "x"]);
        let (begun, was_there) = stage.log().publish_again(&numbered("a", 5)).unwrap();
        assert_eq!((begun.offset, was_there), (1, false));
        assert_ne!(begun.epoch, head.epoch);
    });
}

#[test]
fn a_meta_that_cannot_be_is_none() {
    run_local(async {
        let stage = &mut Stage::redis(keep(100)).await;
        for (field, value) in [
            ("epoch", ""),
            ("epoch", "8f3a52c1d09e4b7"),
            ("epoch", "8F3A52C1D09E4B76"),
            ("epoch", "8f3a52c1d09e4b76\n"),
            ("epoch", "8f3a52c1d09e4b7 "),
            ("offset", ""),
            ("offset", "-1"),
            ("offset", "7.5"),
            ("offset", "1e3"),
            ("offset", "0x10"),
            ("offset", "nan"),
            ("offset", "9007199254740991"),
            ("offset", "1000000000000000000000000000000"),
        ] {
            let head = stage.publish("a", [1]).await[0];
            stage.server().query::<()>(&["HSET", META, field, value]);
            let page = stage.broker.read("a", at(head, 0), None).await;
            let Some(Page::Reset { head: Some(begun) }) = page else { panic!("{field} {value}: {page:?}") };
            assert_eq!(begun.offset, 0, "{field} {value}");
            assert_eq!(stage.publish("a", [2]).await, [begun.plus(1)]);
        }
    });
}

#[test]
fn a_log_goes_on_up_to_the_largest_offset() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let head = stage.publish("a", [1]).await[0];
        stage.server().query::<()>(&["HSET", META, "offset", "9007199254740989"]);
        let last = at(head, 9007199254740990);
        assert_eq!(stage.publish("a", [2]).await, [last], "exactly, in Lua's numbers");
        assert_eq!(stage.recover("a", at(head, last.offset - 1)).await, Some(vec![2]));
        assert_eq!(stage.publish("a", [3]).await, [last.plus(1)]);
        assert_eq!(stage.publish("a", [4]).await[0].offset, 1);
    });
}

#[test]
fn the_log_is_bounded_in_number_and_both_keys_in_time() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        stage.publish("a", 1..=1000).await;
        let redis = stage.server();
        let length: u64 = redis.query(&["XLEN", LOG]);
        assert!((100..=200).contains(&length), "{length}");
        let seconds = |key| redis.query::<i64>(&["TTL", key]);
        assert!((290..=300).contains(&seconds(LOG)));
        assert!((86_000..=86_400).contains(&seconds(META)));
        redis.query::<()>(&["EXPIRE", META, "100"]);
        stage.head("a").await;
        let seconds: i64 = stage.server().query(&["TTL", META]);
        assert!(seconds > 86_000, "whoever joins keeps it: {seconds}");
    });
}

#[test]
fn scripts_that_redis_was_told_to_forget_are_loaded_again() {
    run_local(async {
        let mut stage = Stage::redis(keep(100)).await;
        let head = stage.publish("a", 1..=5).await[4];
        stage.server().query::<()>(&["SCRIPT", "FLUSH"]);
        assert_eq!(stage.recover("a", at(head, 2)).await, Some(vec![3, 4, 5]));
        stage.server().query::<()>(&["SCRIPT", "FLUSH"]);
        assert_eq!(stage.head("a").await, head);
    });
}

#[test]
fn databases_have_logs_of_their_own() {
    run_local(async {
        let redis = super::support::RedisServer::start();
        let url = redis.url() + "/3";
        let mut stage = Stage::redis_at(redis, &url, PATIENT, keep(100)).await;
        let mut log = stage.log();
        redis::cmd("SELECT").arg(3).exec(&mut log.connection).unwrap();
        log.prefix = "atr:3:".into();
        let position = log.publish(&numbered("a", 1)).unwrap();
        assert_eq!(stage.head("a").await, position);
        let other = stage.publish("a", [2]).await[0];
        assert_ne!(other.epoch, position.epoch);
        assert_eq!(stage.recover("a", at(position, 0)).await, Some(vec![1]));
    });
}
