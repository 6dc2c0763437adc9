//! The bridge between Ruby and the core: converts arguments, calls the core, converts results. Nothing else.
//!
//! Rust never calls Ruby's code, and keeps no Ruby value. Ruby threads come and ask: for the next job, the next
//! line of the log, an answer. `docs/bridge.md` says why.
#![deny(unsafe_code)]
// The one public item is the initializer that magnus generates.
#![allow(missing_docs)]

mod error;
mod gvl;
mod home;
mod host;
mod job;
mod options;
mod publisher;
mod server;

use atr_core::scope::{Scope, is_valid_name};
use magnus::{Error, Module, Object, Ruby, function};

/// Defines `Atr::Native`. Ruby's loader calls it when the library is required.
#[magnus::init]
fn init(ruby: &Ruby) -> Result<(), Error> {
    let native = ruby.define_module("Atr")?.define_module("Native")?;
    native.define_singleton_method("valid_scope?", function!(is_scope, 1))?;
    native.define_singleton_method("valid_name?", function!(is_name, 1))?;
    server::init(ruby, native)?;
    job::init(ruby, native)?;
    publisher::init(ruby, native)
}

fn is_scope(name: String) -> bool {
    Scope::new(&name).is_some()
}

fn is_name(name: String) -> bool {
    is_valid_name(&name)
}
