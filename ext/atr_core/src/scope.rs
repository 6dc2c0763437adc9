//! Names of scopes and events, checked once where they come in.
//!
//! Scope values are users' data, and a scope is part of a Redis key and channel: whatever could end the hash tag
//! (`{…}`), split a protocol line or not be printed is refused.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest scope or event name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// How the empty scope is spelt where an empty string cannot stand (a Redis hash tag).
pub const EMPTY_SPELLING: &str = "-";

/// Whether `name` may name an event: 1-255 bytes without white space, control characters or braces.
pub fn is_valid_name(name: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '{' || c == '}';
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.chars().any(forbidden)
}

/// Who may see an event: the prefix of its routing key, or nothing for unscoped events. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(Arc<str>);

impl Scope {
    /// The scope called `name`; the empty string is the empty scope. `None` when it cannot be a scope's name.
    pub fn new(name: &str) -> Option<Self> {
        let valid = name.is_empty() || (is_valid_name(name) && name != EMPTY_SPELLING);
        valid.then(|| Self(name.into()))
    }

    /// The scope that [`Scope::tag`] spells so.
    pub fn from_tag(tag: &str) -> Option<Self> {
        if tag == EMPTY_SPELLING { Self::new("") } else { Self::new(tag).filter(|scope| !scope.is_empty()) }
    }

    /// The name; empty for the empty scope.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it stands between the braces of a Redis key or channel.
    pub fn tag(&self) -> &str {
        if self.is_empty() { EMPTY_SPELLING } else { &self.0 }
    }

    /// Whether this is the scope of the unscoped events.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Borrow<str> for Scope {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Scope({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_apps_use() {
        for name in ["organization.1234", "user.é", "a", "client.00721b2a-1f", &"x".repeat(255)] {
            assert_eq!(Scope::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_what_would_break_a_key() {
        for name in ["a b", "a\nb", "a\u{85}b", "{a", "a}", "-", "\0", "a\u{2028}b", &"x".repeat(256)] {
            assert_eq!(Scope::new(name), None, "{name:?}");
        }
    }

    #[test]
    fn the_empty_scope_has_a_spelling_of_its_own() {
        let empty = Scope::new("").unwrap();
        assert_eq!(empty.tag(), "-");
        assert_eq!(Scope::from_tag("-"), Some(empty));
        assert_eq!(Scope::from_tag(""), None);
        assert_eq!(Scope::from_tag("user.1"), Scope::new("user.1"));
    }
}
