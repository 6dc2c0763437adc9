//! Sends the events of this process to the broker.
//!
//! Publishing must neither slow nor break a request: [`Publisher::push`] puts events on a bounded queue and
//! returns, and a thread of its own sends them. What does not fit, and what the broker does not take, is counted
//! and told in the [`Log`]. Nothing runs before the first event, and nothing is kept in statics.

mod admin_url;
mod failure;
mod http;
mod http_link;
mod options;
mod question;
mod queue;
mod receipt;
mod redis;
mod redis_link;
mod redis_requests;
mod refusal;
mod shared;
mod sink;
mod thread;
mod worker;

pub use options::{Options, Target};
pub use receipt::Receipt;

use crate::broker::Timing;
use crate::driver;
use crate::event::Event;
use crate::log::Log;
use crate::position::Position;
use crate::scope::{Scope, is_valid_name};
use crate::sync::lock;
use crate::wait::{Ended, Interrupt, wait};
use crate::{Error, Result};
use queue::{Queue, Rejected};
use shared::Shared;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use thread::Route;
use tokio::sync::oneshot;

/// Sends events to the broker. It may be used by many threads. Dropped, it ends its thread.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
    route: Route,
    state: Mutex<State>,
    max_event_bytes: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    New,
    Running,
    Closed,
}

impl Publisher {
    /// Makes a publisher that starts with its first event.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting that cannot be used.
    pub fn new(options: Options) -> Result<Self> {
        Self::with_timing(options, Timing::default())
    }

    /// The same, with other deadlines.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting that cannot be used.
    pub fn with_timing(options: Options, timing: Timing) -> Result<Self> {
        options.validate()?;
        let Options { target, retentions, queue_size, queue_bytes, max_event_bytes } = options;
        let route = Route::new(target, retentions, timing)?;
        let shared = Arc::new(Shared::new(Queue::new(queue_size, queue_bytes), Log::default()));
        Ok(Self { shared, route, state: Mutex::new(State::New), max_event_bytes })
    }

    /// Queues events, in order, and returns at once. Answers how many from the front were taken; the rest found the
    /// queue full (or closed) and is counted. An event that nobody could be sent is taken and lost.
    pub fn push(&self, events: Vec<Event>) -> usize {
        let total = events.len();
        let mut taken = 0;
        for event in events {
            match self.queue(event, None) {
                Ok(_) => {}
                Err(Refused::Unfit(why)) => self.lose(&why),
                Err(refused) => {
                    self.drop_events((total - taken) as u64, &refused);
                    break;
                }
            }
            taken += 1;
        }
        taken
    }

    /// Queues an event whose fate is waited for.
    ///
    /// # Errors
    /// [`Error::Publish`] if it was not taken.
    pub fn submit(&self, event: Event) -> Result<Receipt> {
        let (sender, answer) = oneshot::channel();
        match self.queue(event, Some(sender)) {
            Ok(number) => Ok(Receipt::new(self.shared.clone(), number, answer)),
            Err(refused) => Err(Error::Publish(format!("the event was not published: {refused}"))),
        }
    }

    /// Queues an event and waits for the broker's answer: its place in its scope's log, `None` when that has none. To
    /// wait on after an interrupt, use [`Publisher::submit`]: here the event is taken back then, unless it is on its way.
    ///
    /// # Errors
    /// [`Error::Publish`] says whether the event was not published, or nobody can tell; [`Error::Interrupted`].
    pub fn publish(
        &self,
        event: Event,
        timeout: Duration,
        interrupt: &Interrupt,
    ) -> Result<Option<Position>> {
        self.submit(event)?.wait(timeout, interrupt)
    }

    /// Where the logs of these scopes end now, in their order; `None` for a scope without a log. Events of this
    /// publisher that still wait are not counted in. A broker that is known to be away is not waited for.
    ///
    /// # Errors
    /// [`Error::Publish`] says why nobody can tell; [`Error::Interrupted`].
    pub fn positions(
        &self,
        scopes: &[Scope],
        timeout: Duration,
        interrupt: &Interrupt,
    ) -> Result<Vec<Option<Position>>> {
        let logged: Vec<_> = scopes.iter().filter(|scope| self.route.has_log(scope)).cloned().collect();
        let mut heads = vec![].into_iter();
        if !logged.is_empty() {
            self.start().map_err(|refused| question::unknown(refused.to_string()))?;
            heads = question::ask(&self.shared, logged, timeout, interrupt)?.into_iter();
        }
        let position = |scope| if self.route.has_log(scope) { heads.next().flatten() } else { None };
        Ok(scopes.iter().map(position).collect())
    }

