//! Where a Redis is, and what its channels are called.

use crate::scope::{EMPTY_SPELLING, Scope, is_valid_name};
use crate::{Error, Result};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo};
use std::fmt;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// A socket to a Redis.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// Where a Redis is, with the namespace of its channels. Shown without the password.
#[derive(Debug, Clone)]
pub struct Address {
    info: ConnectionInfo,
    /// What every key and channel begins with, up to the last colon.
    prefix: String,
}

impl Address {
    /// Reads `redis://[user:password@]host[:port][/database]` (or `unix:///path?db=…`).
    ///
    /// # Errors
    /// [`Error::Config`] if the URL or the namespace cannot be used. It does not repeat the URL: there may be a
    /// password in it.
    pub fn new(url: &str, namespace: &str) -> Result<Self> {
        if url.starts_with("rediss:") || url.starts_with("valkeys:") {
            return Err(Error::Config(
                "redis_url asks for TLS (rediss://), which this version of atr cannot do; use redis://"
                    .into(),
            ));
        }
        let info = url.into_connection_info().map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split(" - ").next().unwrap_or_default();
            Error::Config(format!(
                "redis_url cannot be used ({reason}); it has to be redis://[user:password@]host[:port][/database]"
            ))
        })?;
        if !is_valid_name(namespace) {
            return Err(Error::Config(format!(
                "redis_namespace is {namespace:?}; it must have 1 to 255 bytes, and no white space or braces"
            )));
        }
        let database = info.redis_settings().db();
        // Pub/sub ignores the number of the database: two apps that are apart by it alone must stay apart.
        let prefix = if database == 0 { format!("{namespace}:") } else { format!("{namespace}:{database}:") };
        // The crate has another subscription protocol for RESP3; one of them is enough.
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        Ok(Self { info: info.set_redis_settings(settings), prefix })
    }

    /// The channel that carries a scope's events.
    pub(crate) fn channel(&self, scope: &Scope) -> String {
        format!("{}{{{}}}", self.prefix, scope.tag())
    }

    /// The channel on which a server talks to itself.
    pub(crate) fn heartbeat_channel(&self, name: &str) -> String {
        format!("{}heartbeat:{name}", self.prefix)
    }

    /// The stream that holds a scope's log.
    pub(crate) fn log_key(&self, scope: &Scope) -> String {
        self.channel(scope) + ":log"
    }

    /// The hash that says where a scope's log ends.
    pub(crate) fn meta_key(&self, scope: &Scope) -> String {
        self.channel(scope) + ":meta"
    }

    /// The name of the scope whose channel this is; empty for the empty scope.
    pub(crate) fn scope_name<'a>(&self, channel: &'a str) -> Option<&'a str> {
        let tag = channel.strip_prefix(&self.prefix)?.strip_prefix('{')?.strip_suffix('}')?;
        Some(if tag == EMPTY_SPELLING { "" } else { tag })
    }

    /// The user, password and database to begin with.
    pub(crate) fn settings(&self) -> &RedisConnectionInfo {
        self.info.redis_settings()
    }

    /// Opens a socket.
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn Socket>> {
        match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                // Commands are small, and somebody waits for each of them.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            ConnectionAddr::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Redis at {}", self.info.addr())?;
        match self.settings().db() {
            0 => Ok(()),
            database => write!(formatter, " (database {database})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(name: &str) -> Scope {
        Scope::new(name).unwrap()
    }

    #[test]
    fn names_channels_and_finds_their_scopes() {
        let address = Address::new("redis://localhost", "atr").unwrap();
        for (name, channel) in [("organization.1", "atr:{organization.1}"), ("", "atr:{-}")] {
            assert_eq!(address.channel(&scope(name)), channel);
            assert_eq!(address.scope_name(channel), Some(name));
            assert_eq!(address.log_key(&scope(name)), format!("{channel}:log"));
            assert_eq!(address.meta_key(&scope(name)), format!("{channel}:meta"));
        }
        for foreign in ["post.created", "atr:{a", "atr:2:{a}", "other:{a}"] {
            assert_eq!(address.scope_name(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn databases_do_not_share_channels() {
        let address = Address::new("redis://localhost/2", "atr").unwrap();
        assert_eq!(address.channel(&scope("a")), "atr:2:{a}");
        assert_eq!(address.scope_name("atr:{a}"), None);
        let address = Address::new("unix:///run/redis.sock?db=3", "atr").unwrap();
        assert_eq!(address.channel(&scope("a")), "atr:3:{a}");
    }

    #[test]
    fn never_shows_the_password() {
        let address = Address::new("redis://app:geheim@db.internal:6380/1", "atr").unwrap();
        assert_eq!(address.to_string(), "Redis at db.internal:6380 (database 1)");
        assert!(!format!("{address:?}").contains("geheim"));
    }

    #[test]
    fn says_what_is_wrong_with_a_url_without_repeating_it() {
        for url in
            ["localhost:6379", "", "http://geheim@localhost", "redis://:geheim@", "redis://:geheim@h/db"]
        {
            let error = Address::new(url, "atr").unwrap_err().to_string();
            assert!(error.starts_with("redis_url cannot be used"), "{error}");
            assert!(!error.contains("geheim"), "{error}");
        }
        let error = Address::new("rediss://localhost", "atr").unwrap_err().to_string();
        assert!(error.contains("TLS"), "{error}");
    }

    #[test]
    fn a_namespace_cannot_end_the_hash_tag() {
        for namespace in ["", "a b", "a{", "a}"] {
            assert!(Address::new("redis://localhost", namespace).is_err(), "{namespace:?}");
        }
    }
}
