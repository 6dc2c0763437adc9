//! What a shard does by the clock: pings, and leaving scopes that nobody wants any longer.

use super::{PING_SLOTS, Shard};
use crate::connection::Ending;
use crate::router::Interest;
use crate::scope::Scope;
use std::time::Duration;
use tokio::time::Instant;

impl Shard {
    /// Keeps house until it is dropped.
    pub(super) async fn keep_house(&self) {
        tokio::join!(self.ping_all(), self.leave_abandoned());
    }

    /// Gives up scopes that nobody wants any longer, some time after the last client has left.
    async fn leave_abandoned(&self) {
        let grace = self.options.subscription_grace;
        let period = (grace / 4).clamp(Duration::from_millis(20), Duration::from_secs(1));
        loop {
            tokio::time::sleep(period).await;
            self.log.tell_overdue();
            for scope in self.abandoned(grace) {
                let Ok(permit) = self.interests.reserve().await else { return };
                // Somebody may have come while that waited. From here on nothing does: a later wish is queued behind this.
                if self.give_up(&scope, grace) {
                    permit.send(Interest::Unwanted { shard: self.index, scope });
                }
            }
        }
    }

    fn abandoned(&self, grace: Duration) -> Vec<Scope> {
        let groups = self.groups.borrow();
        groups.iter().filter(|(_, group)| group.is_abandoned(grace)).map(|(scope, _)| scope.clone()).collect()
    }

    /// Whether nobody wants the scope still; it is gone then.
    fn give_up(&self, scope: &Scope, grace: Duration) -> bool {
        let is_abandoned = self.group(scope).is_some_and(|group| group.is_abandoned(grace));
        if is_abandoned {
            self.groups.borrow_mut().remove(scope);
        }
        is_abandoned
    }

    /// Pings each connection once in a ping interval and cuts off those that were silent for two.
    async fn ping_all(&self) {
        let period = self.options.ping_interval / PING_SLOTS as u32;
        let mut ticks = tokio::time::interval_at(Instant::now() + period, period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for slot in (0..PING_SLOTS).cycle() {
            ticks.tick().await;
            self.ping_slots.borrow_mut()[slot].retain(|connection| {
                if connection.is_open() && connection.ping() >= 2 {
                    self.stats.silent_clients.add(1);
                    connection.end(Ending::Abort);
                }
                connection.is_open()
            });
        }
    }
}
