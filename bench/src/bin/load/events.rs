//! The numbered events that are published, and how a client has got them.

use crate::protocol::Protocol;

/// Events of one burst: as many as fit into the bits of [`Receipt::seen`].
pub(crate) const MAX_BURST: usize = u64::BITS as usize;

/// Where the digits of an event's number stand in its JSON.
const NUMBER_START: usize = br#"{"id":"00000000000000000000"#.len();
const NUMBER_DIGITS: usize = 12;

/// Events that are published at once.
pub(crate) struct Burst {
    first: u64,
    /// What is published.
    pub(crate) events: Vec<Vec<u8>>,
    /// What clients are to get.
    texts: Vec<Vec<u8>>,
    number_start: usize,
}

impl Burst {
    /// `size` events, numbered from `first` on.
    pub(crate) fn new(first: u64, size: usize, protocol: Protocol) -> Self {
        let events: Vec<_> = (first..).take(size).map(event).collect();
        let texts = events.iter().map(|event| protocol.wrap(event)).collect();
        Self { first, events, texts, number_start: protocol.prefix().len() + NUMBER_START }
    }

    /// Which event of this burst a text is, if it is one of them to the byte.
    fn index_of(&self, text: &[u8]) -> Option<usize> {
        let digits = text.get(self.number_start..self.number_start + NUMBER_DIGITS)?;
        let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        (self.texts.get(index)? == text).then_some(index)
    }
}

/// An event of 327 bytes, as a record of an app would give it.
fn event(number: u64) -> Vec<u8> {
    format!(
        r#"{{"id":"00000000000000000000{number:012}","name":"post.created","occured_at":"2026-01-01T12:00:00.000Z","record":{{"id":1234,"organization_id":1234,"author_id":42,"title":"The title of a post","body":"What somebody has written.","state":"published","likes":17}},"record_type":"Post","routing_key":"organization.1234.post.created"}}"#
    )
    .into_bytes()
}

/// What one client has got of a burst.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Receipt {
    /// The burst's first number: a receipt of another burst is an empty one of this.
    first: u64,
    /// One bit for each event.
    seen: u64,
    last: usize,
}

/// What a text was for a client.
pub(crate) struct Receiving {
    /// The client has all of the burst now.
    pub(crate) complete: bool,
    /// A later event came before it.
    pub(crate) disordered: bool,
}

impl Receipt {
    /// Notes a text. The error says what is wrong with it.
    pub(crate) fn take(&mut self, text: &[u8], burst: &Burst) -> Result<Receiving, String> {
        if self.first != burst.first {
            *self = Self { first: burst.first, ..Self::default() };
        }
        let Some(index) = burst.index_of(text) else {
            return Err(format!(
                "a client got what was not just published: {:?}",
                String::from_utf8_lossy(text)
            ));
        };
        let bit = 1 << index;
        if self.seen & bit != 0 {
            return Err(format!("a client got event {} twice", burst.first + index as u64));
        }
        let disordered = self.seen != 0 && index < self.last;
        self.seen |= bit;
        self.last = self.last.max(index);
        Ok(Receiving { complete: self.seen.count_ones() as usize == burst.texts.len(), disordered })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burst() -> Burst {
        Burst::new(7, 3, Protocol::Cable)
    }

    fn receive(receipt: &mut Receipt, index: usize) -> (bool, bool) {
        let receiving = receipt.take(&burst().texts[index], &burst()).unwrap();
        (receiving.complete, receiving.disordered)
    }

    #[test]
    fn an_event_has_327_bytes() {
        assert_eq!(event(1).len(), 327);
        assert_eq!(event(999_999_999_999).len(), 327);
    }

    #[test]
    fn order_and_completeness() {
        let mut receipt = Receipt::default();
        assert_eq!(
            [0, 2, 1].map(|index| receive(&mut receipt, index)),
            [(false, false), (false, false), (true, true)]
        );
    }

    #[test]
    fn duplicates_and_strangers_are_errors() {
        let mut receipt = Receipt::default();
        receive(&mut receipt, 0);
        assert!(receipt.take(&burst().texts[0], &burst()).is_err());
        assert!(receipt.take(&event(8), &burst()).is_err());
        assert!(receipt.take(&Protocol::Cable.wrap(&event(10)), &burst()).is_err());
        let mut damaged = burst().texts[1].clone();
        damaged[200] ^= 1;
        assert!(receipt.take(&damaged, &burst()).is_err());
    }
}
