//! Finds a Redis that has fallen silent: what the server publishes to itself has to come back.
//!
//! Plain decisions, no I/O. A connection may stand while the machine behind it is gone, and a subscription may be dead
//! while Redis answers everything else: only a message that goes the way of the events proves that events come.

use super::Address;
use crate::broker::Timing;
use crate::random;
use tokio::time::Instant;

/// One connection's heartbeat.
#[derive(Debug)]
pub(super) struct Heartbeat {
    channel: String,
    timing: Timing,
    /// When the next beat goes out.
    next: Instant,
    /// When the one that is under way has to be back.
    due: Option<Instant>,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Publish on the heartbeat's channel.
    Beat,
    /// It did not come back.
    Silence,
}

impl Heartbeat {
    /// The first beat goes out at once, on a channel that nobody else has.
    pub(super) fn new(address: &Address, timing: Timing) -> Self {
        Self { channel: address.heartbeat_channel(&random::name()), timing, next: Instant::now(), due: None }
    }

    /// The channel to be subscribed to, and to be published on.
    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    /// When [`Heartbeat::turn`] has something to say.
    pub(super) fn at(&self) -> Instant {
        self.due.unwrap_or(self.next)
    }

    /// To be called at that time.
    pub(super) fn turn(&mut self) -> Turn {
        if self.due.is_some() {
            return Turn::Silence;
        }
        let now = Instant::now();
        self.next = now + self.timing.ping_interval;
        self.due = Some(now + self.timing.deadline);
        Turn::Beat
    }

    /// Messages have come: while there are some, the beat may stand in line behind them.
    pub(super) fn heard(&mut self, is_beat: bool) {
        match is_beat {
            true => self.due = None,
            false => self.due = self.due.map(|_| Instant::now() + self.timing.deadline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::{advance, sleep_until};

    const TIMING: Timing = Timing {
        deadline: Duration::from_secs(2),
        ping_interval: Duration::from_secs(5),
        backoff_first: Duration::ZERO,
        backoff_cap: Duration::ZERO,
    };

    fn heartbeat() -> Heartbeat {
        Heartbeat::new(&Address::new("redis://localhost/2", "atr").unwrap(), TIMING)
    }

    async fn next_turn(heartbeat: &mut Heartbeat) -> Turn {
        sleep_until(heartbeat.at()).await;
        heartbeat.turn()
    }

    #[tokio::test(start_paused = true)]
    async fn beats_at_once_and_again_while_the_beats_come_back() {
        let (mut heartbeat, start) = (heartbeat(), Instant::now());
        for beat in 0..3 {
            assert_eq!(next_turn(&mut heartbeat).await, Turn::Beat);
            assert_eq!(start.elapsed(), TIMING.ping_interval * beat);
            heartbeat.heard(true);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_beat_that_does_not_come_back_is_silence() {
        let (mut heartbeat, start) = (heartbeat(), Instant::now());
        assert_eq!(next_turn(&mut heartbeat).await, Turn::Beat);
        assert_eq!(next_turn(&mut heartbeat).await, Turn::Silence);
        assert_eq!(start.elapsed(), TIMING.deadline);
    }

    #[tokio::test(start_paused = true)]
    async fn other_messages_are_a_sign_of_life_for_a_while() {
        let (mut heartbeat, start) = (heartbeat(), Instant::now());
        assert_eq!(next_turn(&mut heartbeat).await, Turn::Beat);
        advance(Duration::from_secs(1)).await;
        heartbeat.heard(false);
        assert_eq!(next_turn(&mut heartbeat).await, Turn::Silence);
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn other_messages_make_no_beat_due() {
        let mut heartbeat = heartbeat();
        assert_eq!(next_turn(&mut heartbeat).await, Turn::Beat);
        heartbeat.heard(true);
        heartbeat.heard(false);
        assert_eq!(next_turn(&mut heartbeat).await, Turn::Beat);
    }

    #[tokio::test]
    async fn each_has_a_channel_of_its_own_that_is_no_scope_s() {
        let address = Address::new("redis://localhost/2", "atr").unwrap();
        let (first, second) = (heartbeat(), heartbeat());
        assert!(first.channel().starts_with("atr:2:heartbeat:"), "{}", first.channel());
        assert_ne!(first.channel(), second.channel());
        assert_eq!(address.scope_name(first.channel()), None);
    }
}
