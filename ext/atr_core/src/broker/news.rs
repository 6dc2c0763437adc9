//! Decides what of a broker's ups and downs is worth a line.

/// Reasons of one outage that are told at most; they are few, unless they hold something that varies.
const MAX_REASONS: usize = 16;

/// Remembers what was said, so that an outage of hours is a few lines: each reason once, and the return.
#[derive(Debug, Default)]
pub(crate) struct News {
    there: bool,
    /// Whether it was ever there before.
    known: bool,
    said: Vec<String>,
}

/// A loss or a failed attempt that was not told yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// It could be used until now.
    pub(crate) was_there: bool,
    /// Nothing was told of this outage before: it is a change of state, not another reason for it.
    pub(crate) first: bool,
}

/// The broker can be used from now on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// It could be used before.
    pub(crate) again: bool,
    /// A loss or a failed attempt was told.
    pub(crate) after_failures: bool,
}

impl News {
    /// It cannot be used. Something if that has not been said.
    pub(crate) fn lost(&mut self, reason: &str) -> Option<Lost> {
        let was_there = std::mem::take(&mut self.there);
        let is_news = !self.said.iter().any(|said| said == reason) && self.said.len() < MAX_REASONS;
        let first = self.said.is_empty();
        if is_news {
            self.said.push(reason.to_owned());
        }
        is_news.then_some(Lost { was_there, first })
    }

    /// It can be used. Something if it could not before.
    pub(crate) fn found(&mut self) -> Option<Found> {
        if std::mem::replace(&mut self.there, true) {
            return None;
        }
        let again = std::mem::replace(&mut self.known, true);
        let after_failures = !std::mem::take(&mut self.said).is_empty();
        Some(Found { again, after_failures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_each_reason_of_an_outage_once() {
        let mut news = News::default();
        assert_eq!(news.lost("refused"), Some(Lost { was_there: false, first: true }));
        assert_eq!(news.lost("refused"), None);
        assert_eq!(news.found(), Some(Found { again: false, after_failures: true }));
        assert_eq!(news.found(), None);
        assert_eq!(news.lost("closed"), Some(Lost { was_there: true, first: true }));
        assert_eq!(news.lost("refused"), Some(Lost { was_there: false, first: false }));
        assert_eq!((news.lost("closed"), news.lost("refused")), (None, None));
        assert_eq!(news.found(), Some(Found { again: true, after_failures: true }));
        assert_eq!(news.lost("closed"), Some(Lost { was_there: true, first: true }));
    }

    #[test]
    fn the_first_attempt_may_succeed() {
        assert_eq!(News::default().found(), Some(Found { again: false, after_failures: false }));
    }

    #[test]
    fn reasons_that_vary_do_not_fill_the_log() {
        let mut news = News::default();
        let told = (0..1000).filter(|n| news.lost(&n.to_string()).is_some()).count();
        assert_eq!(told, MAX_REASONS);
    }
}
