//! What a connection has to know before it can use the logs in its Redis: the scripts, and which process it talks to.

use super::failure::Failure;
use super::process::{self, Run};
use super::script::Scripts;
use redis::aio::MultiplexedConnection;

/// Made anew for each connection: another process of Redis knows no scripts.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) scripts: Scripts,
    /// Which process of Redis this is.
    pub(crate) run: Run,
    /// Why Redis does not say that, if it has refused to.
    pub(crate) refusal: Option<Failure>,
}

impl Logs {
    /// Asks Redis who it is, and has it load the scripts.
    ///
    /// # Errors
    /// Why there can be no logs: it is too old, forbids the scripts, or does not answer.
    pub(crate) async fn prepare(connection: &mut MultiplexedConnection) -> Result<Self, Failure> {
        let (run, refusal) = match process::question().query_async::<String>(connection).await {
            Ok(info) => (process::read(&info).map_err(Failure::new)?, None),
            Err(error) if process::is_refused(&error) => (Run::unknown(), Some(error.into())),
            Err(error) => return Err(error.into()),
        };
        let scripts = Scripts::load(connection).await.map_err(|error| {
            let is_refused = process::is_refused(&error);
            let failure = Failure::from(error);
            if is_refused { failure.needing("the log of events") } else { failure }
        })?;
        Ok(Self { scripts, run, refusal })
    }
}
