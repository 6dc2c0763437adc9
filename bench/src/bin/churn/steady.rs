//! The clients that stay: each sees every event of its scope, once and in order.
//!
//! An event has two numbers. `n` counts all events of a scope, and must grow. `calm` counts those that were published
//! while Redis was well, and must not leave anything out; it is 0 for the others.

use atr_bench::client::{Client, Incoming, Request};
use atr_bench::poll::Poll;
use std::io;
use std::net::SocketAddr;

/// Faults that are told in full.
const MAX_FAULTS: usize = 20;

/// All of them.
pub(crate) struct Steady {
    server: SocketAddr,
    scopes: usize,
    members: Vec<Member>,
    faults: Vec<String>,
    fault_count: usize,
}

#[derive(Default)]
struct Member {
    client: Option<Client>,
    open: bool,
    n: u64,
    calm: u64,
    events: u64,
}

impl Steady {
    pub(crate) fn new(server: SocketAddr, count: usize, scopes: usize) -> Self {
        let members = (0..count).map(|_| Member::default()).collect();
        Self { server, scopes, members, faults: vec![], fault_count: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn connect(&mut self, poll: &Poll) -> io::Result<()> {
        for (index, member) in self.members.iter_mut().enumerate() {
            let client = Client::connect(&Request {
                address: self.server,
                target: format!("/?token=secret&scope=soak.{}", index % self.scopes),
                protocol: None,
                receive_buffer: None,
            })?;
            poll.add(client.socket(), index)?;
            member.client = Some(client);
        }
        Ok(())
    }

    pub(crate) fn read(&mut self, index: usize, scratch: &mut [u8]) {
        let member = &mut self.members[index];
        let Some(mut client) = member.client.take() else { return };
        let result = client.read(scratch, |_, incoming| match incoming {
            Incoming::Opened => {
                member.open = true;
                Ok(())
            }
            Incoming::Text(text) => member.take(text).map_err(io::Error::other),
            Incoming::Closed(code) => Err(io::Error::other(format!("closed with {code}"))),
        });
        match result {
            Ok(()) => member.client = Some(client),
            // It is out from now on: what it misses is the consequence of one fault, not many.
            Err(error) => self.fault(format!("client {index}: {error}")),
        }
    }

    fn fault(&mut self, fault: String) {
        self.fault_count += 1;
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    /// `calm` is a list with the least number that all clients of a scope have come to.
    pub(crate) fn status(&self) -> String {
        let calm = (0..self.scopes).map(|scope| {
            let members = self.members.iter().skip(scope).step_by(self.scopes);
            members.map(|member| member.calm).min().unwrap_or(0).to_string()
        });
        let calm: Vec<_> = calm.collect();
        let faults = self.faults.join("; ").replace(' ', "_");
        format!(
            "open={} events={} calm={} fault_count={} faults={faults}",
            self.members.iter().filter(|member| member.open && member.client.is_some()).count(),
            self.members.iter().map(|member| member.events).sum::<u64>(),
            calm.join(","),
            self.fault_count,
        )
    }
}

impl Member {
    fn take(&mut self, text: &[u8]) -> Result<(), String> {
        let (n, calm) = number(text, br#""n":"#)
            .zip(number(text, br#""calm":"#))
            .ok_or_else(|| format!("got what is no event of the soak: {}", String::from_utf8_lossy(text)))?;
        self.events += 1;
        if n <= self.n {
            return Err(format!("got event {n} after {}: twice, or out of order", self.n));
        }
        self.n = n;
        if calm == 0 {
            return Ok(());
        }
        if calm != self.calm + 1 {
            return Err(format!("got calm event {calm} after {}: missed some", self.calm));
        }
        self.calm = calm;
        Ok(())
    }
}

/// The number that stands behind `key`.
fn number(text: &[u8], key: &[u8]) -> Option<u64> {
    let start = text.windows(key.len()).position(|window| window == key)? + key.len();
    let digits = text[start..].iter().take_while(|byte| byte.is_ascii_digit());
    std::str::from_utf8(&text[start..start + digits.count()]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u64, calm: u64) -> Vec<u8> {
        format!(r#"{{"id":"1","record":{{"n":{n},"calm":{calm}}}}}"#).into_bytes()
    }

    #[test]
    fn events_may_be_missing_only_in_a_storm() {
        let mut member = Member::default();
        for (n, calm) in [(1, 1), (2, 2), (5, 0), (9, 0), (12, 3)] {
            assert_eq!(member.take(&event(n, calm)), Ok(()));
        }
        assert!(member.take(&event(14, 5)).is_err());
    }

    #[test]
    fn nothing_comes_twice_or_late() {
        let mut member = Member::default();
        assert_eq!(member.take(&event(2, 0)), Ok(()));
        assert!(member.take(&event(2, 0)).is_err());
        assert!(member.take(&event(1, 0)).is_err());
        assert!(member.take(b"{}").is_err());
    }
}
