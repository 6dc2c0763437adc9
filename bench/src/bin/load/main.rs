//! Opens many websockets on one server, publishes numbered events through Redis, and checks that every connection
//! gets every event once, to the byte and in order. Does one command a line of its standard input:
//!
//! - `connect`: opens all connections and waits until each may get events
//! - `publish <size> <max> <milliseconds>`: publishes bursts of `size` events, the next one when the last client has
//!   the one before, until there were `max` or the time is over
//! - `say <bytes>`: has each client send one text message
//!
//! Each is answered by one line, `ok name=value …` or `error …`.

mod events;
mod load;
mod options;
mod protocol;

use load::Load;
use options::Options;
use std::io::BufRead;

fn main() {
    if let Err(error) = run() {
        println!("error {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let mut load = Load::new(Options::of_process()?)?;
    loop {
        // Whoever opened a connection answers its pings, also while nothing else is to be done.
        load.wait_for_command()?;
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).map_err(|error| error.to_string())? == 0 {
            return Ok(());
        }
        let words: Vec<_> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["connect"] => load.connect()?,
            ["publish", size, max, milliseconds] => {
                load.publish(number(size)?, number(max)?, number(milliseconds)?)?
            }
            ["say", bytes] => load.say(number(bytes)?)?,
            _ => return Err(format!("there is no command {line:?}")),
        };
        println!("ok {answer}");
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("{word} is no number"))
}
