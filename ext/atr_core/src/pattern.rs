//! Names with a star: which events a client wants, which scopes a setting is for.

use crate::scope::is_valid_name;

/// A name, or a beginning of names: `post.created`, `post.*`, `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    is_prefix: bool,
}

impl Pattern {
    /// Reads a pattern. `None` when it can be no name, or has a star elsewhere than at the end, alone or behind a dot.
    pub fn new(pattern: &str) -> Option<Self> {
        let (text, is_prefix) = match pattern.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (pattern, false),
        };
        let is_whole = !is_prefix || text.is_empty() || text.ends_with('.');
        (is_valid_name(pattern) && is_whole && !text.contains('*'))
            .then(|| Self { text: text.into(), is_prefix })
    }

    /// Whether it stands for `name`.
    pub fn matches(&self, name: &str) -> bool {
        if self.is_prefix { name.starts_with(&*self.text) } else { name == &*self.text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_for_a_name_or_a_beginning() {
        let matches = |pattern: &str, name: &str| Pattern::new(pattern).unwrap().matches(name);
        assert!(matches("post.created", "post.created") && !matches("post.created", "post.created.twice"));
        assert!(matches("post.*", "post.created") && matches("post.*", "post.comment.created"));
        assert!(!matches("post.*", "post") && !matches("post.*", "postcard.created"));
        assert!(matches("*", "post.created") && matches("*", ""));
    }

    #[test]
    fn a_star_ends_it() {
        for pattern in
            ["", "*.created", "post.*.created", "po*", "**", "post.**", "a b", "{", &"x".repeat(256)]
        {
            assert_eq!(Pattern::new(pattern), None, "{pattern:?}");
        }
    }
}
