//! Asks the broker where scopes' logs end.

use super::shared::Shared;
use crate::position::Position;
use crate::scope::Scope;
use crate::wait::{Ended, Interrupt, wait};
use crate::{Error, Result};
use std::time::Duration;
use tokio::sync::oneshot;

/// Where each log ends, `None` for a scope without one; or why nobody can tell.
pub(super) type Heads = Result<Vec<Option<Position>>, String>;

/// Waits for the answer to a question of the publisher whose thread runs.
pub(super) fn ask(
    shared: &Shared,
    scopes: Vec<Scope>,
    timeout: Duration,
    interrupt: &Interrupt,
) -> Result<Vec<Option<Position>>> {
    let (question, answer) = Question::new(scopes);
    let busy = |_| unknown("the publisher is closed, or too many ask".into());
    shared.questions.push(question).map_err(busy)?;
    match wait(answer, Some(timeout), interrupt) {
        Ok(Ok(heads)) => heads.map_err(unknown),
        Ok(Err(_)) => Err(unknown("the publisher was closed".into())),
        Err(Ended::Interrupted) => Err(Error::Interrupted),
        Err(Ended::TimedOut) => Err(unknown(format!("no answer within {:.1} s", timeout.as_secs_f64()))),
    }
}

/// The error for whoever has asked.
pub(super) fn unknown(reason: String) -> Error {
    Error::Publish(format!("the positions are not known: {reason}"))
}

/// Somebody who wants to know where the logs of some scopes end.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) scopes: Vec<Scope>,
    reply: oneshot::Sender<Heads>,
}

impl Question {
    /// A question, and where its answer comes.
    pub(super) fn new(scopes: Vec<Scope>) -> (Self, oneshot::Receiver<Heads>) {
        let (reply, answer) = oneshot::channel();
        (Self { scopes, reply }, answer)
    }

    pub(super) fn answer(self, heads: Heads) {
        // Who has stopped waiting has told its caller.
        let _ = self.reply.send(heads);
    }
}
