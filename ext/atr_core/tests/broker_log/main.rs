//! The logs: one suite for both brokers, and what only a Redis can do to them.

// Helpers of tests fail by panicking, like tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod both;
mod redis_damage;
mod redis_permissions;
mod redis_refusals;
mod redis_restarts;
mod redis_silence;

use atr_core::pattern::Pattern;
use atr_core::position::{Epoch, Position};
use atr_core::retention::{Retention, Retentions};
use std::time::Duration;

/// Kept of every scope, unless a test says otherwise.
fn keep(size: u32) -> Retentions {
    Retentions::all(Retention { size, ttl: Duration::from_secs(300) })
}

/// The same; scopes called `unlogged.…` have no log.
fn keep_some(size: u32) -> Retentions {
    let kinds = vec![(Pattern::new("unlogged.*").unwrap(), Retention::NONE)];
    Retentions { kinds, ..keep(size) }
}

fn at(position: Position, offset: u64) -> Position {
    Position { offset, ..position }
}

fn of_another_log(offset: u64) -> Position {
    Position::new(Epoch::random(), offset)
}
