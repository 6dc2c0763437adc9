//! What a Redis says of itself: which process it is, and whether it can keep a log.

use redis::{Cmd, RedisError};

/// The first version that can do all that the scripts want of it (exclusive ranges of a stream).
const OLDEST: (u32, u32) = (6, 2);
/// So much of a run id is enough to tell two processes apart; it stands in each scope's meta.
const RUN_BYTES: usize = 16;

/// One process of Redis. Another one may have come back with older data. So may this one, when it was a replica for a
/// while: that is for the scripts to find, with each of their calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run(Box<str>);

impl Run {
    /// Redis does not tell. The scripts leave an epoch as it is then, whoever wrote it.
    pub(crate) fn unknown() -> Self {
        Self("-".into())
    }

    /// As the scripts take it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Asks Redis for what [`read`] reads.
pub(crate) fn question() -> Cmd {
    let mut info = redis::cmd("INFO");
    info.arg("server");
    info
}

/// Which process this is. The error says that it is too old to keep a log.
pub(crate) fn read(info: &str) -> Result<Run, String> {
    let field = |name: &str| {
        let value = |line: &str| Some(line.trim_end().strip_prefix(name)?.strip_prefix(':')?.to_owned());
        info.lines().find_map(value).filter(|value| !value.is_empty())
    };
    if field("valkey_version").is_none()
        && let Some(version) = field("redis_version")
        && numbers(&version).is_some_and(|version| version < OLDEST)
    {
        let (major, minor) = OLDEST;
        return Err(format!(
            "it is Redis {version}, and the log of events needs {major}.{minor} or later, or Valkey; \
             log_size = 0 does without the log"
        ));
    }
    let run = field("run_id").and_then(|run| run.get(..RUN_BYTES).map(Into::into));
    Ok(run.map_or_else(Run::unknown, Run))
}

/// Whether Redis has refused to say it: to this user, or because somebody took the command away.
pub(crate) fn is_refused(error: &RedisError) -> bool {
    error.code() == Some("NOPERM") || error.detail().is_some_and(|detail| detail.contains("unknown command"))
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(lines: &str) -> Result<Run, String> {
        read(&format!("# Server\r\n{lines}\r\nos:Linux\r\n"))
    }

    #[test]
    fn tells_processes_apart() {
        let run = |id: &str| info(&format!("redis_version:7.0.15\r\nrun_id:{id}")).unwrap();
        assert_eq!(run("0123456789abcdef0123456789abcdef01234567").as_str(), "0123456789abcdef");
        for useless in ["", "0123"] {
            assert_eq!(run(useless), Run::unknown());
        }
        assert_eq!(info("redis_version:7.0.15").unwrap(), Run::unknown());
    }

    #[test]
    fn says_that_a_redis_is_too_old() {
        for version in ["6.0.16", "5.0.14", "2.8.0"] {
            assert!(info(&format!("redis_version:{version}")).unwrap_err().contains(version));
        }
        for version in ["6.2.0", "6.10.0", "7.0.15", "8.0.2", "10.0.0", "unstable", "255.255.255"] {
            assert!(info(&format!("redis_version:{version}")).is_ok(), "{version}");
        }
        assert!(info("redis_version:6.0.0\r\nserver_name:valkey\r\nvalkey_version:8.1.1").is_ok());
    }
}
