//! Knows what is wanted and what Redis delivers, and says what to ask for next. Plain data, no I/O.
//!
//! One request is under way at a time, so that a leave and a new join of the same scope cannot cross; what comes
//! meanwhile is joined into the next one.

use crate::broker::{Command, Page, Standing};
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
    /// News that the server has not been told yet.
    news: Vec<(Scope, Standing)>,
    /// What was asked for on this connection, and whether Redis has acknowledged it.
    standing: HashMap<Scope, bool>,
    /// The scopes that are in exactly one of the two.
    differing: HashSet<Scope>,
}

impl Subscriptions {
    /// Does what the server asks.
    pub(super) fn apply(&mut self, command: Command) {
        match command {
            Command::Subscribe { scope } => {
                if self.standing.get(&scope) == Some(&true) {
                    self.news.push((scope.clone(), Standing::Live(None)));
                }
                self.want(scope);
            }
            Command::Unsubscribe { scope } => self.unwant(&scope),
            // Publishers write to Redis themselves; this one is told so by the dropped `done`.
            Command::Publish { .. } | Command::Heads { .. } => {}
            Command::Read(read) => _ = read.reply.send(Page::Reset { head: None }),
        }
    }

    /// The same, while Redis is out of reach: nobody waits for it.
    pub(super) fn apply_without_waiting(&mut self, command: Command) {
        match command {
            Command::Subscribe { scope } => {
                self.news.push((scope.clone(), Standing::Away));
                self.want(scope);
            }
            other => self.apply(other),
        }
    }

    /// What the server is to be told.
    pub(super) fn take_news(&mut self) -> Vec<(Scope, Standing)> {
        std::mem::take(&mut self.news)
    }

    fn want(&mut self, scope: Scope) {
        self.wanted.insert(scope.clone());
        self.note_difference(scope);
    }

    fn unwant(&mut self, scope: &Scope) {
        self.wanted.remove(scope);
        self.note_difference(scope.clone());
    }

    fn note_difference(&mut self, scope: Scope) {
        if self.wanted.contains(&scope) == self.standing.contains_key(&scope) {
            self.differing.remove(&scope);
        } else {
            self.differing.insert(scope);
        }
    }

    /// What to ask Redis for next. To be called when the last change was acknowledged.
    pub(super) fn next_change(&mut self) -> Option<Change> {
        let joining = self.take_differing(|wanted| wanted);
        if !joining.is_empty() {
            self.standing.extend(joining.iter().map(|scope| (scope.clone(), false)));
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

    /// Redis has done what [`Subscriptions::next_change`] said.
    pub(super) fn acknowledged(&mut self, change: Change) {
        let Change::Subscribe(scopes) = change else { return };
        for scope in scopes {
            if self.wanted.contains(&scope) {
                self.news.push((scope.clone(), Standing::Live(None)));
            }
            self.standing.insert(scope, true);
        }
    }

    /// The connection is gone: nothing stands, and nobody shall wait for it. Everything is asked for again.
    pub(super) fn lose(&mut self) {
        self.standing.clear();
        self.news = self.wanted.iter().map(|scope| (scope.clone(), Standing::Away)).collect();
        self.differing = self.wanted.clone();
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

    fn subscribe(subscriptions: &mut Subscriptions, name: &str) {
        subscriptions.apply(Command::Subscribe { scope: scope(name) });
    }

    fn live(name: &str) -> (Scope, Standing) {
        (scope(name), Standing::Live(None))
    }

    fn away(name: &str) -> (Scope, Standing) {
        (scope(name), Standing::Away)
    }

    fn unsubscribe(subscriptions: &mut Subscriptions, name: &str) {
        subscriptions.apply(Command::Unsubscribe { scope: scope(name) });
    }

    #[test]
    fn tells_when_redis_has_acknowledged() {
        let mut subscriptions = Subscriptions::default();
        subscribe(&mut subscriptions, "a");
        let change = subscriptions.next_change().unwrap();
        assert_eq!(change, Change::Subscribe(vec![scope("a")]));
        assert_eq!(subscriptions.take_news(), []);

        subscriptions.acknowledged(change);
        assert_eq!(subscriptions.take_news(), [live("a")]);
        subscribe(&mut subscriptions, "a");
        assert_eq!(subscriptions.take_news(), [live("a")], "it stands");
        assert_eq!(subscriptions.next_change(), None);
    }

    #[test]
    fn a_leave_that_meets_a_new_join_ends_subscribed() {
        let mut subscriptions = Subscriptions::default();
        subscribe(&mut subscriptions, "a");
        let change = subscriptions.next_change().unwrap();
        subscriptions.acknowledged(change);

        unsubscribe(&mut subscriptions, "a");
        subscribe(&mut subscriptions, "a");
        assert_eq!(subscriptions.next_change(), None, "Redis was not told of the leave yet");

        unsubscribe(&mut subscriptions, "a");
        let leaving = subscriptions.next_change().unwrap();
        assert_eq!(leaving, Change::Unsubscribe(vec![scope("a")]));
        subscriptions.take_news();
        subscribe(&mut subscriptions, "a");
        subscriptions.acknowledged(leaving);
        assert_eq!(subscriptions.take_news(), [], "the new subscription does not stand yet");
        let joining = subscriptions.next_change().unwrap();
        assert_eq!(joining, Change::Subscribe(vec![scope("a")]));
        subscriptions.acknowledged(joining);
        assert_eq!(subscriptions.take_news(), [live("a")]);
    }

    #[test]
    fn a_scope_that_nobody_wants_any_longer_is_left_after_the_acknowledgement() {
        let mut subscriptions = Subscriptions::default();
        subscribe(&mut subscriptions, "a");
        let joining = subscriptions.next_change().unwrap();
        unsubscribe(&mut subscriptions, "a");
        subscriptions.acknowledged(joining);
        assert_eq!(subscriptions.next_change(), Some(Change::Unsubscribe(vec![scope("a")])));
        assert_eq!(subscriptions.standing(), 0);
    }

    #[test]
    fn asks_for_everything_again_after_a_loss_and_lets_nobody_wait() {
        let mut subscriptions = Subscriptions::default();
        subscribe(&mut subscriptions, "a");
        let change = subscriptions.next_change().unwrap();
        subscriptions.acknowledged(change);
        subscriptions.lose();
        assert_eq!(subscriptions.take_news(), [away("a")]);
        subscriptions.apply_without_waiting(Command::Subscribe { scope: scope("c") });
        assert_eq!(subscriptions.take_news(), [away("c")]);

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
            subscribe(&mut subscriptions, &format!("user.{n}"));
        }
        let mut sizes = vec![];
        while let Some(change) = subscriptions.next_change() {
            let Change::Subscribe(scopes) = &change else { panic!("{change:?}") };
            sizes.push(scopes.len());
            subscriptions.acknowledged(change);
        }
        assert_eq!(sizes, [MAX_CHANNELS, MAX_CHANNELS, 1]);
    }

    #[test]
    fn coming_and_going_while_redis_is_away_leaves_nothing_behind() {
        let mut subscriptions = Subscriptions::default();
        for n in 0..1000 {
            subscribe(&mut subscriptions, &n.to_string());
            unsubscribe(&mut subscriptions, &n.to_string());
        }
        assert!(subscriptions.differing.is_empty() && subscriptions.wanted.is_empty());
    }
}
