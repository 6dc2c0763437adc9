//! The native threads of a server: each runs one future, and none fails unnoticed.

use crate::gate::Gate;
use crate::log::Log;
use crate::panic::message_of;
use crate::server::Phase;
use crate::sync::lock;
use crate::{Error, Result};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::LocalSet;

/// How long a runtime waits for a name to be resolved when it ends.
const RESOLVER_PATIENCE: Duration = Duration::from_millis(500);

/// Threads that live and end together.
#[derive(Debug)]
pub(crate) struct Threads {
    handles: Mutex<Vec<JoinHandle<()>>>,
    watched: Arc<Watched>,
}

#[derive(Debug)]
struct Watched {
    alive: watch::Sender<usize>,
    failure: Mutex<Option<String>>,
    phase: watch::Sender<Phase>,
    gate: Arc<Gate>,
    log: Log,
}

impl Threads {
    /// No threads yet. When one fails, `phase` and `gate` end the server, `log` tells why.
    pub(crate) fn new(log: Log, phase: watch::Sender<Phase>, gate: Arc<Gate>) -> Self {
        let watched = Watched { alive: watch::Sender::new(0), failure: Mutex::new(None), phase, gate, log };
        Self { handles: Mutex::default(), watched: Arc::new(watched) }
    }

    /// Starts a thread called `name` that runs a future to its end, on a runtime of its own. What the future fails
    /// with is told, and stops all threads; so does a panic.
    pub(crate) fn spawn<F: Future<Output = Result<(), String>>>(
        &self,
        name: &str,
        main: impl FnOnce() -> F + Send + 'static,
    ) -> Result<()> {
        let fail = |error| Error::Server(format!("cannot start the thread {name}: {error}"));
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(fail)?;
        let (watched, name_of_thread) = (Arc::clone(&self.watched), name.to_owned());
        self.watched.alive.send_modify(|alive| *alive += 1);
        let handle = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| LocalSet::new().block_on(&runtime, main())));
            if let Err(failure) = result.unwrap_or_else(|panic| Err(message_of(&*panic).to_owned())) {
                watched.fail(format!("the thread {name_of_thread} failed: {failure}"));
            }
            runtime.shutdown_timeout(RESOLVER_PATIENCE);
            watched.alive.send_modify(|alive| *alive -= 1);
        });
        match handle {
            Ok(handle) => {
                lock(&self.handles).push(handle);
                Ok(())
            }
            Err(error) => {
                self.watched.alive.send_modify(|alive| *alive -= 1);
                self.watched.phase.send_replace(Phase::Stopped);
                Err(fail(error))
            }
        }
    }

    /// How many run.
    pub(crate) fn alive(&self) -> usize {
        *self.watched.alive.borrow()
    }

    /// What went wrong first, if anything did.
    pub(crate) fn failure(&self) -> Option<String> {
        lock(&self.watched.failure).clone()
    }

    /// Waits until none runs.
    pub(crate) async fn ended(&self) {
        // An error would mean that the sender is gone, and it is a field of `self`.
        let _ = self.watched.alive.subscribe().wait_for(|alive| *alive == 0).await;
    }

    /// Takes the ended threads off the process. Waits for those that run; further callers wait for the first.
    pub(crate) fn join(&self) {
        for handle in lock(&self.handles).drain(..) {
            // A panic was caught and told of inside the thread.
            let _ = handle.join();
        }
    }
}

impl Watched {
    /// A server of which a part is missing is worse than none: all of it stops, and its owner is told.
    fn fail(&self, failure: String) {
        self.log.error(failure.clone());
        lock(&self.failure).get_or_insert(failure);
        self.phase.send_replace(Phase::Stopped);
        // So that the threads that wait for jobs come and look.
        self.gate.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{Interrupt, wait};

    fn threads() -> (Threads, watch::Receiver<Phase>) {
        let (phase, phases) = watch::channel(Phase::Running);
        let gate = Arc::new(Gate::new(1, Duration::ZERO));
        (Threads::new(Log::default(), phase, gate), phases)
    }

    fn wait_for_end(threads: &Threads) {
        wait(threads.ended(), Some(Duration::from_secs(10)), &Interrupt::for_this_thread()).unwrap();
    }

    #[test]
    fn a_panic_stops_all_and_is_told() {
        let (threads, mut phase) = threads();
        threads
            .spawn("other", move || async move {
                phase
                    .wait_for(|phase| *phase == Phase::Stopped)
                    .await
                    .map(drop)
                    .map_err(|error| error.to_string())
            })
            .unwrap();
        threads.spawn("broken", || async { panic!("oh no") }).unwrap();
        wait_for_end(&threads);
        let job = wait(threads.watched.gate.next(), None, &Interrupt::for_this_thread());
        assert!(job.is_ok_and(|job| job.is_none()), "the gate is open");
        assert_eq!(threads.failure().as_deref(), Some("the thread broken failed: oh no"));
    }

    #[test]
    fn threads_end_and_are_joined() {
        let (threads, _phase) = threads();
        threads.spawn("one", || async { Ok(()) }).unwrap();
        wait_for_end(&threads);
        threads.join();
        assert_eq!((threads.alive(), threads.failure()), (0, None));
    }
}
