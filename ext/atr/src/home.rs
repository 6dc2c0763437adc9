//! Keeps a native object to the process that made it.

use crate::error::exception;
use magnus::{Error, Ruby};

/// Something that only works in the process it was made in: a fork copies its memory, but not its threads.
///
/// In another process it is never dropped: dropping an inherited runtime or queue would wait for threads that are
/// not there, or write to sockets that are the parent's.
#[derive(Debug)]
pub(crate) struct Home<T> {
    /// Always there until `drop`.
    value: Option<T>,
    pid: u32,
}

impl<T> Home<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Some(value), pid: std::process::id() }
    }

    fn is_here(&self) -> bool {
        self.pid == std::process::id()
    }

    /// The value, in the process that made it.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_here())
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        if self.is_here() { self.value.as_mut() } else { None }
    }

    /// The value, or an `Atr::ForkError` that says what cannot be used here.
    pub(crate) fn demand(&self, ruby: &Ruby, what: &str) -> Result<&T, Error> {
        self.get().ok_or_else(|| {
            let (born, here) = (self.pid, std::process::id());
            let message = format!(
                "{what} was made in process {born} and this is process {here}: start one after the fork, here"
            );
            exception(ruby, "ForkError", message)
        })
    }
}

impl<T> Drop for Home<T> {
    fn drop(&mut self) {
        if !self.is_here() {
            std::mem::forget(self.value.take());
        }
    }
}
