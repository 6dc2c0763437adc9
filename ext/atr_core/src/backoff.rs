//! The times between attempts to reach something that does not answer.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// Delays that double from `first` to `cap` and never end, each between half and the whole of its step: servers
/// that lost the same Redis at once must not all come back at once.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    step: Duration,
}

impl Backoff {
    /// A backoff that begins with about `first`.
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, step: first }
    }

    /// The delay before the next attempt.
    pub fn next_delay(&mut self) -> Duration {
        let step = self.step;
        self.step = (step * 2).min(self.cap);
        step.mul_f64(0.5 + 0.5 * random_fraction())
    }

    /// Begins again: the last attempt succeeded.
    pub fn reset(&mut self) {
        self.step = self.first;
    }
}

/// A number from 0 up to 1, good enough to spread attempts: the standard library seeds each `RandomState` anew.
fn random_fraction() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap_with_jitter_and_begins_again() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(400));
        for step in [100, 200, 400, 400, 400] {
            let delay = backoff.next_delay().as_millis();
            assert!((step / 2..=step).contains(&delay), "{delay} for a step of {step}");
        }
        backoff.reset();
        assert!(backoff.next_delay() <= Duration::from_millis(100));
    }

    #[test]
    fn two_backoffs_differ() {
        let mut delays: Vec<_> = (0..20)
            .map(|_| Backoff::new(Duration::from_secs(10), Duration::from_secs(10)).next_delay())
            .collect();
        delays.dedup();
        assert!(delays.len() > 1);
    }
}
