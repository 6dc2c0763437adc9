//! Why a client is closed, and whether it is to come back.

use std::time::Duration;
use tungstenite::protocol::frame::coding::CloseCode;

/// What a client is told at its end. RFC 6455 §7.4.2 leaves the codes 4000-4999 to applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Farewell {
    /// The code of the close frame.
    pub(crate) code: u16,
    /// The word for it in `disconnect`.
    pub(crate) reason: &'static str,
    /// The text of the close frame.
    pub(crate) text: &'static str,
    /// Whether to come back.
    pub(crate) reconnect: bool,
    /// How soon at the earliest.
    pub(crate) after: Option<Duration>,
}

impl Farewell {
    pub(crate) const UNSUBSCRIBED: Self = Self::stay_away(1000, "unsubscribed", "unsubscribed");
    pub(crate) const SLOW: Self = Self::come_back(4008, "slow", "too slow: reconnect");
    pub(crate) const MALFORMED: Self = Self::stay_away(4400, "malformed", "the hello cannot be understood");
    pub(crate) const UNAUTHORIZED: Self =
        Self::stay_away(4401, "unauthorized", "the application did not let you in");
    pub(crate) const FORBIDDEN: Self =
        Self::stay_away(4403, "forbidden", "the application did not let you in");
    pub(crate) const LATE: Self = Self::come_back(4408, "late", "no hello came");
    pub(crate) const FAILED: Self = Self::come_back(4500, "failed", "the application could not decide");
    pub(crate) const BUSY: Self =
        Self { after: Some(Duration::from_secs(1)), ..Self::come_back(4503, "busy", "busy: try again") };

    /// The server stops.
    pub(crate) fn restart(after: Duration) -> Self {
        Self { after: Some(after), ..Self::come_back(1012, "restart", "the server restarts: reconnect") }
    }

    /// The client broke RFC 6455.
    pub(crate) fn broken(code: CloseCode, text: &'static str) -> Self {
        Self::stay_away(code.into(), "protocol", text)
    }

    const fn come_back(code: u16, reason: &'static str, text: &'static str) -> Self {
        Self { code, reason, text, reconnect: true, after: None }
    }

    const fn stay_away(code: u16, reason: &'static str, text: &'static str) -> Self {
        Self { code, reason, text, reconnect: false, after: None }
    }
}
