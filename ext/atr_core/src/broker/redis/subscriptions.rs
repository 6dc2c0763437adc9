//! Knows what is wanted and what Redis delivers, and says what to ask for next. Plain data, no I/O.
//!
//! One request is under way at a time, so that a leave and a new join of the same scope cannot cross; what comes
//! meanwhile is joined into the next one.

use crate::scope::Scope;
use std::collections::{HashMap, HashSet};

/// Channels of one request, so that neither side has to hold all of a large server's at once.
const MAX_CHANNELS: usize = 1000;

/// A request to Redis.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Subscribe(Vec<Scope>),
    Unsubscribe(Vec<Scope>),
}

/// What is wanted of this Redis and what it delivers.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    wanted: HashSet<Scope>,
    /// What was asked for on this connection. When Redis has acknowledged it, it has a number that no subscription had
    /// before.
    standing: HashMap<Scope, Option<u64>>,
    /// The scopes that are in exactly one of the two.
    differing: HashSet<Scope>,
    last_number: u64,
}

impl Subscriptions {
    /// Wants a scope. The number of its subscription, if it stands.
    pub(super) fn want(&mut self, scope: &Scope) -> Option<u64> {
        self.wanted.insert(scope.clone());
        self.note_difference(scope);
        self.standing.get(scope).copied().flatten()
    }

    /// Wants a scope no longer.
    pub(super) fn unwant(&mut self, scope: &Scope) {
        self.wanted.remove(scope);
        self.note_difference(scope);
    }

    fn note_difference(&mut self, scope: &Scope) {
        if self.wanted.contains(scope) == self.standing.contains_key(scope) {
            self.differing.remove(scope);
        } else {
            self.differing.insert(scope.clone());
        }
    }

    /// What to ask Redis for next. To be called when the last change was acknowledged.
    pub(super) fn next_change(&mut self) -> Option<Change> {
        let joining = self.take_differing(|wanted| wanted);
        if !joining.is_empty() {
            self.standing.extend(joining.iter().map(|scope| (scope.clone(), None)));
            return Some(Change::Subscribe(joining));
        }
        let leaving = self.take_differing(|wanted| !wanted);
        for scope in &leaving {
            self.standing.remove(scope);
        }
        (!leaving.is_empty()).then_some(Change::Unsubscribe(leaving))
    }

    fn take_differing(&mut self, choose: impl Fn(bool) -> bool) -> Vec<Scope> {
        let chosen = self.differing.iter().filter(|scope| choose(self.wanted.contains(*scope)));
        let chosen: Vec<_> = chosen.take(MAX_CHANNELS).cloned().collect();
        for scope in &chosen {
            self.differing.remove(scope);
        }
        chosen
    }

    /// Redis has done what [`Subscriptions::next_change`] said. The subscriptions that stand now and are still wanted.
    pub(super) fn acknowledged(&mut self, change: Change) -> Vec<(Scope, u64)> {
        let Change::Subscribe(scopes) = change else { return vec![] };
        self.last_number += 1;
        let number = self.last_number;
        for scope in &scopes {
            self.standing.insert(scope.clone(), Some(number));
        }
        scopes.into_iter().filter(|scope| self.wanted.contains(scope)).map(|scope| (scope, number)).collect()
    }

    /// Whether this subscription has stood until now, and is wanted.
    pub(super) fn has(&self, scope: &Scope, number: u64) -> bool {
        self.wanted.contains(scope) && self.standing.get(scope) == Some(&Some(number))
    }

    /// The connection is gone: nothing stands, and everything is asked for again. What is wanted.
    pub(super) fn lose(&mut self) -> Vec<Scope> {
        self.standing.clear();
        self.differing = self.wanted.clone();
        self.wanted.iter().cloned().collect()
    }

    /// The wanted scope of this name, without making a new one.
    pub(super) fn wanted(&self, name: &str) -> Option<Scope> {
        self.wanted.get(name).cloned()
    }

    /// How many scopes there are to ask for, or to leave.
    pub(super) fn differing(&self) -> usize {
        self.differing.len()
    }

