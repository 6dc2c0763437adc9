//! Reads the options that Ruby passes as a Hash. There are no defaults here: `Atr::Config` has them all, and what
//! is missing is a bug that the first test meets.

use crate::error::exception;
use atr_core::pattern::Pattern;
use atr_core::retention::{Retention, Retentions};
use magnus::{Error, RHash, Ruby, TryConvert, Value};
use std::time::Duration;

/// A Hash with Symbol keys.
pub(crate) struct Options<'a> {
    ruby: &'a Ruby,
    hash: RHash,
}

impl<'a> Options<'a> {
    pub(crate) fn new(ruby: &'a Ruby, hash: RHash) -> Self {
        Self { ruby, hash }
    }

    /// The option called `name`.
    ///
    /// # Errors
    /// `Atr::ConfigurationError` when it is missing or of the wrong type.
    pub(crate) fn get<T: TryConvert>(&self, name: &str) -> Result<T, Error> {
        let fail = |what: String| exception(self.ruby, "ConfigurationError", format!("{name} {what}"));
        let value: Value =
            self.hash.get(self.ruby.to_symbol(name)).ok_or_else(|| fail("is not given".into()))?;
        T::try_convert(value).map_err(|error| fail(format!("is not usable: {error}")))
    }

    /// The option called `name`, a number of seconds.
    pub(crate) fn seconds(&self, name: &str) -> Result<Duration, Error> {
        let seconds = self.get(name)?;
        seconds_to_duration(self.ruby, name, seconds)
    }

    /// What is kept of the logs: `log_size` and `log_ttl_seconds`, and `log_for` for kinds of scopes, each of them
    /// `[pattern, size, ttl_seconds]`; the first that fits counts.
    pub(crate) fn retentions(&self) -> Result<Retentions, Error> {
        let kinds = self.get::<Vec<(String, u32, f64)>>("log_for")?;
        let kinds = kinds.into_iter().map(|(pattern, size, ttl)| {
            let kept = Retention { size, ttl: seconds_to_duration(self.ruby, "log_for", ttl)? };
            let unusable =
                || exception(self.ruby, "ConfigurationError", format!("log_for has no scopes {pattern:?}"));
            Ok((Pattern::new(&pattern).ok_or_else(unusable)?, kept))
        });
        let otherwise = Retention { size: self.get("log_size")?, ttl: self.seconds("log_ttl_seconds")? };
        Ok(Retentions { kinds: kinds.collect::<Result<_, Error>>()?, otherwise })
    }

    /// The exception for a broker that there is not.
    pub(crate) fn unknown_broker(&self, name: &str) -> Error {
        exception(
            self.ruby,
            "ConfigurationError",
            format!("broker is {name:?}; it must be \"redis\" or \"memory\""),
        )
    }
}

/// A time as Rust has it.
///
/// # Errors
/// `Atr::ConfigurationError` for what is no time: negative, infinite, not a number.
pub(crate) fn seconds_to_duration(ruby: &Ruby, name: &str, seconds: f64) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        exception(
            ruby,
            "ConfigurationError",
            format!("{name} is {seconds}; it must be a number of seconds, at least 0"),
        )
    })
}
