//! What this load client was started with.

use crate::protocol::Protocol;
use atr_bench::arguments::Arguments;
use std::net::SocketAddr;

/// The options, all of which must be given.
#[derive(Debug)]
pub(crate) struct Options {
    /// `--server host:port`
    pub(crate) server: SocketAddr,
    /// `--target /path?query`
    pub(crate) target: String,
    /// `--protocol plain|cable`
    pub(crate) protocol: Protocol,
    /// `--redis host:port`
    pub(crate) redis: String,
    /// `--channel name`: what events are published on
    pub(crate) channel: String,
    /// `--connections n`
    pub(crate) connections: usize,
}

impl Options {
    pub(crate) fn of_process() -> Result<Self, String> {
        let arguments = Arguments::of_process()?;
        Ok(Self {
            server: arguments.get("server")?,
            target: arguments.get("target")?,
            protocol: arguments.get("protocol")?,
            redis: arguments.get("redis")?,
            channel: arguments.get("channel")?,
            connections: arguments.get("connections")?,
        })
    }
}
