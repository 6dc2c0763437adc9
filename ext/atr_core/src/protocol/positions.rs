//! Reads the positions that a client gives back.

use crate::join::Start;
use crate::scope::Scope;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Scopes that are told to be ignored, or to have no position, at most.
const MAX_TOLD: usize = 10;
/// What is repeated of a scope's name.
const MAX_TOLD_CHARS: usize = 255;

/// From where a client wants its scopes.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Starts {
    /// The scopes of the client that it has named.
    pub(crate) starts: HashMap<Scope, Start>,
    /// Scopes that are not the client's.
    pub(crate) ignored: Vec<String>,
    /// Scopes of the client whose position is none.
    pub(crate) malformed: Vec<String>,
}

/// Reads positions by scope for a client that may see `scopes`, which are sorted.
pub(crate) fn starts(positions: &Map<String, Value>, scopes: &[Scope]) -> Starts {
    let mut read = Starts::default();
    for (name, position) in positions {
        let found = scopes.binary_search_by(|scope| scope.as_str().cmp(name));
        let Some(scope) = found.ok().and_then(|index| scopes.get(index)) else {
            tell(&mut read.ignored, name);
            continue;
        };
        let start = match position.as_str().and_then(|position| position.parse().ok()) {
            Some(position) => Start::After(position),
            None => {
                tell(&mut read.malformed, name);
                Start::Lost
            }
        };
        read.starts.insert(scope.clone(), start);
    }
    read
}

fn tell(told: &mut Vec<String>, name: &str) {
    if told.len() < MAX_TOLD {
        told.push(name.chars().take(MAX_TOLD_CHARS).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(positions: Value) -> Starts {
        let scopes: Vec<_> = ["", "organization.1", "user.7"].map(|name| Scope::new(name).unwrap()).into();
        starts(positions.as_object().unwrap(), &scopes)
    }

    #[test]
    fn a_position_is_where_to_start() {
        let starts = read(json!({ "": "8f3a52c1d09e4b76:0", "user.7": "8f3a52c1d09e4b76:17" })).starts;
        let after = |position: &str| Start::After(position.parse().unwrap());
        assert_eq!(starts[""], after("8f3a52c1d09e4b76:0"));
        assert_eq!(starts["user.7"], after("8f3a52c1d09e4b76:17"));
        assert_eq!(starts.len(), 2);
    }

    #[test]
    fn what_is_none_is_lost_and_said_so() {
        for position in [json!("nan:1"), json!("8f3a52c1d09e4b76:-1"), json!(17), json!(null), json!({})] {
            let read = read(json!({ "user.7": position }));
            assert_eq!((read.starts["user.7"], read.malformed), (Start::Lost, vec!["user.7".to_owned()]));
        }
    }

    #[test]
    fn other_scopes_are_ignored_and_a_few_of_them_named() {
        let many: Map<_, _> = (0..1000).map(|n| (format!("organization.{n}"), json!("nan"))).collect();
        let read = read(Value::Object(many));
        assert_eq!((read.starts.len(), read.ignored.len(), read.malformed.len()), (1, MAX_TOLD, 1));
        assert!(!read.ignored.contains(&"organization.1".to_owned()));
    }
}
