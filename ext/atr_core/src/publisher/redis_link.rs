//! One connection of a publisher to Redis: sends a batch and says of each command what became of it.
//!
//! The `redis` crate tells only that a pipeline has failed. Here each command has its own answer, so that what
//! Redis has done is told from what nobody can know, and from what was never sent.

use super::driver::Driver;
use super::refusal::Refusal;
use crate::broker::Timing;
use crate::broker::redis::Address;
use crate::broker::redis::failure::Failure;
use crate::broker::redis::logs::Logs;
use crate::broker::redis::script::Scripts;
use futures_util::future::{MaybeDone, maybe_done};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, RedisError, RedisResult, Value};
use std::pin::Pin;
use std::task::{Context, Waker};
use tokio::task::unconstrained;
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes that are joined into one write.
const WRITE_BYTES: usize = 256 * 1024;

/// What became of a command.
#[derive(Debug)]
pub(super) enum Answer {
    /// Redis has done it, and answers this.
    Done(Value),
    /// Redis has not done it, and says why.
    Refused(RedisError),
    /// It was sent; the connection ended, or the time, before its answer came.
    Unknown(Failure),
    /// The connection had ended before.
    NotSent,
}

impl Answer {
    /// Redis has been told to forget its scripts.
    pub(super) fn is_missing_script(&self) -> bool {
        matches!(self, Self::Refused(error) if Refusal::of(error) == Refusal::NoScript)
    }

    /// The connection cannot be used any more.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::NotSent)
    }
}

/// A connection.
pub(super) struct Link {
    connection: MultiplexedConnection,
    /// `None` where no log is kept.
    logs: Option<Logs>,
    driver: Driver,
    last_answer: Instant,
}

impl Link {
    /// Connects, and makes sure that Redis answers: one that wants a password or still loads its data lets
    /// anybody in. At most `commands` may be sent at once.
    pub(super) async fn open(
        address: &Address,
        timing: &Timing,
        commands: usize,
        with_logs: bool,
    ) -> Result<Self, Failure> {
        let attempt = async {
            let stream = address.connect().await?;
            // Deadlines are ours: one for each batch.
            let config = AsyncConnectionConfig::new()
                .set_response_timeout(None)
                .set_pipeline_buffer_size(commands)
                .set_write_backpressure_boundary(WRITE_BYTES);
            let (mut connection, driver) =
                MultiplexedConnection::new_with_config(address.settings(), stream, config).await?;
            let driver = Driver::spawn(driver);
            ping(&mut connection).await?;
            let logs = if with_logs { Some(Logs::prepare(&mut connection).await?) } else { None };
            Ok(Self { connection, logs, driver, last_answer: Instant::now() })
        };
        timeout(timing.deadline, attempt).await.unwrap_or_else(|_| Err(Failure::no_answer(timing)))
    }

    /// What it needs for logs, where any is kept.
    pub(super) fn logs(&self) -> Option<&Logs> {
        self.logs.as_ref()
    }

    /// Loads the scripts again, which Redis was told to forget.
    pub(super) async fn reload_scripts(&mut self, timing: &Timing) -> Result<(), Failure> {
        let loaded = timeout(timing.deadline, Scripts::load(&mut self.connection)).await;
        loaded.map_err(|_| Failure::no_answer(timing))??;
        Ok(())
    }

    /// Whether it can be used still. A connection that was silent for long is asked for a sign of life first: on one
    /// that a firewall has forgotten, or to a Redis that is stopped, a batch would be lost. Cancel-safe.
    pub(super) async fn is_alive(&mut self, timing: &Timing) -> bool {
        if self.driver.has_ended().await {
            return false;
        }
        if self.last_answer.elapsed() < timing.ping_interval {
            return true;
        }
        let answers = matches!(timeout(timing.deadline, ping(&mut self.connection)).await, Ok(Ok(())));
        self.last_answer = Instant::now();
        answers
    }

    /// Waits for the end of the connection. Cancel-safe.
    pub(super) async fn ended(&mut self) {
        self.driver.ended().await;
    }

    /// Sends all commands and waits for their answers, one deadline long at most.
    pub(super) async fn exchange(&mut self, commands: Vec<Cmd>, timing: &Timing) -> Vec<Answer> {
        let deadline = Instant::now() + timing.deadline;
        let mut replies: Vec<_> =
            commands.into_iter().map(|command| hand_over(self.connection.clone(), command)).collect();
        // Nobody else ran meanwhile: if the first was not taken, none was.
        if replies.first_mut().is_some_and(was_not_taken) {
            return replies.iter().map(|_| Answer::NotSent).collect();
        }
        let mut answers = Vec::with_capacity(replies.len());
        let mut gone = None;
        for mut reply in replies {
            if gone.is_none() && timeout_at(deadline, reply.as_mut()).await.is_err() {
                gone = Some(Failure::no_answer(timing));
            }
            let answer = match (&gone, reply.as_mut().take_output()) {
                (None, Some(result)) => judge(result),
                (Some(failure), _) => Answer::Unknown(failure.clone()),
                (None, None) => Answer::Unknown(Failure::closed()),
            };
            if let Answer::Unknown(failure) = &answer {
                gone = Some(failure.clone());
            }
            answers.push(answer);
        }
        self.last_answer = Instant::now();
        answers
    }
}

/// A command's answer, some time.
type Reply<F> = Pin<Box<MaybeDone<F>>>;

/// Queues a command on the connection. That happens at the first poll, and only when they are polled one after the
/// other do commands keep their order; tokio's budget would end it after a hundred.
fn hand_over(
    mut connection: MultiplexedConnection,
    command: Cmd,
) -> Reply<impl Future<Output = RedisResult<Value>>> {
    let answer = async move { connection.send_packed_command(&command).await };
    let mut reply = Box::pin(maybe_done(unconstrained(answer)));
    let _ = reply.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    reply
}

fn was_not_taken(reply: &mut Reply<impl Future<Output = RedisResult<Value>>>) -> bool {
    reply.as_mut().output_mut().is_some_and(|result| result.is_err())
}

fn judge(result: RedisResult<Value>) -> Answer {
    match result.map(Value::extract_error) {
        Ok(Ok(value)) => Answer::Done(value),
        Ok(Err(error)) => Answer::Refused(error),
        Err(error) => Answer::Unknown(error.into()),
    }
}

async fn ping(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    connection.send_packed_command(&redis::cmd("PING")).await?.extract_error()?;
    Ok(())
}
