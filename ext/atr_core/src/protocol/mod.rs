//! What clients are spoken to in. `docs/protocol.md` specifies it.

pub(crate) mod atr_v1;
pub(crate) mod cursor;
pub(crate) mod filter;
pub(crate) mod hello;
pub(crate) mod last_event_id;
pub(crate) mod positions;
pub(crate) mod reset;
pub(crate) mod sse;

/// How a client wants its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Bare events in text frames.
    Plain,
    /// Events with positions, and control frames, in JSON.
    AtrV1,
    /// Server-sent events over HTTP.
    Sse,
}

impl Protocol {
    /// How many there are.
    pub(crate) const COUNT: usize = 3;
}