    /// Waits until everything that was pushed before is settled: published, or lost and counted. Whether that was
    /// so in time.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the interrupt was set.
    pub fn flush(&self, timeout: Duration, interrupt: &Interrupt) -> Result<bool> {
        let last = self.shared.queue.last_number();
        match wait(self.shared.queue.settled(last), Some(timeout), interrupt) {
            Ok(()) => Ok(true),
            Err(Ended::TimedOut) => Ok(false),
            Err(Ended::Interrupted) => Err(Error::Interrupted),
        }
    }

    /// Its counters: `pushed` is the sum of all the others but `dropped_full`.
    pub fn stats(&self) -> Vec<(&'static str, u64)> {
        let counters = &self.shared.counters;
        vec![
            ("pushed", counters.pushed.get()),
            ("published", counters.published.get()),
            ("dropped_full", counters.dropped_full.get()),
            ("lost", counters.lost.get()),
            ("unheard", counters.unheard.get()),
            ("queued", self.shared.queue.len() as u64),
        ]
    }

    /// Its log. It ends when the publisher is closed and its thread has ended.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// Takes no more events and ends the thread: at once, or when the batch that is on its way is answered. What
    /// waits is lost; call [`Publisher::flush`] before.
    pub fn close(&self) {
        self.shared.queue.close();
        if std::mem::replace(&mut *lock(&self.state), State::Closed) == State::New {
            self.shared.end();
        }
    }

    fn queue(&self, event: Event, answer: Option<oneshot::Sender<queue::Answer>>) -> Result<u64, Refused> {
        if event.json.len() > self.max_event_bytes {
            let (name, bytes, max) = (&event.name, event.json.len(), self.max_event_bytes);
            let why = format!("the JSON of {name} has {bytes} bytes, and max_event_bytes is {max}");
            return Err(Refused::Unfit(why));
        }
        if std::str::from_utf8(&event.json).is_err() {
            return Err(Refused::Unfit(format!("the JSON of {} is not UTF-8", event.name)));
        }
        // They stand between spaces in the message that servers get.
        if !is_valid_name(&event.name) || !is_valid_name(&event.id) {
            return Err(Refused::Unfit("its name or its id is not 1-255 bytes without white space".into()));
        }
        self.start()?;
        let number = self.shared.queue.push(event, answer).map_err(|rejected| match rejected {
            Rejected::Full => Refused::Full(self.shared.trouble()),
            Rejected::Closed => Refused::Closed,
        })?;
        self.shared.counters.pushed.add(1);
        Ok(number)
    }

    /// Starts the thread with the first event.
    fn start(&self) -> Result<(), Refused> {
        let mut state = lock(&self.state);
        match *state {
            State::Running => Ok(()),
            State::Closed => Err(Refused::Closed),
            State::New => {
                thread::start(self.route.clone(), self.shared.clone())
                    .map_err(|error| Refused::NotStarted(error.to_string()))?;
                *state = State::Running;
                Ok(())
            }
        }
    }

    fn lose(&self, why: &str) {
        self.shared.counters.pushed.add(1);
        self.shared.counters.lost.add(1);
        self.shared
            .log
            .warn_repeated("unfit", 1, |count| format!("{count} events were not published; the last: {why}"));
    }

    fn drop_events(&self, count: u64, refused: &Refused) {
        self.shared.counters.dropped_full.add(count);
        self.shared
            .log
            .warn_repeated("dropped", count, |count| format!("{count} events were dropped: {refused}"));
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.close();
    }
}

/// Why an event was not queued.
#[derive(Debug, thiserror::Error)]
enum Refused {
    /// It could never be delivered.
    #[error("{0}")]
    Unfit(String),
    /// With the reason why nothing goes out, if that is known.
    #[error("the publisher's queue is full{}", .0.as_ref().map(|why| format!(" ({why})")).unwrap_or_default())]
    Full(Option<String>),
    #[error("the publisher is closed")]
    Closed,
    #[error("the publisher's thread could not be started: {0}")]
    NotStarted(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::{Retention, Retentions};
    use crate::scope::Scope;
    use bytes::Bytes;

    pub(super) fn test_event(id: &str) -> Event {
        Event {
            id: id.into(),
            scope: Scope::new("a").unwrap(),
            name: "post.created".into(),
            routing_key: "a.post.created".into(),
            json: Bytes::from_static(b"{}"),
        }
    }

    #[test]
    fn starts_nothing_before_the_first_event() {
        let target = Target::Memory { admin_url: "http://127.0.0.1:1".into(), admin_token: "ab".into() };
        let retentions = Retentions::all(Retention::NONE);
        let options = Options { target, retentions, queue_size: 1, queue_bytes: 10, max_event_bytes: 10 };
        let publisher = Publisher::new(options).unwrap();
        assert!(publisher.flush(Duration::ZERO, &Interrupt::for_this_thread()).unwrap());
        assert!(publisher.stats().iter().all(|(_, count)| *count == 0));
        assert_eq!(*lock(&publisher.state), State::New);
        publisher.push(vec![test_event("1")]);
        assert_eq!(*lock(&publisher.state), State::Running);
    }
}
