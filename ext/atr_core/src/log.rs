//! The log lines of the native threads, kept until the host takes them.
//!
//! The core does not print: in a Rails process its lines belong in the app's logger, which only a Ruby thread may
//! call. Lines never hold a payload, a cookie, a query string or a token.

use crate::queue::Queue;
use crate::sync::lock;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Lines that wait for the host at most; further ones are counted, not kept.
const CAPACITY: usize = 1024;
/// The time between two lines of the same repeated message.
const REPEAT_INTERVAL: Duration = Duration::from_secs(10);

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// One connection's doings.
    Debug,
    /// Starts, stops, changes of the broker's state.
    Info,
    /// Something is lost or refused that somebody may miss.
    Warn,
    /// A part of the program has failed.
    Error,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// What happened, in one line.
    pub message: String,
}

/// A handle on the log; clones write to the same one.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    debug: bool,
    lines: Queue<Line>,
    lost: AtomicU64,
    repeated: Mutex<HashMap<&'static str, Repeated>>,
}

#[derive(Debug)]
struct Repeated {
    last: Instant,
    message: String,
    unsaid: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Log {
    /// A log that keeps lines at debug only if `debug` says so.
    pub fn new(debug: bool) -> Self {
        let lines = Queue::new(CAPACITY);
        let shared = Shared { debug, lines, lost: AtomicU64::new(0), repeated: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Writes a line. A line that finds the log full is counted, and the next one that fits tells of it.
    pub fn write(&self, level: Level, message: impl Into<String>) {
        let mut message = message.into();
        let lost = self.shared.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            message.push_str(&format!(" ({lost} log lines before this one were lost: nobody read them)"));
        }
        if self.shared.lines.push(Line { level, message }).is_err() {
            self.shared.lost.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }

    /// Writes a line at debug. It is not even made when nobody wants it: there is one for each connection.
    pub fn debug(&self, message: impl FnOnce() -> String) {
        if self.shared.debug {
            self.write(Level::Debug, message());
        }
    }

    /// Writes a line at info.
    pub fn info(&self, message: impl Into<String>) {
        self.write(Level::Info, message);
    }

    /// Writes a line at warn.
    pub fn warn(&self, message: impl Into<String>) {
        self.write(Level::Warn, message);
    }

    /// Writes a line at error.
    pub fn error(&self, message: impl Into<String>) {
        self.write(Level::Error, message);
    }

    /// Warns of something that may happen very often: at once the first time, then at most every 10 s for each
    /// `key`, with how many times it has happened since.
    pub fn warn_repeated(&self, key: &'static str, count: u64, message: impl FnOnce(u64) -> String) {
        let now = Instant::now();
        let mut repeated = lock(&self.shared.repeated);
        let unsaid = match repeated.get_mut(key) {
            Some(entry) if now.duration_since(entry.last) < REPEAT_INTERVAL => {
                entry.unsaid += count;
                return;
            }
            Some(entry) => entry.unsaid,
            None => 0,
        };
        let message = message(unsaid + count);
        repeated.insert(key, Repeated { last: now, message: message.clone(), unsaid: 0 });
        drop(repeated);
        self.warn(message);
    }

    /// Tells of repetitions that were counted and not told for 10 s. To be called now and then.
    pub fn tell_overdue(&self) {
        self.tell_unsaid(REPEAT_INTERVAL);
    }

    fn tell_unsaid(&self, after: Duration) {
        let now = Instant::now();
        let mut lines = vec![];
        for entry in lock(&self.shared.repeated).values_mut() {
            if entry.unsaid > 0 && now.duration_since(entry.last) >= after {
                entry.last = now;
                let count = std::mem::take(&mut entry.unsaid);
                lines.push(format!("{count} more since this was said: {}", entry.message));
            }
        }
        lines.into_iter().for_each(|line| self.warn(line));
    }

    /// The next line; `None` when the log is closed and empty.
    pub async fn next(&self) -> Option<Line> {
        self.shared.lines.pop().await
    }

    /// Takes no more lines: readers get what is left, then `None`.
    pub fn close(&self) {
        self.tell_unsaid(Duration::ZERO);
        self.shared.lines.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn repeated_warnings_are_counted_not_repeated() {
        let log = Log::default();
        for _ in 0..1000 {
            log.warn_repeated("drop", 2, |count| format!("{count} lost"));
        }
        log.tell_overdue();
        log.close();
        assert_eq!(log.next().await.map(|line| line.message).as_deref(), Some("2 lost"));
        let rest = log.next().await.map(|line| line.message);
        assert_eq!(rest.as_deref(), Some("1998 more since this was said: 2 lost"));
        assert_eq!(log.next().await, None);
    }

    #[tokio::test]
    async fn a_full_log_says_how_many_lines_it_lost() {
        let log = Log::default();
        (0..CAPACITY + 5).for_each(|n| log.info(n.to_string()));
        log.next().await;
        log.info("after");
        log.close();
        let mut last = None;
        while let Some(line) = log.next().await {
            last = Some(line);
        }
        assert!(last.unwrap().message.contains("after (5 log lines"));
    }
}
