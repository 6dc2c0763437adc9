//! The times after which a peer is given up or tried again.

use crate::backoff::Backoff;
use std::time::Duration;

/// The times of one link to a broker. The defaults are for production; tests shorten them.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long an answer may take before the connection counts as dead.
    pub deadline: Duration,
    /// The time between two signs of life that a server asks for; how long a publisher trusts a silent connection.
    pub ping_interval: Duration,
    /// About how long after a failure the first further attempt comes.
    pub backoff_first: Duration,
    /// About how long the time between two attempts gets at most.
    pub backoff_cap: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            ping_interval: Duration::from_secs(5),
            backoff_first: Duration::from_millis(100),
            backoff_cap: Duration::from_secs(5),
        }
    }
}

impl Timing {
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.backoff_first, self.backoff_cap)
    }
}
