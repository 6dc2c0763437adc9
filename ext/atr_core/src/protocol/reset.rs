//! Tells that events of a scope may be missing.

use super::atr_v1;
use crate::frame::Frames;
use crate::position::Position;
use crate::scope::Scope;
use std::sync::Arc;

/// A reset, encoded once for all clients that are told it in the same words.
#[derive(Debug)]
pub(crate) struct Reset {
    /// The scope.
    pub(crate) scope: Scope,
    /// Where it goes on; `None` without a log.
    pub(crate) head: Option<Position>,
    /// What clients of `atr.v1` are told.
    pub(crate) atr_v1: Arc<Frames>,
}

impl Reset {
    /// Events of `scope` may be missing before `head`.
    pub(crate) fn new(scope: Scope, head: Option<Position>) -> Self {
        let atr_v1 = Frames::of_text(&atr_v1::reset(&scope, head));
        Self { scope, head, atr_v1 }
    }
}
