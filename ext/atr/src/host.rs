//! Log lines and counters as Ruby sees them.

use crate::gvl::wait_for;
use atr_core::log::{Level, Log};
use magnus::{Error, RHash, Ruby, Symbol};

/// Waits for the next line: its level and its text, or `nil` when there will be none any more.
pub(crate) fn next_log(ruby: &Ruby, log: &Log) -> Result<Option<(Symbol, String)>, Error> {
    let line = wait_for(ruby, || log.next())?;
    Ok(line.map(|line| (ruby.to_symbol(name_of(line.level)), line.message)))
}

fn name_of(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

/// Counters as a Hash with Symbol keys.
pub(crate) fn stats_hash(ruby: &Ruby, stats: Vec<(&'static str, u64)>) -> Result<RHash, Error> {
    let hash = ruby.hash_new();
    for (name, value) in stats {
        hash.aset(ruby.to_symbol(name), value)?;
    }
    Ok(hash)
}
