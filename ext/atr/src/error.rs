//! Turns the core's errors, and panics, into the exceptions that `lib/atr/errors.rb` defines.

use atr_core::panic::message_of;
use magnus::{Error, ExceptionClass, Module, RModule, Ruby};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The exception for an error of the core.
pub(crate) fn to_ruby(ruby: &Ruby, error: &atr_core::Error) -> Error {
    let class = match error {
        atr_core::Error::Config(_) => "ConfigurationError",
        atr_core::Error::Server(_) => "ServerError",
        atr_core::Error::Publish(_) => "PublishError",
        atr_core::Error::Interrupted => "Error",
    };
    exception(ruby, class, error.to_string())
}

/// The exception of the class `Atr::<name>`.
pub(crate) fn exception(ruby: &Ruby, name: &str, message: String) -> Error {
    let class = ruby.class_object().const_get::<_, RModule>("Atr");
    let class = class.and_then(|atr| atr.const_get::<_, ExceptionClass>(name));
    Error::new(class.unwrap_or_else(|_| ruby.exception_runtime_error()), message)
}

/// Runs a method's body. A panic becomes an `Atr::Error` here, because magnus would make it a `fatal`, which no
/// `rescue` can catch and which ends the process.
pub(crate) fn guard<T>(ruby: &Ruby, body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(from_panic(ruby, &*panic)))
}

/// The exception for a panic.
pub(crate) fn from_panic(ruby: &Ruby, panic: &(dyn Any + Send)) -> Error {
    exception(ruby, "Error", format!("a bug in atr's native library: {}", message_of(panic)))
}
