//! What holds with either broker.

use super::support::{PATIENCE, Stage, numbered, run_local};
use super::{at, keep, keep_some, of_another_log};
use atr_core::broker::{Command, Message, Page, Standing};
use atr_core::retention::{Retention, Retentions};
use atr_core::scope::Scope;
use bytes::Bytes;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Runs each case with both brokers.
macro_rules! with_both {
    ($($(#[$doc:meta])* $case:ident($retentions:expr);)+) => {
        mod memory {
            use super::*;
            $($(#[$doc])* #[test] fn $case() {
                run_local(async { super::$case(Stage::memory($retentions)).await });
            })+
        }
        mod redis {
            use super::*;
            $($(#[$doc])* #[test] fn $case() {
                run_local(async { super::$case(Stage::redis($retentions).await).await });
            })+
        }
    };
}

with_both! {
    joining_a_quiet_scope_begins_its_log(keep(100));
    what_follows_a_position_is_read_exactly(keep(100));
    a_position_that_cannot_be_is_a_reset(keep(100));
    what_was_trimmed_is_a_reset(keep(10));
    a_page_has_a_bounded_number_of_events(keep(2000));
    a_page_has_bounded_bytes_and_one_event_at_least(keep(2000));
    what_expired_is_a_reset_and_the_head_is_none(Retentions::all(Retention { size: 100, ttl: Duration::from_millis(300) }));
    live_events_follow_the_head(keep(100));
    whoever_asks_again_is_told_the_head_of_now(keep(100));
    a_scope_may_have_no_log(keep_some(100));
    scopes_are_apart(keep(100));
    the_json_and_the_name_come_as_they_went(keep(100));
    thousands_join_and_read_at_once(keep(100));
    a_join_misses_nothing_of_what_is_published_meanwhile(keep(100_000));
}

async fn joining_a_quiet_scope_begins_its_log(mut stage: Stage) {
    let head = stage.head("a").await;
    assert_eq!(head.offset, 0);
    assert_eq!(stage.recover("a", head).await, Some(vec![]));
    assert_eq!(stage.publish("a", [1]).await, [head.plus(1)]);
    assert_eq!(stage.recover("a", head).await, Some(vec![1]));
    assert_eq!(stage.next().await, (head.plus(1), 1));
    stage.broker.stop().await;
}

async fn what_follows_a_position_is_read_exactly(mut stage: Stage) {
    let positions = stage.publish("a", 1..=20).await;
    let start = at(positions[0], 0);
    for (offset, position) in (1..=20).zip(&positions) {
        assert_eq!(*position, at(start, offset));
    }
    for offset in [0, 7, 19, 20] {
        let follows: Vec<_> = (offset + 1..=20).collect();
        assert_eq!(stage.recover("a", at(start, offset)).await, Some(follows), "behind {offset}");
    }
    for (offset, upto, count) in [(5, 8, 3), (5, 5, 0), (5, 3, 0), (18, 1000, 2), (20, 20, 0)] {
        let page = stage.broker.read("a", at(start, offset), Some(upto)).await;
        let Some(Page::Events { head, events }) = page else { panic!("{page:?}") };
        assert_eq!((head, events.len()), (positions[19], count), "behind {offset} up to {upto}");
    }
}

async fn a_position_that_cannot_be_is_a_reset(mut stage: Stage) {
    let head = stage.publish("a", 1..=5).await[4];
    for wrong in
        [at(head, 6), at(head, (1 << 53) - 1), of_another_log(3), of_another_log(0), of_another_log(6)]
    {
        let reset = Some(Page::Reset { head: Some(head) });
        assert_eq!(stage.broker.read("a", wrong, None).await, reset, "{wrong}");
        assert_eq!(stage.broker.read("a", wrong, Some(4)).await, reset, "{wrong}");
    }
    let never_heard_of = stage.broker.read("b", of_another_log(0), None).await;
    let Some(Page::Reset { head: Some(begun) }) = never_heard_of else { panic!("{never_heard_of:?}") };
    assert_eq!((begun.offset, stage.head("b").await), (0, begun));
}

async fn what_was_trimmed_is_a_reset(mut stage: Stage) {
    let head = stage.publish("a", 1..=500).await[499];
    assert_eq!(stage.recover("a", at(head, 490)).await, Some((491..=500).collect()));
    assert!(stage.is_reset("a", at(head, 1)).await);
    assert!(stage.is_reset("a", at(head, 0)).await);
    // Redis trims whole nodes. Wherever that ends: it is all or nothing.
    for offset in 380..490 {
        if let Some(numbers) = stage.recover("a", at(head, offset)).await {
            assert_eq!(numbers, (offset + 1..=500).collect::<Vec<_>>());
        }
    }
}

async fn a_page_has_a_bounded_number_of_events(mut stage: Stage) {
    let head = stage.publish("a", 1..=1300).await[1299];
    let page = stage.broker.read("a", at(head, 10), None).await;
    let Some(Page::Events { head: told, events }) = page else { panic!("{page:?}") };
    assert_eq!((told, events.len()), (head, 512));
    assert_eq!(stage.recover("a", at(head, 10)).await, Some((11..=1300).collect()));
}

async fn a_page_has_bounded_bytes_and_one_event_at_least(mut stage: Stage) {
    let sizes = [300, 100, 100_000, 200_000, 100, 100_000, 100_000, 600_000, 100].map(|size: usize| size);
    let events = sizes.iter().zip(1..).map(|(&size, n)| {
        let json = format!("{{\"n\":{n},\"x\":\"{}\"}}", "x".repeat(size));
        atr_core::event::Event { json: Bytes::from(json), ..numbered("a", n) }
    });
    let events = events.collect();
    let head = stage.publish_events(events).await[8];
    let mut counts = vec![];
    let mut offset = 0;
    while offset < 9 {
        let page = stage.broker.read("a", at(head, offset), None).await;
        let Some(Page::Events { events, .. }) = page else { panic!("{page:?}") };
        counts.push(events.len());
        offset += events.len() as u64;
    }
    assert_eq!(counts, [3, 2, 2, 1, 1]);
    assert_eq!(stage.recover("a", at(head, 0)).await, Some((1..=9).collect()));
}

async fn what_expired_is_a_reset_and_the_head_is_none(mut stage: Stage) {
    let head = stage.publish("a", 1..=5).await[4];
    let deadline = Instant::now() + PATIENCE;
    while !stage.is_reset("a", at(head, 3)).await {
        assert!(Instant::now() < deadline, "it does not expire");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(stage.recover("a", head).await, Some(vec![]));
    assert_eq!(stage.publish("a", [6]).await, [head.plus(1)]);
    assert_eq!(stage.recover("a", head).await, Some(vec![6]));
    assert!(stage.is_reset("a", at(head, 3)).await);
}

async fn live_events_follow_the_head(mut stage: Stage) {
    let last = stage.publish("a", 1..=3).await[2];
    assert_eq!(stage.head("a").await, last);
    stage.publish("a", 4..=50).await;
    for n in 4..=50 {
        assert_eq!(stage.next().await, (at(last, n), n));
    }
    assert!(stage.broker.is_silent().await);
}

async fn whoever_asks_again_is_told_the_head_of_now(mut stage: Stage) {
    let first = stage.head("a").await;
    stage.publish("a", 1..=3).await;
    assert_eq!(stage.head("a").await, at(first, 3));
    assert_eq!(stage.broker.take_told("a"), [0, 3].map(|offset| Standing::Live(Some(at(first, offset)))));
}

async fn a_scope_may_have_no_log(stage: Stage) {
    assert_eq!(stage.broker.subscribed("unlogged.1").await, None);
    let page = stage.broker.read("unlogged.1", of_another_log(0), None).await;
    assert_eq!(page, Some(Page::Reset { head: None }));
    assert_eq!(stage.head("logged.1").await.offset, 0);
}

async fn scopes_are_apart(mut stage: Stage) {
    let a = stage.publish("a", 1..=3).await[2];
    let unscoped = stage.publish("", 1..=2).await[1];
    assert_ne!(a.epoch, unscoped.epoch);
    assert_eq!(stage.recover("", at(unscoped, 0)).await, Some(vec![1, 2]));
    assert!(stage.is_reset("", at(a, 1)).await);
    assert_eq!(stage.head("").await, unscoped);
}

async fn the_json_and_the_name_come_as_they_went(mut stage: Stage) {
    let json = r#"{"é" : 1.0, "b":"é \"quoted\" 1 2:3 - {}",
 "c":null}"#;
    let event = |n| atr_core::event::Event { json: Bytes::from_static(json.as_bytes()), ..numbered("é", n) };
    let start = stage.head("é").await;
    let position = stage.publish_events(vec![event(1)]).await[0];
    let message = Message { position: Some(position), name: "post.created".into(), json: json.into() };
    assert_eq!(stage.broker.next_message().await, ("é".into(), message.clone()));
    let page = stage.broker.read("é", start, None).await;
    assert_eq!(page, Some(Page::Events { head: position, events: vec![message] }));
}

async fn thousands_join_and_read_at_once(mut stage: Stage) {
    const SCOPES: u64 = 3000;
    let events = (0..SCOPES).map(|n| numbered(&format!("user.{n}"), n)).collect();
    let positions = stage.publish_events(events).await;
    let mut live = vec![];
    for n in 0..SCOPES {
        live.push(stage.broker.subscribe(&format!("user.{n}")).await);
    }
    for (live, position) in live.into_iter().zip(&positions) {
        assert_eq!(live.await, Ok(Some(*position)));
    }
    let mut pages = vec![];
    for (n, position) in positions.iter().enumerate() {
        let (reply, page) = tokio::sync::oneshot::channel();
        let scope = Scope::new(&format!("user.{n}")).unwrap();
        let read = atr_core::broker::Read { scope, after: at(*position, 0), upto: None, reply };
        stage.broker.commands.send(Command::Read(read)).await.unwrap();
        pages.push(page);
    }
    for page in pages {
        let page = page.await.unwrap();
        assert!(matches!(&page, Page::Events { events, .. } if events.len() == 1), "{page:?}");
    }
}

/// What comes from the head on, by itself, is everything: while somebody publishes at full speed, whoever joins has no
/// hole between the head that is told and what comes.
async fn a_join_misses_nothing_of_what_is_published_meanwhile(mut stage: Stage) {
    const ROUNDS: u64 = 60;
    let publish = publish_until_dropped(&stage);
    let mut joins = 0;
    while joins < ROUNDS {
        let head = stage.head("a").await;
        let wanted: HashSet<_> = (head.offset + 1..=head.offset + 20).collect();
        let mut seen = HashSet::new();
        while !wanted.is_subset(&seen) {
            let (position, number) = stage.next().await;
            assert_eq!(position.epoch, head.epoch);
            assert_eq!(position.offset, number);
            let is_ahead = position.offset > head.offset + 20;
            assert!(
                !is_ahead || wanted.is_subset(&seen),
                "{position} comes before some of what follows {head}"
            );
            seen.insert(position.offset);
        }
        joins += 1;
        stage.broker.unsubscribe("a").await;
        // The next join has to wait for nothing of this one.
        stage.broker.pass_over_messages().await;
    }
    drop(publish);
}

/// Ends the publishing when it is dropped.
struct Publishing {
    _stop: tokio::sync::oneshot::Sender<()>,
}

fn publish_until_dropped(stage: &Stage) -> Publishing {
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let is_stopped =
        move || !matches!(stopped.try_recv(), Err(tokio::sync::oneshot::error::TryRecvError::Empty));
    match stage.redis {
        Some(_) => {
            let mut log = stage.log();
            std::thread::spawn(move || {
                publish_on_a_thread(is_stopped, |n| _ = log.publish(&numbered("a", n)))
            });
        }
        None => {
            let commands = stage.broker.commands.clone();
            tokio::task::spawn_local(publish_to_memory(commands, is_stopped));
        }
    }
    Publishing { _stop: stop }
}

fn publish_on_a_thread(mut is_stopped: impl FnMut() -> bool, mut publish: impl FnMut(u64)) {
    for n in 1.. {
        if is_stopped() {
            return;
        }
        publish(n);
    }
}

async fn publish_to_memory(
    commands: tokio::sync::mpsc::Sender<Command>,
    mut is_stopped: impl FnMut() -> bool,
) {
    for n in 1.. {
        if is_stopped() {
            return;
        }
        let (done, accepted) = tokio::sync::oneshot::channel();
        let batch = atr_core::broker::Batch { publisher: "p".into(), seq: n, events: vec![numbered("a", n)] };
        if commands.send(Command::Publish { batch, done }).await.is_err() || accepted.await.is_err() {
            return;
        }
    }
}
