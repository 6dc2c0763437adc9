//! The task of one connection: reads what the client sends, writes what had to wait, and ends it properly.

use crate::connection::{Connection, Ending};
use crate::dialogue::Dialogue;
use crate::farewell::Farewell;
use crate::frame::Frames;
use crate::protocol::{Protocol, atr_v1};
use crate::reader::{Incoming, Reader};
use crate::shard::{Membership, Shard, SocketGuard};
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// Messages read before other tasks get a turn.
const READ_BUDGET: usize = 32;
/// How long a client may take to answer a close, and to read what is before it.
pub(crate) const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// How far a connection is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Taking part.
    Open,
    /// A close frame was sent; the client's answer is awaited (RFC 6455 §7.1.2).
    Closing,
    /// All is said. The last bytes are written, then the client is waited for to hang up: closing while it still
    /// sends would make the kernel reset the connection, and the client lose the close frame.
    Lingering,
}

/// Serves one connection; done when the connection is over.
pub(crate) struct Session {
    member: Membership,
    reader: Reader,
    dialogue: Dialogue,
    _socket: Rc<SocketGuard>,
    phase: Phase,
    write_ended: bool,
    patience: Option<Pin<Box<Sleep>>>,
}

impl Session {
    /// A session for a connection that has its socket. `early` is what the client sent behind its request.
    pub(crate) fn new(member: Membership, early: Bytes, socket: Rc<SocketGuard>) -> Self {
        let reader = Reader::new(early);
        let dialogue = Dialogue::new(member.connection.protocol(), member.shard.limits().head_timeout);
        Self {
            member,
            reader,
            dialogue,
            _socket: socket,
            phase: Phase::Open,
            write_ended: false,
            patience: None,
        }
    }

    fn connection(&self) -> &Connection {
        &self.member.connection
    }

    fn shard(&self) -> &Shard {
        &self.member.shard
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.connection().leave();
        if self.patience.is_none() {
            self.patience = Some(Box::pin(tokio::time::sleep(CLOSE_PATIENCE)));
        }
    }

    fn close(&mut self, farewell: &Farewell) {
        if self.connection().protocol() == Protocol::AtrV1 {
            self.connection().send(&Frames::of_text(&atr_v1::disconnect(farewell)));
        }
        self.reader.close(&self.member.connection, self.member.shard.reader_config(), farewell);
        self.enter(Phase::Closing);
    }

    /// Ready when the session is over.
    fn poll_ending(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.connection().take_ending() {
            Some(Ending::Abort) => return Poll::Ready(()),
            Some(Ending::Close(farewell)) if self.phase == Phase::Open => self.close(&farewell),
            Some(Ending::Close(_)) | None => {}
        }
        match &mut self.patience {
            Some(patience) => patience.as_mut().poll(context),
            None => Poll::Pending,
        }
    }

    /// Reads all that is there; ready when the session is over.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut exhausted = self.reader.is_idle();
        for _ in 0..READ_BUDGET {
            if exhausted && ready!(self.connection().poll_readable(context)).is_err() {
                return Poll::Ready(());
            }
            exhausted = false;
            match self.reader.read(&self.member.connection, self.member.shard.reader_config()) {
                Incoming::Text(text) => self.on_text(&text),
                Incoming::Binary => self.shard().stats().messages_ignored.add(1),
                Incoming::Control => {}
                Incoming::Nothing => exhausted = true,
                Incoming::Finished => {
                    self.enter(Phase::Lingering);
                    return Poll::Pending;
                }
                Incoming::Broken(farewell) => {
                    self.shard().log().debug(|| format!("a client broke the protocol: {}", farewell.text));
                    self.close(&farewell);
                    self.enter(Phase::Lingering);
                    return Poll::Pending;
                }
                Incoming::Gone => return Poll::Ready(()),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn on_text(&mut self, text: &str) {
        if self.phase != Phase::Open {
            return;
        }
        if let Some(farewell) = self.dialogue.hear(text, &self.member) {
            self.close(&farewell);
        }
    }

    fn poll_dialogue(&mut self, context: &mut Context<'_>) {
        if self.phase == Phase::Open
            && let Some(farewell) = self.dialogue.poll(context, &self.member)
        {
            self.close(&farewell);
        }
    }

    /// Writes the rest, then reads and forgets until the client hangs up.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if ready!(self.connection().poll_flush(context)).is_err() {
            return Poll::Ready(());
        }
        if !self.write_ended {
            self.write_ended = true;
            self.connection().shut_down_writing();
        }
        let mut scratch = [0; 4096];
        for _ in 0..READ_BUDGET {
            if ready!(self.connection().poll_readable(context)).is_err() {
                return Poll::Ready(());
            }
            match self.connection().try_read(&mut scratch) {
                Ok(0) => return Poll::Ready(()),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(()),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Future for Session {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.connection().set_waker(context.waker());
        if this.poll_ending(context).is_ready() {
            return Poll::Ready(());
        }
        if let Poll::Ready(Err(_)) = this.connection().poll_flush(context) {
            return Poll::Ready(());
        }
        if this.phase != Phase::Lingering && this.poll_read(context).is_ready() {
            return Poll::Ready(());
        }
        // Behind the flush, because it waits for the client to have read; behind the reads, which may begin it.
        this.poll_dialogue(context);
        // Reading may have ended it, or have been told to close while it queued bytes.
        if this.phase != Phase::Open && this.poll_ending(context).is_ready() {
            return Poll::Ready(());
        }
        if this.phase == Phase::Lingering { this.poll_linger(context) } else { Poll::Pending }
    }
}
