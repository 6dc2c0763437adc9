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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BrokerOptions, Limits, ServerOptions};
    use crate::gate::Gate;
    use crate::log::Log;
    use crate::retention::{Retention, Retentions};
    use crate::server::Phase;
    use crate::shard::Setup;
    use std::collections::HashMap;
    use std::rc::Rc;
    use std::sync::Arc;
    use tokio::sync::{mpsc, watch};
    use tokio::task::{LocalSet, spawn_local, yield_now};

    const SCOPES: usize = 300;

    fn options() -> ServerOptions {
        ServerOptions {
            host: String::new(),
            port: 0,
            admin: None,
            broker: BrokerOptions::Memory { log_bytes: 0 },
            gate_required: false,
            gate_queue_size: 1,
            gate_deadline: Duration::ZERO,
            shards: 1,
            max_connections: 1,
            limits: Limits {
                message_bytes: 1,
                head_bytes: 8192,
                head_timeout: Duration::ZERO,
                outbox_bytes: 1,
                event_bytes: 1,
            },
            retentions: Retentions::all(Retention::NONE),
            ping_interval: Duration::from_secs(3600),
            drain: Duration::ZERO,
            subscription_grace: Duration::ZERO,
            debug_log: false,
        }
    }

    fn shard() -> (Rc<Shard>, mpsc::Receiver<Interest>) {
        let (interests, wanted) = mpsc::channel(4 * SCOPES);
        let setup = Setup {
            index: 0,
            options: Arc::new(options()),
            gate: Arc::new(Gate::new(1, Duration::ZERO)),
            stats: Arc::default(),
            log: Log::default(),
            accepted: mpsc::channel(1).1,
            parcels: mpsc::channel(1).1,
            parcel_bytes: Arc::default(),
            interests,
            phase: watch::channel(Phase::Running).1,
        };
        (Rc::new(Shard::new(&setup, mpsc::unbounded_channel().0)), wanted)
    }

    fn begin_groups(shard: &Rc<Shard>) {
        (0..SCOPES).for_each(|n| _ = shard.begin_group(&Scope::new(&n.to_string()).unwrap()));
    }

    #[tokio::test]
    async fn a_scope_that_is_wanted_again_is_not_given_up_behind_that() {
        let (shard, mut wanted) = shard();
        begin_groups(&shard);
        let (keeper, comer) = (Rc::clone(&shard), Rc::clone(&shard));
        let local = LocalSet::new();
        let keeping = local.spawn_local(async move { keeper.leave_abandoned().await });
        local
            .run_until(async {
                spawn_local(async move {
                    while comer.groups.borrow().len() == SCOPES {
                        yield_now().await;
                    }
                    // Whatever is not there any more is wanted anew.
                    for n in 0..SCOPES {
                        let scope = Scope::new(&n.to_string()).unwrap();
                        comer.group(&scope).unwrap_or_else(|| comer.begin_group(&scope)).enlist();
                    }
                })
                .await
                .unwrap();
                // So that whatever was about to be given up still is.
                for _ in 0..10 * SCOPES {
                    yield_now().await;
                }
            })
            .await;
        keeping.abort();
        let mut last = HashMap::new();
        while let Ok(interest) = wanted.try_recv() {
            match interest {
                Interest::Wanted { scope, .. } => _ = last.insert(scope, true),
                Interest::Unwanted { scope, .. } => _ = last.insert(scope, false),
                Interest::Read { .. } => {}
            }
        }
        let kept: Vec<_> = shard.groups.borrow().keys().cloned().collect();
        assert_eq!(kept.len(), SCOPES);
        assert!(kept.iter().all(|scope| last[scope]), "the last word on a scope that is there");
    }
}
