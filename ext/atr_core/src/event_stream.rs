//! The answer of server-sent events. It goes on until the client leaves or is sent away.

use crate::answer::with_header;
use crate::connection::Ending;
use crate::frame::Frames;
use crate::join::{Join, Opened};
use crate::protocol::cursor::Cursor;
use crate::protocol::positions::Starts;
use crate::protocol::sse;
use crate::shard::Membership;
use crate::upgrade::has_token;
use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

const MEDIA_TYPE: &str = "text/event-stream";
/// nginx would gather the events until it has enough of them.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Whether a request that is for no websocket asks for server-sent events.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let names_it = |value: &HeaderValue| {
        let media_type =
            |range: &str| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        value.to_str().is_ok_and(|list| list.split(',').any(|range| media_type(range) == MEDIA_TYPE))
    };
    !has_token(headers, &header::UPGRADE, "websocket") && headers.get_all(header::ACCEPT).iter().any(names_it)
}

/// The answer to a client that has joined, and begins where it says it was.
pub(crate) fn answer(member: Membership, starts: Starts) -> Response<EventStream> {
    let mut answer = Response::new(EventStream::new(member, starts));
    for (name, value) in [
        (header::CONTENT_TYPE, MEDIA_TYPE),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONNECTION, "close"),
        (ACCEL_BUFFERING, "no"),
    ] {
        answer = with_header(answer, name, value);
    }
    answer
}

/// What one client is sent. hyper polls it when the socket takes more, and drops it with the socket.
pub(crate) struct EventStream {
    member: Membership,
    /// Lets the client into its scopes from where it was. It waits for the outbox to be empty, so it is polled behind it.
    joining: Option<Pin<Box<dyn Future<Output = ()>>>>,
    is_over: bool,
}

impl EventStream {
    /// The events of a client that has joined, from where it says it was.
    pub(crate) fn new(member: Membership, starts: Starts) -> Self {
        member.connection.send(&sse::beginning());
        let joining = join(&member, starts);
        Self { member, joining: Some(joining), is_over: false }
    }

    /// The last words, when the client was told to leave.
    fn take_farewell(&mut self) -> Option<Bytes> {
        let ending = self.member.connection.take_ending()?;
        self.is_over = true;
        self.joining = None;
        match ending {
            Ending::Close(farewell) => Some(sse::disconnect(&farewell).into()),
            Ending::Abort => None,
        }
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        this.member.connection.set_waker(context.waker());
        loop {
            if let Some(bytes) = this.member.connection.take_bytes().or_else(|| this.take_farewell()) {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if this.is_over {
                return Poll::Ready(None);
            }
            if let Some(joining) = &mut this.joining
                && joining.as_mut().poll(context).is_ready()
            {
                this.joining = None;
            }
            if this.member.connection.is_drained() {
                return Poll::Pending;
            }
        }
    }
}

fn join(member: &Membership, starts: Starts) -> Pin<Box<dyn Future<Output = ()>>> {
    let (shard, connection) = (Rc::clone(&member.shard), Rc::clone(&member.connection));
    Box::pin(async move {
        let join = Join { shard, connection };
        join.run(&starts.starts, |opened| welcome(&join, opened, &starts.ignored)).await;
    })
}

fn welcome(join: &Join, opened: &[Opened], ignored: &[String]) -> Arc<Frames> {
    let cursor = Cursor::new(opened.iter().map(|opened| (opened.scope.clone(), opened.position)));
    let id = cursor.id();
    join.connection.set_cursor(cursor);
    Frames::encoded(sse::named("welcome", &id, &join.welcome(opened, ignored)).as_bytes())
}
