//! An event on its way from the publishing process to the broker.

use crate::scope::Scope;
use bytes::Bytes;

/// An event as the app's serializer has made it. Nobody looks into `json` again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Tells this event from every other, also when its publishing is tried again.
    pub id: String,
    /// Who may see it.
    pub scope: Scope,
    /// What happened: `post.created`.
    pub name: String,
    /// Scope and name: `organization.1234.post.created`.
    pub routing_key: String,
    /// The bytes that every browser gets: UTF-8, and JSON unless the app's serializer makes something else.
    pub json: Bytes,
}

impl Event {
    /// About how many bytes the event takes while it waits, for the bounds of queues.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.id.len() + self.name.len() + self.routing_key.len() + self.json.len()
    }
}
