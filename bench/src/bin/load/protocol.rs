//! What a server says around the events.

use std::str::FromStr;

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Each text frame is an event, from the handshake on.
    Plain,
    /// Action Cable's: a welcome, a subscription and its confirmation, events in an envelope, heartbeats.
    Cable,
}

/// What to do about a text.
pub(crate) enum Meaning<'a> {
    /// Check it: it is an event.
    Event(&'a [u8]),
    /// Answer it.
    Answer(&'static str),
    /// The client gets events from now on.
    Ready,
    /// Nothing.
    Nothing,
}

const SUBSCRIBE: &str = r#"{"command":"subscribe","identifier":"{\"channel\":\"FeedChannel\"}"}"#;
const ENVELOPE: &str = r#"{"identifier":"{\"channel\":\"FeedChannel\"}","message":"#;

impl Protocol {
    /// The name to ask for in the handshake.
    pub(crate) fn name(self) -> Option<String> {
        (self == Self::Cable).then(|| "actioncable-v1-json".to_owned())
    }

    /// Whether a client may get events as soon as it is let in.
    pub(crate) fn is_ready_when_open(self) -> bool {
        self == Self::Plain
    }

    /// Whether the server promises order. Action Cable delivers from several threads.
    pub(crate) fn keeps_order(self) -> bool {
        self == Self::Plain
    }

    /// What stands before an event.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Cable => ENVELOPE,
        }
    }

    /// What a client gets when `event` is published.
    pub(crate) fn wrap(self, event: &[u8]) -> Vec<u8> {
        let suffix = if self == Self::Cable { "}" } else { "" };
        [self.prefix().as_bytes(), event, suffix.as_bytes()].concat()
    }

    /// A message of about `bytes` bytes that the server reads and does nothing about.
    pub(crate) fn message(self, bytes: usize) -> String {
        let filler = "x".repeat(bytes);
        match self {
            Self::Plain => filler,
            Self::Cable => format!(
                r#"{{"command":"message","identifier":"{{\"channel\":\"FeedChannel\"}}","data":"{{\"text\":\"{filler}\"}}"}}"#
            ),
        }
    }

    /// What a text from the server is.
    pub(crate) fn meaning(self, text: &[u8]) -> Meaning<'_> {
        match self {
            Self::Plain => Meaning::Event(text),
            Self::Cable if text.starts_with(ENVELOPE.as_bytes()) => Meaning::Event(text),
            Self::Cable if text.starts_with(br#"{"type":"welcome""#) => Meaning::Answer(SUBSCRIBE),
            Self::Cable if text.ends_with(br#""type":"confirm_subscription"}"#) => Meaning::Ready,
            Self::Cable if text.starts_with(br#"{"type":"ping""#) => Meaning::Nothing,
            Self::Cable => Meaning::Event(text),
        }
    }
}

impl FromStr for Protocol {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "plain" => Ok(Self::Plain),
            "cable" => Ok(Self::Cable),
            _ => Err("expected plain or cable"),
        }
    }
}
