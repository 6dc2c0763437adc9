//! The second connection to Redis: what asks for answers goes over it, beside the one that is subscribed.

use super::Options;
use super::failure::Failure;
use super::logs::Logs;
use super::script;
use crate::broker::{Context, Page, Read};
use crate::driver::Driver;
use crate::position::Position;
use crate::scope::Scope;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, RedisError, RedisResult, Value};
use tokio::time::timeout;

/// Questions that may be under way at once; as many as keep Redis busy while the answers travel.
pub(super) const MAX_QUESTIONS: usize = 256;
/// What Redis says when it can answer nobody: it is as good as lost, and is tried again. Everything else it says of this
/// question alone.
const AWAY: [&str; 6] = ["BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "NOAUTH", "TRYAGAIN"];

/// The connection.
pub(super) struct Reader {
    connection: MultiplexedConnection,
    /// `None` when no log is kept.
    logs: Option<Logs>,
    options: Options,
    context: Context,
}

impl Reader {
    /// Connects. What drives the connection ends with it.
    pub(super) async fn open(options: &Options, context: &Context) -> Result<(Self, Driver), Failure> {
        let stream = options.address.connect().await?;
        // Deadlines are ours.
        let config =
            AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(MAX_QUESTIONS);
        let settings = options.address.settings();
        let (mut connection, driver) =
            MultiplexedConnection::new_with_config(settings, stream, config).await?;
        let driver = Driver::spawn(driver);
        let logs = match context.retentions.keep_any() {
            true => Some(Logs::prepare(&mut connection).await?),
            false => None,
        };
        Ok((Self { connection, logs, options: options.clone(), context: context.clone() }, driver))
    }

    /// Why Redis does not say which process it is, if it has refused to.
    pub(super) fn refusal(&self) -> Option<&Failure> {
        self.logs.as_ref()?.refusal.as_ref()
    }

    /// Where a scope's log ends; `None` when there is none, or Redis refuses to say it.
    pub(super) async fn head(&self, scope: &Scope) -> Result<Option<Position>, Failure> {
        let Some((logs, log)) = self.log_of(scope) else { return Ok(None) };
        let answer = self.ask(logs.scripts.head(&log)).await?;
        Ok(answer.and_then(|answer| script::head(&answer)))
    }

    /// What a scope's log has behind a position.
    pub(super) async fn page(&self, read: &Read) -> Result<Page, Failure> {
        let Some((logs, log)) = self.log_of(&read.scope) else { return Ok(Page::Reset { head: None }) };
        let answer = self.ask(logs.scripts.page(&log, read.after, read.upto)).await?;
        let page = answer.and_then(|answer| script::page(answer, read.after));
        Ok(self.checked(page.unwrap_or(Page::Reset { head: None })))
    }

    /// Publishes the heartbeat.
    pub(super) async fn beat(&self, channel: &str) -> Result<(), Failure> {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(channel).arg("");
        match self.exchange(publish).await? {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::from(error).needing("the server's heartbeat")),
        }
    }

    fn log_of<'a>(&'a self, scope: &'a Scope) -> Option<(&'a Logs, script::Log<'a>)> {
        let logs = self.logs.as_ref()?;
        let retention = self.context.retentions.of(scope);
        let log = script::Log { address: &self.options.address, scope, retention, run: &logs.run };
        retention.is_kept().then_some((logs, log))
    }

    /// Events that no browser could use are not of ours, whatever else there is in the log.
    fn checked(&self, page: Page) -> Page {
        let Page::Events { head, events } = &page else { return page };
        let fault = events.iter().find_map(|event| self.context.check(&event.json).err());
        let head = Some(*head);
        match fault {
            None => page,
            Some(fault) => {
                self.context.drop_message(&fault);
                Page::Reset { head }
            }
        }
    }

    /// Redis' answer, if it does not refuse to give one.
    async fn ask(&self, question: Cmd) -> Result<Option<Value>, Failure> {
        let refused = |error: RedisError| {
            let (address, failure) = (&self.options.address, Failure::from(error));
            self.context.log.warn_repeated("refused reads", 1, |count| {
                format!(
                    "{address} refuses to read the log of events: {failure} ({count} times); clients cannot resume, \
                     and are told so"
                )
            });
        };
        Ok(self.exchange(question).await?.map_err(refused).ok())
    }

    /// What Redis answers to a command, which may be an error. The failure is that there is none.
    async fn exchange(&self, command: Cmd) -> Result<RedisResult<Value>, Failure> {
        let mut connection = self.connection.clone();
        let exchange = async {
            match send(&mut connection, &command).await {
                Err(error) if error.code() == Some("NOSCRIPT") => {
                    super::script::Scripts::load(&mut connection).await?;
                    send(&mut connection, &command).await
                }
                answer => answer,
            }
        };
        let timing = &self.options.timing;
        match timeout(timing.deadline, exchange).await.map_err(|_| Failure::no_answer(timing))? {
            Err(error) if is_loss(&error) => Err(error.into()),
            answer => Ok(answer),
        }
    }
}

async fn send(connection: &mut MultiplexedConnection, command: &Cmd) -> RedisResult<Value> {
    connection.send_packed_command(command).await?.extract_error()
}

fn is_loss(error: &RedisError) -> bool {
    error.code().is_none_or(|code| AWAY.contains(&code))
}
