//! A client that must not notice what others do: it keeps its connection and gets every event.

use crate::client::Client;
use crate::harness::Running;

pub struct Witness {
    client: Client,
    seen: u32,
}

impl Witness {
    pub fn new(running: &Running) -> Self {
        Self { client: running.join("witness"), seen: 0 }
    }

    /// Publishes an event, which must be the next thing that comes.
    pub fn is_served(&mut self, running: &Running) {
        self.seen += 1;
        let event = self.seen.to_string();
        running.publish(&[("witness", &event)]);
        assert_eq!(self.client.text(), event);
    }
}