    /// How many scopes Redis was asked to deliver on this connection.
    pub(super) fn standing(&self) -> usize {
        self.standing.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(name: &str) -> Scope {
        Scope::new(name).unwrap()
    }

    fn subscribe(names: &[&str]) -> Change {
        Change::Subscribe(names.iter().map(|name| scope(name)).collect())
    }

    #[test]
    fn a_scope_stands_when_redis_has_acknowledged() {
        let mut subscriptions = Subscriptions::default();
        assert_eq!(subscriptions.want(&scope("a")), None);
        let change = subscriptions.next_change().unwrap();
        assert_eq!(change, subscribe(&["a"]));
        assert_eq!(subscriptions.want(&scope("a")), None);
        assert!(!subscriptions.has(&scope("a"), 1));

        assert_eq!(subscriptions.acknowledged(change), [(scope("a"), 1)]);
        assert_eq!(subscriptions.want(&scope("a")), Some(1));
        assert!(subscriptions.has(&scope("a"), 1));
        assert_eq!(subscriptions.next_change(), None);
    }

    #[test]
    fn a_leave_that_meets_a_new_join_ends_subscribed() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.want(&scope("a"));
        let change = subscriptions.next_change().unwrap();
        subscriptions.acknowledged(change);

        subscriptions.unwant(&scope("a"));
        assert!(!subscriptions.has(&scope("a"), 1));
        assert_eq!(subscriptions.want(&scope("a")), Some(1), "Redis was not told of the leave yet");
        assert_eq!(subscriptions.next_change(), None);

        subscriptions.unwant(&scope("a"));
        let leaving = subscriptions.next_change().unwrap();
        assert_eq!(leaving, Change::Unsubscribe(vec![scope("a")]));
        assert_eq!(subscriptions.want(&scope("a")), None, "the new subscription does not stand yet");
        assert_eq!(subscriptions.acknowledged(leaving), []);
        let joining = subscriptions.next_change().unwrap();
        assert_eq!(joining, subscribe(&["a"]));
        assert_eq!(subscriptions.acknowledged(joining), [(scope("a"), 2)]);
        assert!(subscriptions.has(&scope("a"), 2));
        assert!(!subscriptions.has(&scope("a"), 1), "what was read for it is too old");
    }

    #[test]
    fn a_scope_that_nobody_wants_any_longer_is_left_after_the_acknowledgement() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.want(&scope("a"));
        let joining = subscriptions.next_change().unwrap();
        subscriptions.unwant(&scope("a"));
        assert_eq!(subscriptions.acknowledged(joining), []);
        assert_eq!(subscriptions.next_change(), Some(Change::Unsubscribe(vec![scope("a")])));
        assert_eq!(subscriptions.standing(), 0);
    }

    #[test]
    fn asks_for_everything_again_after_a_loss() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.want(&scope("a"));
        let change = subscriptions.next_change().unwrap();
        subscriptions.acknowledged(change);
        assert_eq!(subscriptions.lose(), [scope("a")]);
        assert!(!subscriptions.has(&scope("a"), 1));
        assert_eq!(subscriptions.want(&scope("c")), None);

        let Some(Change::Subscribe(mut scopes)) = subscriptions.next_change() else {
            panic!("nothing to do")
        };
        scopes.sort();
        assert_eq!(scopes, [scope("a"), scope("c")]);
    }

    #[test]
    fn asks_in_batches() {
        let mut subscriptions = Subscriptions::default();
        for n in 0..2 * MAX_CHANNELS + 1 {
            subscriptions.want(&scope(&format!("user.{n}")));
        }
        let mut sizes = vec![];
        while let Some(change) = subscriptions.next_change() {
            sizes.push(subscriptions.acknowledged(change).len());
        }
        assert_eq!(sizes, [MAX_CHANNELS, MAX_CHANNELS, 1]);
    }

    #[test]
    fn coming_and_going_while_redis_is_away_leaves_nothing_behind() {
        let mut subscriptions = Subscriptions::default();
        for n in 0..1000 {
            subscriptions.want(&scope(&n.to_string()));
            subscriptions.unwant(&scope(&n.to_string()));
        }
        assert!(subscriptions.differing.is_empty() && subscriptions.wanted.is_empty());
    }
}
