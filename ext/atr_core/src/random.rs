//! Numbers that nobody else has, for names. They are no secrets.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// A random number. Forked processes inherit the keys of the standard library's hashes, so the process and the time are
/// a part of it.
pub(crate) fn number() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    RandomState::new().hash_one((std::process::id(), time))
}

/// A name of 32 hexadecimal digits.
pub(crate) fn name() -> String {
    format!("{:016x}{:016x}", number(), number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ() {
        let (first, second) = (name(), name());
        assert_eq!(first.len(), 32);
        assert_ne!(first, second);
    }
}
