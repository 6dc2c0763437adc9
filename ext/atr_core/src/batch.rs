//! Events of one scope that go out together, encoded once for each protocol.

use crate::broker::Message;
use crate::frame::Frames;
use crate::position::Position;
use crate::protocol::{Protocol, atr_v1, sse};
use crate::scope::Scope;
use std::sync::{Arc, OnceLock};

/// Events of one scope in their order. Either none of them has a position, or each follows the one before it.
#[derive(Debug)]
pub(crate) struct Batch {
    scope: Scope,
    events: Box<[Message]>,
    /// The frames for each [`Protocol`], made when the first connection wants them.
    encoded: [OnceLock<Arc<Frames>>; Protocol::COUNT],
}

impl Batch {
    /// A batch of at least one event.
    pub(crate) fn new(scope: Scope, events: Box<[Message]>) -> Arc<Self> {
        Arc::new(Self { scope, events, encoded: Default::default() })
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(crate) fn events(&self) -> &[Message] {
        &self.events
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        self.events.iter().map(Self::size_of).sum()
    }

    /// About how many bytes an event takes.
    pub(crate) fn size_of(event: &Message) -> usize {
        size_of::<Message>() + event.json.len()
    }

    /// The position of its first event.
    pub(crate) fn first(&self) -> Option<Position> {
        self.events.first()?.position
    }

    /// The position of its last event.
    pub(crate) fn last(&self) -> Option<Position> {
        self.events.last()?.position
    }

    /// The events behind this offset; `None` when there are none.
    pub(crate) fn after(self: &Arc<Self>, offset: u64) -> Option<Arc<Self>> {
        let is_seen = |event: &&Message| event.position.is_some_and(|position| position.offset <= offset);
        match self.events.iter().take_while(is_seen).count() {
            0 => Some(Arc::clone(self)),
            seen if seen == self.len() => None,
            seen => Some(Self::new(self.scope.clone(), self.events[seen..].into())),
        }
    }

    /// The frames for a protocol: one for each event.
    pub(crate) fn frames(&self, protocol: Protocol) -> &Arc<Frames> {
        self.encoded[protocol as usize].get_or_init(|| match protocol {
            Protocol::Plain => Frames::of_texts(self.events.iter().map(|event| &event.json[..])),
            Protocol::AtrV1 => atr_v1::frames(&self.scope, &self.events),
            Protocol::Sse => sse::frames(&self.scope, &self.events),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use bytes::Bytes;
    use std::ops::RangeInclusive;

    /// A batch whose events have these offsets.
    pub(crate) fn batch(scope: &str, epoch: &str, offsets: RangeInclusive<u64>) -> Arc<Batch> {
        let message = |offset| Message {
            position: Some(format!("{epoch}:{offset}").parse().unwrap()),
            name: "post.created".into(),
            json: Bytes::from(format!("{{\"n\":{offset}}}")),
        };
        Batch::new(Scope::new(scope).unwrap(), offsets.map(message).collect())
    }

    /// A batch of one event that is in no log.
    pub(crate) fn unlogged(json: &'static str) -> Arc<Batch> {
        let message = Message { position: None, name: "".into(), json: Bytes::from_static(json.as_bytes()) };
        Batch::new(Scope::new("a").unwrap(), Box::new([message]))
    }

    #[test]
    fn gives_what_is_behind_an_offset() {
        let batch = batch("a", "00000000000000aa", 4..=6);
        let first = |offset| batch.after(offset).map(|rest| rest.first().unwrap().offset);
        assert_eq!([3, 4, 5, 6, 7].map(first), [Some(4), Some(5), Some(6), None, None]);
        assert_eq!(unlogged("{}").after(9).unwrap().len(), 1);
    }

    #[test]
    fn is_encoded_once_for_each_protocol() {
        let batch = unlogged("[1]");
        assert_eq!(batch.frames(Protocol::Plain).bytes(), b"\x81\x03[1]");
        assert_eq!(batch.frames(Protocol::Sse).bytes(), b"data: [1]\n\n");
        assert!(Arc::ptr_eq(batch.frames(Protocol::AtrV1), batch.frames(Protocol::AtrV1)));
    }
}
