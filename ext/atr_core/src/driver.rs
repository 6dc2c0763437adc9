//! The task that reads and writes for a connection.

use tokio::task::{JoinSet, yield_now};

/// A connection's task: it ends when the connection does, and is ended when this is dropped.
pub(crate) struct Driver(JoinSet<()>);

impl Driver {
    pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        let mut tasks = JoinSet::new();
        tasks.spawn(task);
        Self(tasks)
    }

    /// Whether the connection has ended, even if nobody has noticed until this moment. Cancel-safe.
    pub(crate) async fn has_ended(&mut self) -> bool {
        // The first time the runtime looks what the sockets have, the second time the task sees it.
        yield_now().await;
        yield_now().await;
        self.0.is_empty() || self.0.try_join_next().is_some()
    }

    /// Waits for the end of the connection. Cancel-safe.
    pub(crate) async fn ended(&mut self) {
        self.0.join_next().await;
    }
}
