//! The clients of bench/soak: some stay and check that they miss nothing, others come and go in every way that clients
//! do. Does one command a line of its standard input, and answers each by one line:
//!
//! - `stay`: connects those who stay, and waits until the server has let them in
//! - `come`, `go`: begins and ends the coming and going of the others
//! - `status`: counts, and what was wrong so far

mod chance;
mod crowd;
mod steady;

use atr_bench::arguments::Arguments;
use atr_bench::poll::Poll;
use crowd::Crowd;
use std::io::{self, BufRead};
use std::time::Duration;
use steady::Steady;

const STDIN: usize = usize::MAX;
/// How often it is looked who should leave.
const TICK: Duration = Duration::from_millis(10);

fn main() {
    if let Err(error) = run() {
        println!("error {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let arguments = Arguments::of_process()?;
    let server = arguments.get("server")?;
    let mut poll = Poll::new().map_err(|error| error.to_string())?;
    poll.add(io::stdin(), STDIN).map_err(|error| format!("standard input: {error}"))?;
    let mut steady = Steady::new(server, arguments.get("steady")?, arguments.get("scopes")?);
    let mut crowd = Crowd::new(server, arguments.get("crowd")?, steady.len());
    let (mut ready, mut scratch) = (vec![], vec![0; 256 * 1024]);
    loop {
        poll.wait(&mut ready, Some(TICK)).map_err(|error| error.to_string())?;
        let mut command = false;
        for &token in &ready {
            match token {
                STDIN => command = true,
                token if token < steady.len() => steady.read(token, &mut scratch),
                token => crowd.read(token, &mut scratch),
            }
        }
        crowd.turn_over(&poll);
        if !command {
            continue;
        }
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line).map_err(|error| error.to_string())? == 0 {
            return Ok(());
        }
        match line.trim() {
            "stay" => steady.connect(&poll).map_err(|error| format!("a client that is to stay: {error}"))?,
            "come" => crowd.come(),
            "go" => crowd.go(),
            "status" => {}
            other => return Err(format!("there is no command {other:?}")),
        }
        println!("ok {} {}", steady.status(), crowd.status());
    }
}
