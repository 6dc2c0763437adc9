//! What several integration tests need: a real Redis of their own, and waits that end.
#![allow(dead_code, unused_imports, reason = "each test file uses its part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "clippy takes only #[test] functions for tests")]

mod admin;
mod broker;
mod fake_server;
mod proxy;
mod publishing;
mod redis_server;
mod silent_proxy;
mod stage;
mod subscriber;

pub use admin::{AdminPort, TOKEN, exchange};
pub use broker::{RETENTION, Wired};
pub use fake_server::FakeServer;
pub use proxy::Proxy;
pub use publishing::{
    event, flush, interrupt, json, memory_options, options, options_as, publish, publisher, stat, trusting,
    without_log,
};
pub use redis_server::RedisServer;
pub use silent_proxy::SilentProxy;
pub use stage::{RedisLog, Stage, numbered};
pub use subscriber::Subscriber;

use atr_core::broker::Timing;
use atr_core::log::{Line, Log};
use atr_core::wait::{Interrupt, wait};
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;
use tokio::time::timeout;

/// Longer than anything here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Times that make a failure visible soon.
pub const TIMING: Timing = Timing {
    deadline: Duration::from_millis(600),
    ping_interval: Duration::from_millis(150),
    backoff_first: Duration::from_millis(10),
    backoff_cap: Duration::from_millis(80),
};

/// For tests that lose nothing: a machine that is busy shall not pass for a Redis that is silent.
pub const PATIENT: Timing = Timing { deadline: Duration::from_secs(10), ..TIMING };

/// Runs a test as the control thread runs its tasks, and ends it when it hangs.
pub fn run_local(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async { timeout(PATIENCE * 2, test).await.expect("the test hangs") });
}

/// The same as [`eventually`], for tests that have no runtime.
pub fn eventually_blocking(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The same as [`log_line`], for tests that have no runtime.
pub fn log_line_blocking(log: &Log, text: &str) -> Line {
    let mut passed = vec![];
    loop {
        match wait(log.next(), Some(PATIENCE), &Interrupt::for_this_thread()) {
            Ok(Some(line)) if line.message.contains(text) => return line,
            Ok(Some(line)) => passed.push(line.message),
            ended => panic!("no line with {text:?} ({ended:?}), only {passed:?}"),
        }
    }
}

/// The same as [`log_lines`], for tests that have no runtime.
pub fn log_lines_blocking(log: &Log) -> Vec<String> {
    let next = || wait(log.next(), Some(Duration::ZERO), &Interrupt::for_this_thread()).ok().flatten();
    std::iter::from_fn(next).map(|line| line.message).collect()
}

/// Reads the log to its end, which is that of the thread that writes it.
pub fn log_to_end(log: &Log) -> Vec<String> {
    let mut lines = vec![];
    while let Some(line) =
        wait(log.next(), Some(PATIENCE), &Interrupt::for_this_thread()).expect("the log ends")
    {
        lines.push(line.message);
    }
    lines
}

/// Waits for a condition that changes without telling.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The next line of the log that holds `text`; those before it are passed over.
pub async fn log_line(log: &Log, text: &str) -> Line {
    let mut passed = vec![];
    let search = async {
        while let Some(line) = log.next().await {
            if line.message.contains(text) {
                return line;
            }
            passed.push(line.message);
        }
        panic!("the log ended");
    };
    match timeout(PATIENCE, search).await {
        Ok(line) => line,
        Err(_) => panic!("no line with {text:?}, only {passed:?}"),
    }
}

/// The lines that are there now.
pub async fn log_lines(log: &Log) -> Vec<String> {
    let mut lines = vec![];
    while let Ok(Some(line)) = timeout(Duration::from_millis(1), log.next()).await {
        lines.push(line.message);
    }
    lines
}
