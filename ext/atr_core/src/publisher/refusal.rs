//! Reads what Redis says when it does not do something.

use redis::RedisError;

/// What it says when it cannot do anything now; a little later it can.
const PASSING: [&str; 7] =
    ["BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "NOREPLICAS", "READONLY", "TRYAGAIN"];
/// Before version 7, what stands between the place in a script and the error that a command had there.
const SCRIPT_ERROR: &str = ": -";

/// What a refusal means for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Redis has been told to forget the script.
    NoScript,
    /// This connection is not logged in (any longer); another one will be, or says why not.
    NotLoggedIn,
    /// Redis may do it a little later.
    Passing,
    /// It will not do it.
    Final,
}

impl Refusal {
    pub(super) fn of(error: &RedisError) -> Self {
        match code_of(error) {
            "NOSCRIPT" => Self::NoScript,
            "NOAUTH" => Self::NotLoggedIn,
            code if PASSING.contains(&code) => Self::Passing,
            _ => Self::Final,
        }
    }
}

fn code_of(error: &RedisError) -> &str {
    let code = error.code().unwrap_or_default();
    let within = || error.detail()?.rsplit_once(SCRIPT_ERROR)?.1.split(' ').next();
    if code == "ERR" { within().unwrap_or(code) } else { code }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_passes_in_the_words_of_every_version() {
        for (line, expected) in [
            ("NOSCRIPT No matching script. Please use EVAL.", Refusal::NoScript),
            ("NOAUTH Authentication required.", Refusal::NotLoggedIn),
            ("BUSY Redis is busy running a script.", Refusal::Passing),
            (
                "READONLY You can't write against a read only replica. script: ab, on @user_script:26.",
                Refusal::Passing,
            ),
            (
                "ERR Error running script (call to f_ab): @user_script:26: @user_script: 26: -READONLY You can't write \
                 against a read only replica.",
                Refusal::Passing,
            ),
            (
                "ERR Error running script (call to f_ab): @user_script:26: @user_script: 26: -OOM command not allowed \
                 when used memory > 'maxmemory'.",
                Refusal::Final,
            ),
            ("OOM command not allowed when used memory > 'maxmemory'.", Refusal::Final),
            ("ERR whatever: -", Refusal::Final),
        ] {
            let answer = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
            assert_eq!(Refusal::of(&answer.extract_error().unwrap_err()), expected, "{line}");
        }
    }
}
