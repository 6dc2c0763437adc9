//! Why an event was not published, sorted by what is known of it.

use crate::Error;
use std::fmt;

/// Why an event was not published, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublishFailure {
    /// The broker has said no, or was never asked.
    Refused(String),
    /// It was sent and not answered. Sending it again could make two of it.
    Unknown(String),
    /// No server is there to hear of it.
    Unheard(String),
    /// The publisher was closed first.
    Closed,
}

impl PublishFailure {
    /// The same, with where it happened.
    pub(super) fn at(self, place: &impl fmt::Display) -> Self {
        match self {
            Self::Refused(reason) => Self::Refused(format!("{place}: {reason}")),
            Self::Unknown(reason) => Self::Unknown(format!("{place}: {reason}")),
            other => other,
        }
    }
}

impl fmt::Display for PublishFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) | Self::Unheard(reason) => {
                write!(formatter, "the event was not published: {reason}")
            }
            Self::Unknown(reason) => {
                write!(formatter, "nobody can tell whether the event was published: {reason}")
            }
            Self::Closed => formatter.write_str("the event was not published: the publisher was closed"),
        }
    }
}

impl From<PublishFailure> for Error {
    fn from(failure: PublishFailure) -> Self {
        Self::Publish(failure.to_string())
    }
}
