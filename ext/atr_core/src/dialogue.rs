//! What a client and the server say to each other beside events.

use crate::farewell::Farewell;
use crate::frame::Frames;
use crate::join::Join;
use crate::protocol::Protocol;
use crate::protocol::atr_v1;
use crate::protocol::filter::Filter;
use crate::protocol::hello::{self, Hello, Said};
use crate::protocol::positions::{self, Starts};
use crate::shard::Membership;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// What the plain protocol answers to the text `ping`.
static PLAIN_PONG: LazyLock<Arc<Frames>> = LazyLock::new(|| Frames::of_text("pong"));

/// How far a conversation is.
pub(crate) enum Dialogue {
    /// The plain protocol: there is not much to say.
    Plain,
    /// The `hello` of `atr.v1` is due.
    HelloDue(Pin<Box<Sleep>>),
    /// The client is being let into its scopes from where it was.
    Joining(Pin<Box<dyn Future<Output = ()>>>),
    /// The client takes part.
    Open,
}

impl Dialogue {
    /// The beginning. A client of `atr.v1` has `patience` to say hello.
    pub(crate) fn new(protocol: Protocol, patience: Duration) -> Self {
        match protocol {
            Protocol::AtrV1 => Self::HelloDue(Box::pin(sleep(patience))),
            Protocol::Plain | Protocol::Sse => Self::Plain,
        }
    }

    /// Hears a text of the client. Something when the client is to be closed for it.
    pub(crate) fn hear(&mut self, text: &str, member: &Membership) -> Option<Farewell> {
        match self {
            Self::Plain => Self::hear_plain(text, member),
            _ => self.hear_atr_v1(text, member),
        }
    }

    /// `ping` is answered, `unsubscribe` ends it, and nothing else is listened to.
    fn hear_plain(text: &str, member: &Membership) -> Option<Farewell> {
        match text {
            "ping" => _ = member.connection.send(&PLAIN_PONG),
            "unsubscribe" => return Some(Farewell::UNSUBSCRIBED),
            _ => member.shard.stats().messages_ignored.add(1),
        }
        None
    }

    fn hear_atr_v1(&mut self, text: &str, member: &Membership) -> Option<Farewell> {
        let is_due = matches!(self, Self::HelloDue(_));
        match hello::read(text) {
            Said::Pong => {}
            Said::Ping => _ = member.connection.send(&atr_v1::pong()),
            Said::Hello(hello) if is_due => *self = Self::Joining(join(hello, member)),
            Said::Hello(_) => complain(member, "repeated_hello", "a hello came twice", "send it once, first"),
            Said::MalformedHello(why) => {
                complain(member, "malformed_hello", &why, "see docs/protocol.md");
                return is_due.then_some(Farewell::MALFORMED);
            }
            Said::Malformed(why) => {
                member.shard.stats().messages_ignored.add(1);
                let what = format!("a frame was ignored: {why}");
                complain(member, "malformed_message", &what, "send hello, ping or pong as JSON");
                return is_due.then_some(Farewell::MALFORMED);
            }
        }
        None
    }

    /// Goes on with what takes time. Something when the client is to be closed for being late.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, member: &Membership) -> Option<Farewell> {
        match self {
            Self::Plain | Self::Open => {}
            Self::HelloDue(patience) => {
                if patience.as_mut().poll(context).is_ready() {
                    complain(member, "late_hello", "no hello came in time", "send it when the socket opens");
                    return Some(Farewell::LATE);
                }
            }
            Self::Joining(join) => {
                if let Poll::Ready(()) = join.as_mut().poll(context) {
                    *self = Self::Open;
                }
            }
        }
        None
    }
}

fn complain(member: &Membership, code: &str, message: &str, help: &str) {
    member.connection.send(&Frames::of_text(&atr_v1::error(code, message, help)));
}

fn join(hello: Hello, member: &Membership) -> Pin<Box<dyn Future<Output = ()>>> {
    let (shard, connection) = (Rc::clone(&member.shard), Rc::clone(&member.connection));
    let Starts { starts, ignored, malformed } = positions::starts(&hello.positions, connection.scopes());
    for scope in &malformed {
        let message = format!("the position of {scope:?} is none");
        complain(member, "malformed_position", &message, "send back what the server sent, as a string");
    }
    if let Some(names) = hello.names {
        connection.set_filter(Filter::new(names));
    }
    Box::pin(async move {
        let join = Join { shard, connection };
        join.run(&starts, |opened| Frames::of_text(&join.welcome(opened, &ignored))).await;
    })
}
