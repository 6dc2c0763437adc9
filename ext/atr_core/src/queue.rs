//! A bounded queue between tasks and threads that run Ruby.
//!
//! Several threads may take from it; each entry wakes exactly one of them. `push` never waits: what a full queue
//! means is for the caller to decide.

use crate::sync::lock;
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::sync::Semaphore;

/// A bounded first-in-first-out queue with any number of producers and consumers.
#[derive(Debug)]
pub struct Queue<T> {
    entries: Mutex<VecDeque<T>>,
    /// One permit for each entry that nobody has claimed yet. Its waiters are served in order.
    ready: Semaphore,
    capacity: usize,
}

impl<T> Queue<T> {
    /// A queue of at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { entries: Mutex::new(VecDeque::new()), ready: Semaphore::new(0), capacity }
    }

    /// Appends an entry. Gives it back when the queue is full or closed.
    pub fn push(&self, entry: T) -> Result<(), T> {
        let mut entries = lock(&self.entries);
        if entries.len() >= self.capacity || self.ready.is_closed() {
            return Err(entry);
        }
        entries.push_back(entry);
        drop(entries);
        self.ready.add_permits(1);
        Ok(())
    }

    /// The next entry; `None` when the queue is closed and empty. Cancel-safe: a dropped wait takes nothing.
    pub async fn pop(&self) -> Option<T> {
        if let Ok(permit) = self.ready.acquire().await {
            permit.forget();
        }
        lock(&self.entries).pop_front()
    }

    /// The next entry, if one waits.
    pub fn try_pop(&self) -> Option<T> {
        if let Ok(permit) = self.ready.try_acquire() {
            permit.forget();
            return lock(&self.entries).pop_front();
        }
        None
    }

    /// Takes no more entries. Those that are in it can still be popped; then every waiter gets `None`.
    pub fn close(&self) {
        let _entries = lock(&self.entries);
        self.ready.close();
    }

    /// How many entries wait.
    pub fn len(&self) -> usize {
        lock(&self.entries).len()
    }

    /// Whether no entry waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_entries_in_order() {
        let queue = Queue::new(3);
        (1..=3).for_each(|n| queue.push(n).unwrap());
        assert_eq!((queue.pop().await, queue.pop().await, queue.pop().await), (Some(1), Some(2), Some(3)));
    }

    #[tokio::test]
    async fn gives_what_is_there_without_waiting() {
        let queue = Queue::new(2);
        assert_eq!(queue.try_pop(), None);
        (1..=2).for_each(|n| queue.push(n).unwrap());
        assert_eq!((queue.try_pop(), queue.pop().await, queue.try_pop()), (Some(1), Some(2), None));
    }

    #[test]
    fn refuses_what_is_more_than_its_capacity() {
        let queue = Queue::new(1);
        assert_eq!(queue.push("a"), Ok(()));
        assert_eq!(queue.push("b"), Err("b"));
    }

    #[tokio::test]
    async fn a_closed_queue_is_drained_before_it_ends() {
        let queue = Queue::new(2);
        queue.push(1).unwrap();
        queue.close();
        assert_eq!(queue.push(2), Err(2));
        assert_eq!(queue.pop().await, Some(1));
        assert_eq!(queue.pop().await, None);
    }

    #[tokio::test]
    async fn a_cancelled_wait_takes_nothing() {
        let queue = Queue::new(1);
        {
            let mut pop = std::pin::pin!(queue.pop());
            assert!(futures_util::poll!(pop.as_mut()).is_pending());
            queue.push(7).unwrap();
        }
        assert_eq!(queue.pop().await, Some(7));
    }
}
