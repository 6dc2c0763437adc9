//! What the router hands to a shard.

use crate::batch::Batch;
use crate::broker::Standing;
use crate::scope::Scope;
use std::sync::Arc;

/// What the broker brought for one scope.
#[derive(Debug)]
pub(crate) enum Notice {
    /// Events.
    Batch(Arc<Batch>),
    /// Whether its events come.
    Standing(Scope, Standing),
}

impl Notice {
    pub(crate) fn scope(&self) -> &Scope {
        match self {
            Self::Batch(batch) => batch.scope(),
            Self::Standing(scope, _) => scope,
        }
    }
}

/// Everything that one reading of the broker brought for a shard: one wake for all of it.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    pub(crate) notices: Vec<Notice>,
    pub(crate) bytes: usize,
}
