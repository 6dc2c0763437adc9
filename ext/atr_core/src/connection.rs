//! One client: its socket, what it has yet to be sent, and whether it still takes part.
//!
//! Everything that goes to the client passes [`Connection::send`], in one order. While nothing waits, that is a
//! write straight to the socket; what the kernel does not take waits in the outbox, and only then does the
//! connection's task wake.

use crate::batch::Batch;
use crate::farewell::Farewell;
use crate::frame::Frames;
use crate::late::Late;
use crate::outbox::{Full, Outbox};
use crate::protocol::cursor::Cursor;
use crate::protocol::filter::Filter;
use crate::protocol::reset::Reset;
use crate::protocol::{Protocol, atr_v1, sse};
use crate::scope::Scope;
use crate::shut::Shut;
use bytes::Bytes;
use socket2::SockRef;
use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::net::Shutdown;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use tokio::net::TcpStream;

/// How the connection's task is to end the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    /// With a closing handshake.
    Close(Farewell),
    /// At once: nobody is there to shake hands with.
    Abort,
}

/// What became of bytes for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// They are written, or wait for the socket.
    Yes,
    /// The connection does not take part any more.
    No,
    /// The client was too slow and is being cut off for it.
    CutOff,
}

/// One client, owned by one shard.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Empty from the moment the client was let in until its HTTP handshake is over, and after its end.
    socket: RefCell<Option<Shut<TcpStream>>>,
    outbox: RefCell<Outbox>,
    outbox_bytes: usize,
    /// Bytes have to wait their turn behind others, or for the socket.
    waiting: Cell<bool>,
    /// The connection takes part in the fan-out.
    open: Cell<bool>,
    ending: Cell<Option<Ending>>,
    /// Pings sent since the client was last heard of.
    unanswered_pings: Cell<u8>,
    /// Wakes the connection's task.
    waker: RefCell<Option<Waker>>,
    scopes: Box<[Scope]>,
    /// What the app calls the client.
    client_key: Option<Box<str>>,
    protocol: Protocol,
    /// Which events the client wants, if not all.
    filter: OnceCell<Box<Filter>>,
    /// What the client is to come back with (server-sent events).
    cursor: OnceCell<Rc<Cursor>>,
}

impl Connection {
    /// A client that was let into `scopes`. What it is sent waits until [`Connection::attach`].
    pub(crate) fn new(
        scopes: Box<[Scope]>,
        client_key: Option<Box<str>>,
        protocol: Protocol,
        outbox_bytes: usize,
    ) -> Self {
        Self {
            socket: RefCell::new(None),
            outbox: RefCell::default(),
            outbox_bytes,
            waiting: Cell::new(true),
            open: Cell::new(true),
            ending: Cell::new(None),
            unanswered_pings: Cell::new(0),
            waker: RefCell::new(None),
            scopes,
            client_key,
            protocol,
            filter: OnceCell::new(),
            cursor: OnceCell::new(),
        }
    }

    /// Gives the connection its socket. The task that polls [`Connection::poll_flush`] sends what has waited.
    pub(crate) fn attach(&self, socket: Shut<TcpStream>) {
        self.socket.replace(Some(socket));
        self.waiting.set(!self.outbox.borrow().is_empty());
    }

