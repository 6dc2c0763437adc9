//! Why a client may not come in, and how it is told: by an HTTP status, or by the code of a close.

use crate::answer::{Answer, with_header};
use crate::farewell::Farewell;
use crate::http::plain;
use crate::stats::Stats;
use hyper::StatusCode;
use hyper::header::RETRY_AFTER;

/// Why a client may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The app, or the Origin rule, said no with this status.
    Denied(u16),
    /// The app's code raised.
    Failed,
    /// There is no room, or no time. The line says which.
    Busy(&'static str),
}

impl Refusal {
    /// Counts it.
    pub(crate) fn count(self, stats: &Stats) {
        let counter = match self {
            Self::Denied(_) => &stats.refused,
            Self::Failed => &stats.failed,
            Self::Busy(_) => &stats.turned_away,
        };
        counter.add(1);
    }

    /// How HTTP says it.
    pub(crate) fn answer(self) -> Answer {
        match self {
            Self::Denied(status) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
                plain(status, "The application did not let you in.")
            }
            Self::Failed => plain(StatusCode::INTERNAL_SERVER_ERROR, "The application could not decide."),
            Self::Busy(line) => with_header(plain(StatusCode::SERVICE_UNAVAILABLE, line), RETRY_AFTER, "1"),
        }
    }

    /// How a websocket says it, whose client cannot see a status.
    pub(crate) fn farewell(self) -> Farewell {
        match self {
            Self::Denied(401) => Farewell::UNAUTHORIZED,
            Self::Denied(_) => Farewell::FORBIDDEN,
            Self::Failed => Farewell::FAILED,
            Self::Busy(_) => Farewell::BUSY,
        }
    }
}
