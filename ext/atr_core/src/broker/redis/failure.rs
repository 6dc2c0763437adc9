//! Says in words that somebody can act on why a Redis cannot be used.

use crate::broker::Timing;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::fmt;
use std::io;

/// The longest text of Redis' own that is repeated.
const MAX_DETAIL_CHARS: usize = 200;

/// What the versions of Redis say when a user may run a script, but not a command in it.
const FORBIDDEN_IN_SCRIPTS: [&str; 2] =
    ["ACL failure in script", "executing the script can't run this command"];

/// Why a Redis cannot be used now, in one line. It never holds a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(String);

impl Failure {
    /// It cannot be used for a reason of our own.
    pub(crate) fn new(reason: String) -> Self {
        Self(reason)
    }

    /// The same, with what could not be done because of it.
    pub(crate) fn needing(self, what: &str) -> Self {
        Self(format!("{}, and {what} needs that", self.0))
    }

    /// It did not answer in time.
    pub(crate) fn no_answer(timing: &Timing) -> Self {
        Self(format!("no answer within {:.1} s", timing.deadline.as_secs_f64()))
    }

    /// The connection ended.
    pub(crate) fn closed() -> Self {
        Self("it closed the connection".into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self("connection refused: nothing listens there".into()),
            io::ErrorKind::NotFound => Self("there is no such socket".into()),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                Self::closed()
            }
            _ => Self(error.to_string()),
        }
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        if error.kind() == ErrorKind::Io {
            return Self::closed();
        }
        Self(explain(&error))
    }
}

/// What Redis says, without the place in a script where a command failed: behind it, or before version 7 in front of it.
fn without_place(detail: &str) -> &str {
    let detail = detail.rsplit_once(": -").map_or(detail, |(_, said)| said);
    detail.rsplit_once(" script: ").map_or(detail, |(said, _)| said)
}

fn explain(error: &RedisError) -> String {
    let detail = without_place(error.detail().unwrap_or_default());
    let detail: String = detail.chars().take(MAX_DETAIL_CHARS).collect();
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => {
            "it refuses the user name or the password that redis_url holds (WRONGPASS)".into()
        }
        // SELECT is refused in these words when nobody is logged in.
        (_, Some("NOAUTH")) | (ErrorKind::Server(ServerErrorKind::ResponseError), _)
            if detail.contains("Authentication required") =>
        {
            "it asks for a password (NOAUTH): put it into redis_url as redis://:password@host".into()
        }
        (_, Some("NOPERM")) => format!("its user may not do that (NOPERM {detail})"),
        _ if FORBIDDEN_IN_SCRIPTS.iter().any(|text| detail.contains(text)) => {
            format!("its user may not do that (NOPERM {detail})")
        }
        (_, Some("LOADING")) => "it is still loading its data (LOADING)".into(),
        (_, Some(code)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(line: &str) -> String {
        let error = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap().extract_error();
        Failure::from(error.unwrap_err()).to_string()
    }

    #[test]
    fn says_what_to_do_about_a_password() {
        assert!(reply("NOAUTH Authentication required.").contains("redis://:password@host"));
        assert!(reply("WRONGPASS invalid username-password pair or user is disabled.").contains("WRONGPASS"));
        let refused = RedisError::from((ErrorKind::AuthenticationFailed, "Password authentication failed"));
        assert!(Failure::from(refused).to_string().contains("WRONGPASS"));
    }

    #[test]
    fn repeats_what_redis_says_within_bounds() {
        assert_eq!(reply("ERR max number of clients reached"), "ERR max number of clients reached");
        assert!(reply("NOPERM this user has no permissions").contains("NOPERM this user"));
        assert!(reply(&format!("ERR {}", "x".repeat(5000))).len() < 250);
        assert!(reply("DENIED Redis is running in protected mode").starts_with("DENIED"));
    }

    #[test]
    fn says_what_failed_in_a_script_and_not_where() {
        let oom = "OOM command not allowed when used memory > 'maxmemory'.";
        for line in [
            format!("{oom} script: 5985b6f94b302463b5d926216c0f3cb54ae8fb3a, on @user_script:21."),
            format!("ERR Error running script (call to f_ab): @user_script:26: @user_script: 26: -{oom}"),
        ] {
            let said = reply(&line);
            assert!(said.contains("OOM command not allowed") && !said.contains("script"), "{said}");
        }
        for line in [
            "ERR ACL failure in script: User app has no permissions to run the 'xrange' command script: ab, on @user_script:21.",
            "ERR The user executing the script can't run this command or subcommand script: ab, on @user_script:21.",
        ] {
            assert!(reply(line).contains("NOPERM"), "{}", reply(line));
        }
    }

    #[test]
    fn a_connection_that_ends_is_called_so_however_it_ended() {
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe] {
            assert_eq!(Failure::from(io::Error::from(kind)), Failure::closed());
        }
        assert_eq!(Failure::from(RedisError::from((ErrorKind::Io, "closed"))), Failure::closed());
    }
}
