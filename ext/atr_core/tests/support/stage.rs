//! A broker with something that publishes to it: the same for the memory broker and for Redis.

use super::{PATIENCE, PATIENT, RedisServer, Wired, eventually};
use atr_core::broker::{Accepted, Batch, Command, Page, Timing};
use atr_core::event::Event;
use atr_core::position::{Epoch, Position};
use atr_core::retention::{Retention, Retentions};
use atr_core::scope::Scope;
use bytes::Bytes;
use redis::{Connection, RedisResult};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

const MAX_EVENT_BYTES: usize = 1 << 20;
const SCRIPT: &str = concat!(
    include_str!("../../src/broker/redis/lua/head.lua"),
    include_str!("../../src/broker/redis/lua/publish.lua")
);

/// A broker and its publisher.
pub struct Stage {
    pub broker: Wired,
    pub redis: Option<RedisServer>,
    retention: Retention,
    seq: u64,
}

impl Stage {
    pub fn memory(retentions: Retentions) -> Self {
        let retention = retentions.otherwise;
        let broker = Wired::memory_with(retentions, MAX_EVENT_BYTES);
        Self { broker, redis: None, retention, seq: 0 }
    }

    pub async fn redis(retentions: Retentions) -> Self {
        Self::redis_in(RedisServer::start(), retentions).await
    }

    pub async fn redis_in(redis: RedisServer, retentions: Retentions) -> Self {
        let url = redis.url();
        Self::redis_at(redis, &url, PATIENT, retentions).await
    }

    /// The broker takes this way to the Redis.
    pub async fn redis_at(redis: RedisServer, url: &str, timing: Timing, retentions: Retentions) -> Self {
        let retention = retentions.otherwise;
        let broker = Wired::redis_with(url, timing, retentions, MAX_EVENT_BYTES);
        eventually("the broker is there", || broker.reachable.get()).await;
        Self { broker, redis: Some(redis), retention, seq: 0 }
    }

    /// The Redis of a test that has one.
    pub fn server(&mut self) -> &mut RedisServer {
        self.redis.as_mut().unwrap()
    }

    /// A publisher's connection to that Redis.
    pub fn log(&self) -> RedisLog {
        RedisLog::new(self.redis.as_ref().unwrap(), self.retention)
    }

    /// Publishes the events with these numbers in one go and gives their positions.
    pub async fn publish(&mut self, scope: &str, numbers: impl IntoIterator<Item = u64>) -> Vec<Position> {
        let events: Vec<_> = numbers.into_iter().map(|n| numbered(scope, n)).collect();
        self.publish_events(events).await
    }

    pub async fn publish_events(&mut self, events: Vec<Event>) -> Vec<Position> {
        if self.redis.is_some() {
            let mut log = self.log();
            let publish = move || events.iter().map(|event| log.publish(event).unwrap()).collect();
            // The broker's task has to go on meanwhile.
            return spawn_blocking(publish).await.unwrap();
        }
        self.seq += 1;
        let accepted = self.post(self.seq, events).await;
        accepted.positions.into_iter().map(|position| position.expect("it has a log")).collect()
    }

    /// Posts a batch to the memory broker.
    pub async fn post(&self, seq: u64, events: Vec<Event>) -> Accepted {
        let (done, accepted) = oneshot::channel();
        let batch = Batch { publisher: "p".into(), seq, events };
        self.broker.commands.send(Command::Publish { batch, done }).await.unwrap();
        timeout(PATIENCE, accepted).await.expect("an answer").unwrap()
    }

    /// Where a scope's log ends: it is subscribed to for that.
    pub async fn head(&self, scope: &str) -> Position {
        self.broker.subscribed(scope).await.expect("it has a log")
    }

    /// Everything that follows a position, page by page: the number in each event's JSON. `None` is a reset.
    pub async fn recover(&self, scope: &str, after: Position) -> Option<Vec<u64>> {
        let (mut after, mut numbers) = (after, vec![]);
        loop {
            match self.broker.read(scope, after, None).await.expect("the broker is there") {
                Page::Reset { head: Some(_) } => return None,
                Page::Reset { head: None } => panic!("the log cannot be read"),
                Page::Events { events, .. } if events.is_empty() => return Some(numbers),
                Page::Events { head, events } => {
                    for event in events {
                        after = Position { epoch: head.epoch, ..after }.plus(1);
                        assert_eq!(event.position, Some(after));
                        assert_eq!(&*event.name, "post.created");
                        numbers.push(number(&event.json));
                    }
                }
            }
        }
    }

