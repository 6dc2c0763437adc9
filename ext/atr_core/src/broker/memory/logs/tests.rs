//! The bounds of the logs in memory, case by case.

use super::*;
use bytes::Bytes;
use tokio::time::advance;

const TTL: Duration = Duration::from_secs(300);

fn logs(size: u32, max_bytes: usize) -> Logs {
    Logs::new(max_bytes, Retentions::all(Retention { size, ttl: TTL }))
}

fn scope(name: &str) -> Scope {
    Scope::new(name).unwrap()
}

fn append(logs: &mut Logs, name: &str, json_bytes: usize) -> Position {
    let event = Event {
        id: "1".into(),
        scope: scope(name),
        name: "a.b".into(),
        routing_key: "a.b".into(),
        json: Bytes::from(vec![b'1'; json_bytes]),
    };
    logs.append(event).position.unwrap()
}

/// How many events follow the log's beginning; `None` when they are not all there.
fn count_after(logs: &mut Logs, name: &str, offset: u64) -> Option<usize> {
    let after = Position { offset, ..logs.head(&scope(name)).unwrap() };
    let (reply, _) = tokio::sync::oneshot::channel();
    match logs.page(&Read { scope: scope(name), after, upto: None, reply }) {
        Page::Events { events, .. } => Some(events.len()),
        Page::Reset { .. } => None,
    }
}

fn assert_books_are_right(logs: &Logs) {
    let filled = logs.logs.values().filter(|kept| !kept.log.is_empty()).count();
    assert_eq!((logs.filled.len(), logs.empty.len()), (filled, logs.logs.len() - filled));
    let names: usize = logs.logs.keys().map(log_bytes).sum();
    assert_eq!(logs.log_bytes, names);
    assert_eq!(logs.event_bytes == 0, filled == 0);
}

#[test]
fn keeps_as_many_events_as_it_shall() {
    let mut logs = logs(3, 1 << 20);
    for offset in 1..=5 {
        assert_eq!(append(&mut logs, "a", 10).offset, offset);
    }
    let counts = [1, 2, 3, 4, 5].map(|offset| count_after(&mut logs, "a", offset));
    assert_eq!(counts, [None, Some(3), Some(2), Some(1), Some(0)]);
    assert_books_are_right(&logs);
}

#[test]
fn the_oldest_events_of_the_scope_published_to_longest_ago_go_first() {
    let mut logs = logs(100, 40_000);
    for name in ["a", "b", "a", "b", "a"] {
        for _ in 0..4 {
            append(&mut logs, name, 1000);
        }
    }
    append(&mut logs, "c", 20_000);
    assert_eq!(count_after(&mut logs, "b", 0), None, "b was published to before a");
    assert!(count_after(&mut logs, "b", 8).is_some(), "where it ended is known");
    assert_eq!(count_after(&mut logs, "a", 0), Some(12));
    assert_eq!(count_after(&mut logs, "c", 0), Some(1));
    assert!(logs.event_bytes + logs.log_bytes <= 40_000);
    assert_books_are_right(&logs);
}

#[test]
fn scopes_without_events_are_counted_and_bounded() {
    let mut logs = logs(100, 100_000);
    append(&mut logs, "filled", 1000);
    for n in 0..10_000 {
        logs.head(&scope(&format!("user.{n}")));
    }
    assert!(logs.event_bytes + logs.log_bytes <= 100_000);
    assert_eq!(count_after(&mut logs, "filled", 0), Some(1), "events have half of it at least");
    for n in 0..100 {
        append(&mut logs, &format!("user.{n}"), 1000);
    }
    assert!(logs.event_bytes > 40_000);
    assert_books_are_right(&logs);
}

#[test]
fn an_event_larger_than_all_there_may_be_is_numbered_all_the_same() {
    let mut logs = logs(100, 1000);
    assert_eq!(append(&mut logs, "a", 5000).offset, 1);
    assert_eq!(logs.event_bytes, 0);
    assert_books_are_right(&logs);
    let mut tiny = self::logs(100, 0);
    assert_eq!(append(&mut tiny, "a", 1).offset, 1);
    assert!(tiny.logs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn events_expire_together_and_the_end_is_known_longer() {
    let mut logs = logs(100, 1 << 20);
    append(&mut logs, "a", 10);
    advance(TTL / 2).await;
    let last = append(&mut logs, "a", 10);
    advance(TTL / 2).await;
    assert_eq!(count_after(&mut logs, "a", 0), Some(2));
    advance(TTL / 2).await;
    assert_eq!((count_after(&mut logs, "a", 1), count_after(&mut logs, "a", 2)), (None, Some(0)));
    assert_eq!(append(&mut logs, "a", 10), last.plus(1));
    assert_eq!((count_after(&mut logs, "a", 1), count_after(&mut logs, "a", 2)), (None, Some(1)));
    assert_books_are_right(&logs);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_uses_is_swept_away() {
    let mut logs = logs(100, 1 << 20);
    let (a, b) = (append(&mut logs, "a", 10), append(&mut logs, "b", 10));
    advance(TTL).await;
    logs.sweep();
    assert_eq!((logs.event_bytes, logs.logs.len()), (0, 2));
    advance(META_TTL - TTL).await;
    logs.head(&scope("b"));
    logs.sweep();
    assert_eq!(logs.head(&scope("b")), Some(b));
    assert_ne!(logs.head(&scope("a")).map(|head| head.epoch), Some(a.epoch), "it begins anew");
    assert_books_are_right(&logs);
}

#[test]
fn a_scope_may_have_no_log() {
    let mut logs = logs(0, 1 << 20);
    assert_eq!(logs.head(&scope("a")), None);
    let (reply, _) = tokio::sync::oneshot::channel();
    let after = "00000000000000aa:0".parse().unwrap();
    let read = Read { scope: scope("a"), after, upto: None, reply };
    assert_eq!(logs.page(&read), Page::Reset { head: None });
}
