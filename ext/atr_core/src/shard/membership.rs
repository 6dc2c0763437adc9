//! What ties a client to its shard while it is here: its part in the scopes, and its socket's place.

use super::Shard;
use crate::connection::Connection;
use crate::limits::Seat;
use std::rc::Rc;

/// Goes with a socket, and says when it is gone.
pub(crate) struct SocketGuard {
    pub(super) shard: Rc<Shard>,
    pub(super) seat: Seat,
}

impl SocketGuard {
    /// Whether the client can only be told that there is no room.
    pub(crate) fn is_in_lobby(&self) -> bool {
        self.seat.is_in_lobby()
    }
}

impl Drop for SocketGuard {
    fn drop(&mut self) {
        self.shard.sockets.set(self.shard.sockets.get() - 1);
        self.shard.socket_left.notify_one();
    }
}

/// A connection's part in its scopes; dropping it is leaving them.
pub(crate) struct Membership {
    pub(crate) shard: Rc<Shard>,
    pub(crate) connection: Rc<Connection>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.connection.hang_up();
        let groups = self.shard.groups.borrow();
        for scope in self.connection.scopes() {
            if let Some(group) = groups.get(scope) {
                group.depart();
            }
        }
        self.shard.stats.connections.subtract(1);
    }
}
