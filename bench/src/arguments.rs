//! Reads command lines of the form `--name value`.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

/// The options that a program was started with.
#[derive(Debug)]
pub struct Arguments(HashMap<String, String>);

impl Arguments {
    /// This process's own.
    ///
    /// # Errors
    /// A sentence for whoever typed it.
    pub fn of_process() -> Result<Self, String> {
        let mut words = std::env::args().skip(1);
        let mut options = HashMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or(format!("{word} is no --option"))?.to_owned();
            let value = words.next().ok_or(format!("--{name} needs a value"))?;
            options.insert(name, value);
        }
        Ok(Self(options))
    }

    /// A value that must be there.
    ///
    /// # Errors
    /// It is missing, or not what it should be.
    pub fn get<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, String> {
        let value = self.0.get(name).ok_or(format!("--{name} is missing"))?;
        value.parse().map_err(|error| format!("--{name} {value}: {error}"))
    }

    /// A value that may be there.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
