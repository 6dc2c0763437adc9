//! Clients of `atr.v1` that lose their connection and come back, and a ledger of what each of them got. Does one
//! command a line of its standard input:
//!
//! - `connect`: opens all connections and waits until each is welcomed
//! - `drop <every ms> <for ms>`: from now on each client is cut off about every so often and stays away so long
//! - `calm`: no client is cut off any more
//! - `wait <last>`: waits until every client is connected and has the event with that number, or was told of a loss
//!   behind which it can have it only by loading anew; then answers the ledger
//! - `status`: answers how many are connected
//!
//! Each is answered by one line, `ok name=value …` or `error …`.

mod client;
mod ledger;

use atr_bench::arguments::Arguments;
use client::{Client, Orders};
use ledger::Ledger;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin};
use tokio::task::LocalSet;
use tokio::time::sleep;

/// After so long a command fails.
const PATIENCE: Duration = Duration::from_secs(180);
/// Handshakes under way at a time, when nothing is wrong.
const HANDSHAKES: usize = 128;
/// How often what is waited for is looked at.
const GLANCE: Duration = Duration::from_millis(5);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let result = LocalSet::new().run_until(run()).await;
    if let Err(error) = result {
        println!("error {error}");
        std::process::exit(1);
    }
}

struct Crowd {
    orders: Rc<Orders>,
    ledgers: Vec<Rc<Ledger>>,
}

async fn run() -> Result<(), String> {
    let arguments = Arguments::of_process()?;
    let orders = Rc::new(Orders::new(arguments.get("url")?));
    let mut crowd = Crowd { orders, ledgers: vec![] };
    let count = arguments.get("clients")?;
    let mut lines: Lines<BufReader<Stdin>> = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await.map_err(|error| error.to_string())? {
        let words: Vec<_> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["connect"] => crowd.connect(count).await?,
            ["drop", every, away] => {
                crowd.orders.drop_every(Some((milliseconds(every)?, milliseconds(away)?)));
                String::new()
            }
            ["calm"] => {
                crowd.orders.drop_every(None);
                String::new()
            }
            ["wait", last] => crowd.wait_for(last.parse().map_err(|_| format!("{last} is no number"))?).await?,
            ["status"] => format!("connected={}", crowd.connected()),
            _ => return Err(format!("there is no command {line:?}")),
        };
        println!("ok {answer}");
    }
    Ok(())
}

impl Crowd {
    async fn connect(&mut self, count: usize) -> Result<String, String> {
        let begun = Instant::now();
        for number in 0..count {
            // Not more at a time than come to a server that is quiet: what a handshake needs is no part of a connection.
            self.until("clients are welcomed", |crowd| number < crowd.connected() + HANDSHAKES).await?;
            let ledger = Rc::new(Ledger::default());
            self.ledgers.push(Rc::clone(&ledger));
            tokio::task::spawn_local(Client::new(number, Rc::clone(&self.orders), ledger).run());
        }
        self.until("every client is welcomed", |crowd| crowd.connected() == count).await?;
        Ok(format!("connected={count} wall_ms={}", begun.elapsed().as_millis()))
    }

    async fn wait_for(&self, last: u64) -> Result<String, String> {
        let begun = Instant::now();
        let is_there = |crowd: &Self| crowd.ledgers.iter().all(|ledger| ledger.is_connected() && ledger.has(last));
        let in_time = self.until("", is_there).await;
        let sum = |value: fn(&Ledger) -> u64| self.ledgers.iter().map(|ledger| value(ledger)).sum::<u64>();
        let missing = |ledger: &Ledger| ledger.missing(last);
        let clients = |holds: &dyn Fn(&Ledger) -> bool| self.ledgers.iter().filter(|l| holds(l)).count();
        Ok(format!(
            "complete={} wall_ms={} expected={} delivered={} duplicates={} disordered={} resets={} reconnects={} lossy={} untold={} told={}",
            u8::from(in_time.is_ok()),
            begun.elapsed().as_millis(),
            last * self.ledgers.len() as u64,
            sum(Ledger::delivered),
            sum(Ledger::duplicates),
            sum(Ledger::disordered),
            sum(Ledger::resets),
            sum(Ledger::reconnects),
            clients(&|ledger| missing(ledger) > 0),
            clients(&|ledger| missing(ledger) > 0 && ledger.resets() == 0),
            clients(&|ledger| ledger.resets() > 0),
        ))
    }

    fn connected(&self) -> usize {
        self.ledgers.iter().filter(|ledger| ledger.is_connected()).count()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            if Instant::now() > deadline {
                return Err(format!("not after {} s: {what} ({} connected)", PATIENCE.as_secs(), self.connected()));
            }
            sleep(GLANCE).await;
        }
        Ok(())
    }
}

fn milliseconds(word: &str) -> Result<Duration, String> {
    word.parse().map(Duration::from_millis).map_err(|_| format!("{word} is no number of milliseconds"))
}
