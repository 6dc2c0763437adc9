//! What one client got.

use std::cell::{Cell, RefCell};

/// The numbers that a client got, and what else befell it.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    seen: RefCell<Vec<bool>>,
    highest: Cell<u64>,
    duplicates: Cell<u64>,
    disordered: Cell<u64>,
    resets: Cell<u64>,
    reconnects: Cell<u64>,
    connected: Cell<bool>,
}

fn add(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

impl Ledger {
    /// Notes the event with this number; the first is 1.
    pub(crate) fn take(&self, number: u64) {
        let mut seen = self.seen.borrow_mut();
        let index = number as usize;
        if seen.len() <= index {
            seen.resize(index + 1, false);
        }
        if std::mem::replace(&mut seen[index], true) {
            add(&self.duplicates);
        } else if number < self.highest.get() {
            add(&self.disordered);
        }
        self.highest.set(self.highest.get().max(number));
    }

    /// Notes that the client was told that something may be missing.
    pub(crate) fn reset(&self) {
        add(&self.resets);
    }

    pub(crate) fn set_connected(&self, connected: bool) {
        if self.connected.replace(connected) && !connected {
            add(&self.reconnects);
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected.get()
    }

    pub(crate) fn has(&self, number: u64) -> bool {
        number == 0 || self.seen.borrow().get(number as usize).copied().unwrap_or(false)
    }

    /// How many of the numbers up to `last` are missing.
    pub(crate) fn missing(&self, last: u64) -> u64 {
        last - (1..=last).filter(|number| self.has(*number)).count() as u64
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.seen.borrow().iter().filter(|seen| **seen).count() as u64
    }

    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates.get()
    }

    pub(crate) fn disordered(&self) -> u64 {
        self.disordered.get()
    }

    pub(crate) fn resets(&self) -> u64 {
        self.resets.get()
    }

    pub(crate) fn reconnects(&self) -> u64 {
        self.reconnects.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_missing_doubled_and_late() {
        let ledger = Ledger::default();
        [1, 2, 5, 4, 4].into_iter().for_each(|number| ledger.take(number));
        assert_eq!((ledger.missing(5), ledger.duplicates(), ledger.disordered()), (1, 1, 1));
        assert_eq!((ledger.delivered(), ledger.has(3), ledger.has(5)), (4, false, true));
    }
}
