//! Any other program that listens to Redis.

use super::{PATIENCE, RedisServer};
use redis::{Client, Connection};
use std::time::Duration;

pub struct Subscriber {
    connection: Connection,
}

impl Subscriber {
    pub fn new(redis: &RedisServer, channels: &[&str]) -> Self {
        Self::at(&redis.url(), channels)
    }

    pub fn at(url: &str, channels: &[&str]) -> Self {
        let mut connection = Client::open(url).unwrap().get_connection().unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        // Not by the crate's `PubSub`: it leaves its channels when it is dropped.
        connection.send_packed_command(&redis::cmd("SUBSCRIBE").arg(channels).get_packed_command()).unwrap();
        for _ in channels {
            connection.recv_response().unwrap();
        }
        Self { connection }
    }

    /// The next message: channel and text.
    pub fn next(&mut self) -> (String, String) {
        self.receive().expect("a message")
    }

    /// The next message's text.
    pub fn text(&mut self) -> String {
        self.next().1
    }

    /// The next message's JSON, with or without what stands before it where there is a log.
    pub fn json(&mut self) -> String {
        let text = self.text();
        if text.starts_with('{') { text } else { text.splitn(6, ' ').last().unwrap().to_owned() }
    }

    /// Whether nothing comes for a while. For what must not happen; what happens is waited for.
    pub fn is_silent(&mut self) -> bool {
        self.connection.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
        let is_silent = self.receive().is_none();
        self.connection.set_read_timeout(Some(PATIENCE)).unwrap();
        is_silent
    }

    fn receive(&mut self) -> Option<(String, String)> {
        let values: Vec<redis::Value> =
            redis::from_redis_value(self.connection.recv_response().ok()?).ok()?;
        let mut texts = values.into_iter().map(|value| redis::from_redis_value::<String>(value).unwrap());
        assert_eq!(texts.next().as_deref(), Some("message"));
        Some((texts.next().unwrap(), texts.next().unwrap()))
    }
}
