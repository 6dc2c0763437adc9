//! How much of a scope's log is kept, and how long.

use crate::pattern::Pattern;
use crate::scope::Scope;
use std::time::Duration;

/// How much of one scope's log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// At least so many of the last events; 0 keeps no log at all.
    pub size: u32,
    /// So long after the last event.
    pub ttl: Duration,
}

impl Retention {
    /// No log.
    pub const NONE: Self = Self { size: 0, ttl: Duration::ZERO };

    /// Whether there is a log.
    pub fn is_kept(&self) -> bool {
        self.size > 0
    }
}

/// What is kept of each scope's log.
#[derive(Debug, Clone)]
pub struct Retentions {
    /// Kinds of scopes; the first that fits counts.
    pub kinds: Vec<(Pattern, Retention)>,
    /// Every other scope.
    pub otherwise: Retention,
}

impl Retentions {
    /// The same for every scope.
    pub fn all(retention: Retention) -> Self {
        Self { kinds: vec![], otherwise: retention }
    }

    /// Whether any scope may have a log.
    pub fn keep_any(&self) -> bool {
        self.kinds.iter().map(|(_, kept)| kept).chain([&self.otherwise]).any(Retention::is_kept)
    }

    /// What is kept of this scope's log.
    pub fn of(&self, scope: &Scope) -> Retention {
        let kind = self.kinds.iter().find(|(pattern, _)| pattern.matches(scope.as_str()));
        kind.map_or(self.otherwise, |(_, retention)| *retention)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_kind_that_fits_counts() {
        let keep = |size| Retention { size, ttl: Duration::from_secs(1) };
        let kinds = [("organization.1", 1), ("organization.*", 2)];
        let retentions = Retentions {
            kinds: kinds.map(|(pattern, size)| (Pattern::new(pattern).unwrap(), keep(size))).into(),
            otherwise: keep(3),
        };
        for (scope, size) in [("organization.1", 1), ("organization.2", 2), ("user.1", 3), ("", 3)] {
            assert_eq!(retentions.of(&Scope::new(scope).unwrap()).size, size, "{scope}");
        }
        assert!(retentions.keep_any());
        assert!(Retentions { otherwise: Retention::NONE, ..retentions }.keep_any());
        assert!(!Retentions::all(Retention::NONE).keep_any());
    }
}