    pub(crate) fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// What the app calls the client.
    pub(crate) fn client_key(&self) -> Option<&str> {
        self.client_key.as_deref()
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Sends only the events that the filter lets through, from now on.
    pub(crate) fn set_filter(&self, filter: Filter) {
        // The first one counts: a client says once what it wants.
        let _ = self.filter.set(Box::new(filter));
    }

    /// Tells the client with each event where to come back to, from now on.
    pub(crate) fn set_cursor(&self, cursor: Cursor) {
        // The first one counts: it is followed from then on.
        let _ = self.cursor.set(Rc::new(cursor));
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.get()
    }

    /// Sends the events of a batch that the client wants, if it still takes part.
    pub(crate) fn deliver(&self, batch: &Arc<Batch>) -> Sent {
        if !self.open.get() {
            return Sent::No;
        }
        if let Some(filter) = self.filter.get() {
            return self.send_all(
                filter.wanted(batch).map(|range| (Arc::clone(batch.frames(self.protocol)), range)),
            );
        }
        match self.cursor.get() {
            Some(cursor) if cursor.is_own_behind(batch) => self.send_late(Late::batch(cursor, batch)),
            _ => self.send(batch.frames(self.protocol)),
        }
    }

    /// Tells the client that events of a scope may be missing, if its protocol can say so.
    pub(crate) fn reset(&self, reset: &Reset) -> Sent {
        if !self.open.get() {
            return Sent::No;
        }
        if let Some(filter) = self.filter.get() {
            filter.forget(&reset.scope);
        }
        match (self.protocol, self.cursor.get()) {
            (Protocol::AtrV1, _) => self.send(&reset.atr_v1),
            (Protocol::Sse, Some(cursor)) => self.send_late(Late::reset(cursor, &reset.scope, reset.head)),
            _ => Sent::Yes,
        }
    }

    /// Sends frames: now, if the kernel takes them and nothing waits, otherwise in their turn.
    pub(crate) fn send(&self, frames: &Arc<Frames>) -> Sent {
        self.send_part(frames, 0..frames.bytes().len())
    }

    fn send_all(&self, parts: impl Iterator<Item = (Arc<Frames>, Range<usize>)>) -> Sent {
        let mut sent = Sent::Yes;
        for (frames, range) in parts {
            sent = self.send_part(&frames, range);
            if sent != Sent::Yes {
                break;
            }
        }
        sent
    }

    fn send_part(&self, frames: &Arc<Frames>, range: Range<usize>) -> Sent {
        let mut written = range.start;
        if !self.waiting.get() {
            let bytes = &frames.bytes()[range.clone()];
            let result = self.socket.borrow().as_ref().map(|socket| socket.try_write(bytes));
            match result {
                Some(Ok(count)) if count == bytes.len() => return Sent::Yes,
                Some(Ok(count)) => written += count,
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                Some(Err(_)) | None => {
                    self.end(Ending::Abort);
                    return Sent::No;
                }
            }
        }
        self.queue(|outbox| outbox.push(frames, written..range.end, self.outbox_bytes))
    }

    /// Sends what is not encoded yet. It waits in any case: a walk should not have to encode it.
    fn send_late(&self, late: Late) -> Sent {
        self.queue(|outbox| outbox.push_late(late, self.outbox_bytes))
    }

    fn queue(&self, push: impl FnOnce(&mut Outbox) -> Result<(), Full>) -> Sent {
        let was_drained = self.is_drained();
        let pushed = push(&mut self.outbox.borrow_mut());
        match pushed {
            Ok(()) => {
                self.waiting.set(true);
                if was_drained {
                    self.wake();
                }
                Sent::Yes
            }
            Err(Full) if self.open.get() => {
                self.outbox.borrow_mut().cut();
                self.end(Ending::Close(Farewell::SLOW));
                Sent::CutOff
            }
            Err(Full) => {
                self.end(Ending::Abort);
                Sent::No
            }
        }
    }

    /// Takes the connection out of the fan-out and has its task end it.
    pub(crate) fn end(&self, ending: Ending) {
        self.open.set(false);
        self.ending.set(Some(ending));
        self.wake();
    }

    /// What [`Connection::end`] asked for since the last call.
    pub(crate) fn take_ending(&self) -> Option<Ending> {
        self.ending.take()
    }

    /// Takes the connection out of the fan-out; its task is ending it already.
    pub(crate) fn leave(&self) {
        self.open.set(false);
    }

    /// Ends the socket and lets go of all that waits for it. The tables may know the connection for a while yet.
    pub(crate) fn hang_up(&self) {
        self.leave();
        self.waiting.set(true);
        self.socket.replace(None);
        self.outbox.replace(Outbox::default());
        self.waker.replace(None);
    }

    /// Sends a ping, and answers how many the client has left unanswered before it. A comment has no answer.
    pub(crate) fn ping(&self) -> u8 {
        let unanswered = self.unanswered_pings.get();
        if self.protocol != Protocol::Sse {
            self.unanswered_pings.set(unanswered.saturating_add(1));
        }
        let ping = match self.protocol {
            Protocol::Plain => Frames::ping(),
            Protocol::AtrV1 => self.filter.get().map_or_else(atr_v1::ping, |filter| filter.ping()),
            Protocol::Sse => sse::ping(),
        };
        if self.open.get() {
            self.send(&ping);
        }
        unanswered
    }

    /// Remembers whom to wake when the outbox fills or an ending is asked for.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let mut current = self.waker.borrow_mut();
        if !current.as_ref().is_some_and(|current| current.will_wake(waker)) {
            *current = Some(waker.clone());
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Reads without waiting. Any byte shows that the client is there.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let socket = self.socket.borrow();
        let count = socket.as_ref().ok_or(io::ErrorKind::NotConnected)?.try_read(buffer)?;
        self.unanswered_pings.set(0);
        Ok(count)
    }

    /// Ready when a read may give something.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &*self.socket.borrow() {
            Some(socket) => socket.poll_read_ready(context),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Writes what waits; ready when nothing does.
    pub(crate) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = self.socket.borrow();
        let Some(socket) = socket.as_ref() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let mut outbox = self.outbox.borrow_mut();
        while !outbox.is_empty() {
            ready!(socket.poll_write_ready(context))?;
            match socket.try_write(outbox.front()) {
                Ok(count) => outbox.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.waiting.set(false);
        Poll::Ready(Ok(()))
    }

    /// Whether nothing waits for the client to read.
    pub(crate) fn is_drained(&self) -> bool {
        self.outbox.borrow().is_empty()
    }

    /// Takes the next bytes out of the outbox, for a client whose socket is somebody else's.
    pub(crate) fn take_bytes(&self) -> Option<Bytes> {
        self.outbox.borrow_mut().pop()
    }

    /// How much may wait for the client to read, in bytes.
    pub(crate) fn outbox_bytes(&self) -> usize {
        self.outbox_bytes
    }

    /// Tells the client's kernel that nothing more comes; what is written already still arrives.
    pub(crate) fn shut_down_writing(&self) {
        if let Some(socket) = &*self.socket.borrow() {
            // The other end may be gone already; then there is nobody to tell.
            let _ = SockRef::from(&**socket).shutdown(Shutdown::Write);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A connection whose bytes wait for its socket.
    pub(crate) fn connection() -> Rc<Connection> {
        Rc::new(Connection::new(Box::new([]), None, Protocol::Plain, 1 << 20))
    }
}
