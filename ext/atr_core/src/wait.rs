//! Blocks a plain thread on a future, in a way that another thread can interrupt.
//!
//! Ruby threads wait here, without the GVL, for jobs, log lines and answers. Ruby may want such a thread back at
//! any time (`Thread#kill`, `Thread#raise`, a signal); [`Interrupt::set`] only wakes it, and never means "stop".

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Ends the wait of the thread that made it.
#[derive(Debug)]
pub struct Interrupt {
    thread: Thread,
    set: AtomicBool,
}

impl Interrupt {
    /// An interrupt for waits of the calling thread.
    pub fn for_this_thread() -> Self {
        Self { thread: std::thread::current(), set: AtomicBool::new(false) }
    }

    /// Wakes the thread; its wait, or its next one, ends with [`Ended::Interrupted`].
    pub fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Why a wait ended without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Somebody called [`Interrupt::set`].
    Interrupted,
    /// The time was up.
    TimedOut,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Blocks the calling thread until `future` is done, `timeout` is over or `interrupt` is set.
///
/// The future may use tokio's channels and locks, but neither its timers nor its sockets: no runtime is entered.
pub fn wait<F: Future>(
    future: F,
    timeout: Option<Duration>,
    interrupt: &Interrupt,
) -> Result<F::Output, Ended> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        if interrupt.set.load(Ordering::Acquire) {
            return Err(Ended::Interrupted);
        }
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => return Err(Ended::TimedOut),
            // An unpark that came before this line is remembered by the thread: no wake is lost.
            Some(left) => std::thread::park_timeout(left),
            None => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::sync::oneshot;

    #[test]
    fn gives_the_result_of_another_thread() {
        let (sender, receiver) = oneshot::channel();
        let other = std::thread::spawn(move || sender.send(7));
        assert_eq!(wait(receiver, None, &Interrupt::for_this_thread()), Ok(Ok(7)));
        other.join().unwrap().unwrap();
    }

    #[test]
    fn ends_in_time() {
        let ended =
            wait(pending::<()>(), Some(Duration::from_millis(5)), &Interrupt::for_this_thread()).unwrap_err();
        assert_eq!(ended, Ended::TimedOut);
    }

    #[test]
    fn an_interrupt_from_another_thread_ends_it() {
        let interrupt = Interrupt::for_this_thread();
        std::thread::scope(|scope| {
            scope.spawn(|| interrupt.set());
            assert_eq!(wait(pending::<()>(), None, &interrupt), Err(Ended::Interrupted));
        });
    }

    #[test]
    fn a_result_that_is_there_wins_over_an_interrupt() {
        let interrupt = Interrupt::for_this_thread();
        interrupt.set();
        assert_eq!(wait(async { 1 }, None, &interrupt), Ok(1));
    }
}
