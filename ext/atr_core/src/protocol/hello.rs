//! What clients of `atr.v1` send.

use crate::pattern::Pattern;
use serde_json::{Map, Value};

/// Names that a client may ask for.
const MAX_NAMES: usize = 100;

/// A frame of a client.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// It is there, and wants to know whether the server is.
    Ping,
    /// It is there.
    Pong,
    /// What it wants.
    Hello(Hello),
    /// A `hello` that cannot be understood, and why.
    MalformedHello(String),
    /// Nothing that this protocol has, and why.
    Malformed(&'static str),
}

/// What a client wants.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Hello {
    /// The last position that it has of each scope.
    pub(crate) positions: Map<String, Value>,
    /// The names of the events that it wants; `None` for all.
    pub(crate) names: Option<Box<[Pattern]>>,
}

/// Reads a frame.
pub(crate) fn read(text: &str) -> Said {
    match text {
        r#"{"type":"pong"}"# => Said::Pong,
        r#"{"type":"ping"}"# => Said::Ping,
        text => match serde_json::from_str(text) {
            Ok(Value::Object(frame)) => read_frame(frame),
            Ok(_) => Said::Malformed("it is no JSON object"),
            Err(_) => Said::Malformed("it is not JSON"),
        },
    }
}

fn read_frame(mut frame: Map<String, Value>) -> Said {
    match frame.get("type").and_then(Value::as_str) {
        Some("pong") => Said::Pong,
        Some("ping") => Said::Ping,
        Some("hello") => {
            let (positions, names) = (frame.remove("positions"), frame.remove("names"));
            hello(positions, names).map_or_else(Said::MalformedHello, Said::Hello)
        }
        Some(_) => Said::Malformed("there is no such type"),
        None => Said::Malformed("it has no type"),
    }
}

fn hello(positions: Option<Value>, names: Option<Value>) -> Result<Hello, String> {
    let positions = match positions {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(positions)) => positions,
        Some(_) => return Err("positions is to be an object: scopes and their positions".into()),
    };
    let names = match names {
        None | Some(Value::Null) => None,
        Some(Value::Array(names)) => Some(patterns(&names)?),
        Some(_) => return Err("names is to be a list of names".into()),
    };
    Ok(Hello { positions, names })
}

fn patterns(names: &[Value]) -> Result<Box<[Pattern]>, String> {
    if names.len() > MAX_NAMES {
        return Err(format!("names has {} members; {MAX_NAMES} are possible", names.len()));
    }
    let pattern = |(index, name): (usize, &Value)| {
        name.as_str().and_then(Pattern::new).ok_or_else(|| {
            format!("names[{index}] is no name of 1 to 255 bytes, with a star at its end at most: post.*")
        })
    };
    names.iter().enumerate().map(pattern).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_there_is() {
        assert_eq!(read(r#"{"type":"ping"}"#), Said::Ping);
        assert_eq!(read(r#"{ "type" : "pong", "more": 1 }"#), Said::Pong);
        assert_eq!(read(r#"{"type":"hello"}"#), Said::Hello(Hello::default()));
        let Said::Hello(hello) = read(r#"{"type":"hello","positions":{"a":"b"},"names":["post.*"]}"#) else {
            panic!("it is one")
        };
        assert_eq!(hello.positions["a"], "b");
        assert!(hello.names.unwrap()[0].matches("post.created"));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, expected) in [
            ("hello", "not JSON"),
            ("[]", "no JSON object"),
            ("{}", "no type"),
            (r#"{"type":1}"#, "no type"),
            (r#"{"type":"subscribe"}"#, "no such type"),
            (r#"{"type":"hello","positions":[]}"#, "positions is to be an object"),
            (r#"{"type":"hello","names":"post.*"}"#, "names is to be a list"),
            (r#"{"type":"hello","names":["a","*.b"]}"#, "names[1]"),
            (r#"{"type":"hello","names":[1]}"#, "names[0]"),
        ] {
            let said = format!("{:?}", read(text));
            assert!(said.contains(expected) && said.starts_with("Malformed"), "{text}: {said}");
        }
        let names = vec!["\"a\""; MAX_NAMES + 1].join(",");
        assert!(matches!(read(&format!(r#"{{"type":"hello","names":[{names}]}}"#)), Said::MalformedHello(_)));
    }
}
