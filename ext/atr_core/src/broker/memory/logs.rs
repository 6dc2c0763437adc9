//! The logs of all scopes in memory, and the bounds that they are kept within.

use super::log::{ScopeLog, size_of};
use crate::broker::{Message, Page, Read};
use crate::event::Event;
use crate::position::Position;
use crate::retention::{Retention, Retentions};
use crate::scope::Scope;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How long at least it is known where a log ended, as in Redis: a client that comes back is told the truth so long.
const META_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// About what a log without events takes beside its scope's name: it stands in a table and in an order.
const LOG_BYTES: usize = std::mem::size_of::<Kept>() + 2 * std::mem::size_of::<Scope>() + 128;

/// All logs. When they take too many bytes, the oldest events of the scope that was published to longest ago go first;
/// an empty log goes when those alone take half of the bytes, or nothing else is left.
#[derive(Debug)]
pub(super) struct Logs {
    logs: HashMap<Scope, Kept>,
    /// Those with events and those without, by when they were published to last.
    filled: BTreeMap<u64, Scope>,
    empty: BTreeMap<u64, Scope>,
    clock: u64,
    event_bytes: usize,
    log_bytes: usize,
    max_bytes: usize,
    retentions: Retentions,
}

#[derive(Debug)]
struct Kept {
    log: ScopeLog,
    retention: Retention,
    /// Its place in the order.
    turn: u64,
}

impl Logs {
    pub(super) fn new(max_bytes: usize, retentions: Retentions) -> Self {
        Self {
            logs: HashMap::new(),
            filled: BTreeMap::new(),
            empty: BTreeMap::new(),
            clock: 0,
            event_bytes: 0,
            log_bytes: 0,
            max_bytes,
            retentions,
        }
    }

    /// Where a scope's log ends; it begins if there was none. `None` when the scope has no log.
    pub(super) fn head(&mut self, scope: &Scope) -> Option<Position> {
        let head = self.kept(scope)?.log.head();
        self.shed();
        Some(head)
    }

    /// Appends an event to its scope's log, if that has one.
    pub(super) fn append(&mut self, event: Event) -> Message {
        self.expire(&event.scope);
        self.clock += 1;
        let turn = self.clock;
        let Some(kept) = self.kept(&event.scope) else {
            return Message { position: None, name: event.name.into(), json: event.json };
        };
        let size = kept.retention.size as usize;
        let (last_turn, was_empty) = (std::mem::replace(&mut kept.turn, turn), kept.log.is_empty());
        let message = kept.log.append(&event.name, event.json).clone();
        let surplus = kept.log.len().saturating_sub(size);
        if was_empty {
            self.empty.remove(&last_turn)
        } else {
            self.filled.remove(&last_turn)
        };
        self.filled.insert(turn, event.scope.clone());
        self.event_bytes += size_of(&message);
        self.shed_events(&event.scope, surplus);
        self.shed();
        message
    }

    /// What follows a position in a scope's log.
    pub(super) fn page(&mut self, read: &Read) -> Page {
        self.expire(&read.scope);
        let page = self.kept(&read.scope).map(|kept| kept.log.page(read.after, read.upto));
        self.shed();
        page.unwrap_or(Page::Reset { head: None })
    }

    /// Lets go what nobody will ask for any more. To be called now and then.
    pub(super) fn sweep(&mut self) {
        let scopes: Vec<_> = self.logs.keys().cloned().collect();
        for scope in scopes {
            self.expire(&scope);
            let is_idle = |kept: &Kept| kept.log.is_idle(META_TTL.max(kept.retention.ttl.saturating_mul(2)));
            if self.logs.get(&scope).is_some_and(is_idle) {
                self.forget(&scope);
            }
        }
    }

    fn kept(&mut self, scope: &Scope) -> Option<&mut Kept> {
        if !self.logs.contains_key(scope) {
            let retention = self.retentions.of(scope);
            if !retention.is_kept() {
                return None;
            }
            self.clock += 1;
            let turn = self.clock;
            self.logs.insert(scope.clone(), Kept { log: ScopeLog::new(), retention, turn });
            self.empty.insert(turn, scope.clone());
            self.log_bytes += log_bytes(scope);
        }
        self.logs.get_mut(scope)
    }

    fn expire(&mut self, scope: &Scope) {
        let expired = |kept: &&Kept| kept.log.is_expired(kept.retention.ttl);
        let count = self.logs.get(scope).filter(expired).map_or(0, |kept| kept.log.len());
        self.shed_events(scope, count);
    }

    /// Keeps all of them within their bytes.
    fn shed(&mut self) {
        while self.event_bytes + self.log_bytes > self.max_bytes {
            let has_too_many = self.log_bytes > self.max_bytes / 2 || self.filled.is_empty();
            let oldest_empty = self.empty.first_key_value().map(|(_, scope)| scope.clone());
            let oldest_filled = self.filled.first_key_value().map(|(_, scope)| scope.clone());
            match (oldest_empty, oldest_filled) {
                (Some(scope), _) if has_too_many => self.forget(&scope),
                (_, Some(scope)) => self.shed_events(&scope, 1),
                _ => return,
            }
        }
    }

    /// Takes the oldest events out of a log.
    fn shed_events(&mut self, scope: &Scope, count: usize) {
        let Some(kept) = self.logs.get_mut(scope).filter(|_| count > 0) else { return };
        for event in std::iter::from_fn(|| kept.log.shed()).take(count) {
            self.event_bytes -= size_of(&event);
        }
        if kept.log.is_empty()
            && let Some(scope) = self.filled.remove(&kept.turn)
        {
            self.empty.insert(kept.turn, scope);
        }
    }

    fn forget(&mut self, scope: &Scope) {
        self.shed_events(scope, usize::MAX);
        if let Some(kept) = self.logs.remove(scope) {
            self.empty.remove(&kept.turn);
            self.log_bytes -= log_bytes(scope);
        }
    }
}

fn log_bytes(scope: &Scope) -> usize {
    LOG_BYTES + scope.as_str().len()
}

#[cfg(test)]
mod tests {
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
        let mut tiny = super::tests::logs(100, 0);
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
}
