//! The rules of RFC 6455 for a server, each test named by the section it is from. Where a rule concerns what a
//! client does wrong, another client is connected and gets its events all the while.

mod closing;
mod framing;
mod handshake;
mod payload;

use crate::client::{Client, frame};
use crate::harness::{Running, options};
use crate::witness::Witness;

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// The same opcodes without FIN.
const TEXT_BEGUN: u8 = 0x01;
const CONTINUED: u8 = 0x00;
const CONTINUED_AND_DONE: u8 = 0x80;

/// A server and somebody who must not notice.
struct Scene {
    running: Running,
    witness: Witness,
}

impl Scene {
    fn new() -> Self {
        Self::with_message_bytes(options().limits.message_bytes)
    }

    fn with_message_bytes(message_bytes: usize) -> Self {
        let mut options = options();
        options.limits.message_bytes = message_bytes;
        let running = Running::start(options);
        let witness = Witness::new(&running);
        Self { running, witness }
    }

    fn join(&self) -> Client {
        self.running.join("a")
    }

    /// A client that sends these bytes is closed with this code, and the connection ends; nobody else notices.
    fn expect_close(&mut self, bytes: &[u8], code: u16) {
        let mut client = self.join();
        client.send_raw(bytes);
        assert_eq!(client.close_code(), code, "{bytes:x?}");
        client.expect_end();
        self.witness.is_served(&self.running);
    }

    /// A client that sends these bytes stays, and what it sends next is understood.
    fn expect_nothing(&mut self, bytes: &[u8]) {
        let mut client = self.join();
        client.send_raw(bytes);
        client.send_raw(&frame(TEXT, b"ping"));
        assert_eq!(client.text(), "pong", "{bytes:x?}");
        self.witness.is_served(&self.running);
    }
}
