//! Reads what a client sends, with tungstenite, and keeps nothing of it while the client is silent.
//!
//! tungstenite's context takes its stream anew with each call, so it lives here only from the first byte of a
//! message to its last: an idle connection has no read buffer. What it writes (pongs, the answer to a close) goes
//! into the connection's ordered bytes like everything else.

use crate::boundary::Boundary;
use crate::connection::Connection;
use crate::farewell::Farewell;
use crate::frame::Frames;
use bytes::{Buf, Bytes};
use std::io::{self, Read, Write};
use tungstenite::error::{CapacityError, Error};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Message, Utf8Bytes};

/// The buffer that a read begins with: tungstenite fills it with zeros for each read, and most messages are small.
const READ_BUFFER_BYTES: usize = 2048;

/// What a read came to.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A whole text message.
    Text(Utf8Bytes),
    /// A whole binary message.
    Binary,
    /// A control frame; whatever it asks for is done.
    Control,
    /// Nothing more is there now.
    Nothing,
    /// The closing handshake is complete (RFC 6455 §7.1.4): what is queued is to be written, then the socket ends.
    Finished,
    /// The client broke the protocol; it is to be told so (RFC 6455 §7.4.1).
    Broken(Farewell),
    /// The socket ended without a closing handshake.
    Gone,
}

/// The reading half of a connection.
#[derive(Debug)]
pub(crate) struct Reader {
    context: Option<Box<WebSocketContext>>,
    boundary: Boundary,
    /// What came together with the request's head.
    early: Bytes,
    /// A close frame was sent or received: the context must not be forgotten any more.
    closing: bool,
}

impl Reader {
    /// A reader for a stream that begins with `early`.
    pub(crate) fn new(early: Bytes) -> Self {
        Self { context: None, boundary: Boundary::default(), early, closing: false }
    }

    /// How tungstenite is to read messages of at most `message_bytes`.
    pub(crate) fn config(message_bytes: usize) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(usize::MAX)
            .max_message_size(Some(message_bytes))
            .max_frame_size(Some(message_bytes))
    }

    /// Whether nothing was read that is not handled yet: a read is of use only when the socket is readable.
    pub(crate) fn is_idle(&self) -> bool {
        self.context.is_none() && self.early.is_empty()
    }

    /// Reads one message, if one is there.
    pub(crate) fn read(&mut self, connection: &Connection, config: &WebSocketConfig) -> Incoming {
        let result = self.with_context(connection, config, |context, wire| context.read(wire));
        match result {
            Ok(Message::Text(text)) => Incoming::Text(text),
            Ok(Message::Binary(_)) => Incoming::Binary,
            Ok(message) => {
                self.closing |= message.is_close();
                Incoming::Control
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                if self.boundary.is_clean() && !self.closing {
                    self.context = None;
                }
                Incoming::Nothing
            }
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => Incoming::Finished,
            Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => {
                Incoming::Broken(Farewell::broken(CloseCode::Size, "message too large"))
            }
            Err(Error::Utf8(_)) => {
                Incoming::Broken(Farewell::broken(CloseCode::Invalid, "text is not UTF-8"))
            }
            Err(Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
                Incoming::Gone
            }
            Err(Error::Protocol(_)) => {
                Incoming::Broken(Farewell::broken(CloseCode::Protocol, "protocol error"))
            }
            Err(_) => Incoming::Gone,
        }
    }

    /// Begins the closing handshake (RFC 6455 §7.1.2). Reading goes on until the client has answered.
    pub(crate) fn close(&mut self, connection: &Connection, config: &WebSocketConfig, farewell: &Farewell) {
        self.closing = true;
        let reason = Utf8Bytes::from_static(farewell.text);
        let frame = CloseFrame { code: farewell.code.into(), reason };
        // The wire takes everything, so this fails only when a close was under way already.
        let _ = self.with_context(connection, config, |context, wire| context.close(wire, Some(frame)));
    }

    fn with_context<T>(
        &mut self,
        connection: &Connection,
        config: &WebSocketConfig,
        act: impl FnOnce(&mut WebSocketContext, &mut Wire<'_>) -> T,
    ) -> T {
        let context =
            self.context.get_or_insert_with(|| Box::new(WebSocketContext::new(Role::Server, Some(*config))));
        let mut wire = Wire { connection, boundary: &mut self.boundary, early: &mut self.early };
        act(context, &mut wire)
    }
}

/// The stream that tungstenite sees: reads come from the socket, writes go where all bytes of the connection go.
struct Wire<'a> {
    connection: &'a Connection,
    boundary: &'a mut Boundary,
    early: &'a mut Bytes,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = if self.early.is_empty() {
            self.connection.try_read(buffer)?
        } else {
            let count = self.early.len().min(buffer.len());
            self.early.copy_to_slice(&mut buffer[..count]);
            if self.early.is_empty() {
                // It is a slice of a larger buffer, which would be kept as long as this is.
                *self.early = Bytes::new();
            }
            count
        };
        self.boundary.feed(&buffer[..count]);
        Ok(count)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.connection.send(&Frames::encoded(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
