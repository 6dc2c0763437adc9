//! The two connections to a Redis, which are made and lost together.

use super::Options;
use super::failure::Failure;
use super::heartbeat::Heartbeat;
use super::reader::Reader;
use crate::broker::Context;
use crate::driver::Driver;
use redis::Value;
use redis::aio::PubSub;
use tokio::time::timeout;

/// Connections that Redis has answered on.
pub(super) struct Connections {
    /// Subscribed to the heartbeat's channel, and to nothing else yet.
    pub(super) subscriber: PubSub,
    pub(super) heartbeat: Heartbeat,
    pub(super) reader: Reader,
    /// Drives the reader.
    pub(super) driver: Driver,
}

impl Connections {
    /// Connects, and makes sure that Redis answers: one that wants a password or still loads its data lets anybody in.
    pub(super) async fn open(options: Options, context: Context) -> Result<Self, Failure> {
        let attempt = async {
            let heartbeat = Heartbeat::new(&options.address, options.timing);
            let stream = options.address.connect().await?;
            let mut subscriber = PubSub::new(options.address.settings(), stream).await?;
            subscriber.ping::<Value>().await?.extract_error()?;
            subscriber.subscribe(heartbeat.channel()).await?;
            let (reader, driver) = Reader::open(&options, &context).await?;
            Ok(Self { subscriber, heartbeat, reader, driver })
        };
        timeout(options.timing.deadline, attempt)
            .await
            .unwrap_or_else(|_| Err(Failure::no_answer(&options.timing)))
    }
}