    pub async fn is_reset(&self, scope: &str, after: Position) -> bool {
        self.recover(scope, after).await.is_none()
    }

    /// The next message that comes by itself: its number, which is checked to be that of its place.
    pub async fn next(&mut self) -> (Position, u64) {
        let (_, message) = self.broker.next_message().await;
        (message.position.expect("a position"), number(&message.json))
    }
}

/// An event whose JSON is a number, and whose id is another.
pub fn numbered(scope: &str, n: u64) -> Event {
    Event {
        id: format!("id{n}"),
        scope: Scope::new(scope).unwrap(),
        name: "post.created".into(),
        routing_key: format!("{scope}.post.created"),
        json: Bytes::from(format!("{{\"n\": {n}}}")),
    }
}

fn number(json: &[u8]) -> u64 {
    let json: serde_json::Value = serde_json::from_slice(json).unwrap();
    json["n"].as_u64().unwrap()
}

/// Publishes through the script as a publisher does it, and looks at what lies in Redis.
pub struct RedisLog {
    pub connection: Connection,
    pub run: String,
    pub prefix: String,
    /// Whether the event goes out on its routing key, too.
    pub tap: bool,
    pub retention: Retention,
    pub publisher: String,
    /// Of its last event.
    pub number: u64,
}

impl RedisLog {
    pub fn new(redis: &RedisServer, retention: Retention) -> Self {
        Self::on(redis.connect(), retention)
    }

    pub fn on(mut connection: Connection, retention: Retention) -> Self {
        let info: RedisResult<String> = redis::cmd("INFO").arg("server").query(&mut connection);
        let run = info.ok().and_then(|info| {
            Some(info.lines().find_map(|line| line.strip_prefix("run_id:"))?.get(..16)?.to_owned())
        });
        Self {
            connection,
            run: run.unwrap_or_else(|| "-".into()),
            prefix: "atr:".into(),
            tap: false,
            retention,
            publisher: Epoch::random().to_string(),
            number: 0,
        }
    }

    pub fn channel(&self, scope: &Scope) -> String {
        format!("{}{{{}}}", self.prefix, scope.tag())
    }

    pub fn publish(&mut self, event: &Event) -> RedisResult<Position> {
        Ok(self.attempt(event, true, "EVAL", SCRIPT)?.0)
    }

    /// The same without EVAL, as a user that may not use that.
    pub fn publish_by_name(&mut self, event: &Event) -> RedisResult<Position> {
        let name: String = redis::cmd("SCRIPT").arg("LOAD").arg(SCRIPT).query(&mut self.connection)?;
        Ok(self.attempt(event, true, "EVALSHA", &name)?.0)
    }

    /// Publishes for another time, as another publisher would: the event is known by its id. Whether it was there.
    pub fn publish_again(&mut self, event: &Event) -> RedisResult<(Position, bool)> {
        self.attempt(event, false, "EVAL", SCRIPT)
    }

    fn attempt(
        &mut self,
        event: &Event,
        is_first: bool,
        command: &str,
        script: &str,
    ) -> RedisResult<(Position, bool)> {
        let channel = self.channel(&event.scope);
        let day = Duration::from_secs(24 * 60 * 60);
        let mut call = redis::cmd(command);
        call.arg(script)
            .arg(2)
            .arg(format!("{channel}:log"))
            .arg(format!("{channel}:meta"))
            .arg(channel)
            .arg(if self.tap { &event.routing_key } else { "" })
            .arg(&event.id)
            .arg(&event.name)
            .arg("-")
            .arg(&event.json[..])
            .arg(self.retention.size)
            .arg(self.retention.ttl.as_millis() as u64)
            .arg(day.as_millis() as u64)
            .arg(Epoch::random().to_string())
            .arg(&self.run);
        if is_first {
            self.number += 1;
            call.arg("-").arg(&self.publisher).arg(self.number);
        } else {
            call.arg("+");
        }
        let answer: Vec<redis::Value> = call.query(&mut self.connection)?;
        let position: String = redis::from_redis_value_ref(&answer[0])?;
        let repeated: i64 = redis::from_redis_value_ref(&answer[1])?;
        Ok((position.parse().unwrap(), repeated == 1))
    }
}
