//! How much of a log one answer holds, with either broker.

/// Events of one page.
pub(crate) const MAX_EVENTS: usize = 512;
/// Bytes of one page's events, unless the first alone is larger.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
