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
mod tests;
