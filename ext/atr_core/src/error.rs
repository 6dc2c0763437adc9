//! The one error type of the core, sorted by what a caller can do about it.

/// What went wrong, in a sentence that a user can act on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A setting is missing or not usable; mend the configuration.
    #[error("{0}")]
    Config(String),
    /// The server could not start or has failed; see the message (a port in use, for example).
    #[error("{0}")]
    Server(String),
    /// An event was not taken by the broker, or nobody can tell whether it was.
    #[error("{0}")]
    Publish(String),
    /// The caller was asked to stop waiting (a Ruby interrupt); nothing is wrong with the call itself.
    #[error("the wait was interrupted")]
    Interrupted,
}

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;
