//! Asks the app's own code whether a request may come in, and into which scopes.
//!
//! A request becomes a [`Job`] of plain data on a bounded queue; somebody who can run the app's code takes it with
//! [`Gate::next`] and answers it. Nobody's answer means "no": full, late, dropped and failed are all refusals.

use crate::queue::Queue;
use crate::scope::Scope;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::oneshot;

/// A request's head, as the client sent it.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// `GET`, always so far.
    pub method: String,
    /// Path and query, not decoded.
    pub target: String,
    /// Names in lower case, values as they came (RFC 9110 §5.5 does not say that they are UTF-8).
    pub headers: Vec<(String, Vec<u8>)>,
    /// The socket's other end: the client, or a proxy.
    pub remote: SocketAddr,
    /// The socket's end here.
    pub local: SocketAddr,
}

/// What the app's code said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Let in, into these scopes.
    Admit {
        /// The scopes whose events the client gets.
        scopes: Vec<Scope>,
        /// The client's name, if the app gave it one.
        client_key: Option<String>,
    },
    /// Not let in; the HTTP status to say so with (401, 403).
    Refuse(u16),
    /// The app's code raised, or did not answer at all.
    Fail,
}

/// What a request's wait at the gate came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The app's code answered.
    Answered(Verdict),
    /// As many jobs wait already as may.
    Full,
    /// The app's code took too long.
    Late,
}

/// One request that waits for an answer.
#[derive(Debug)]
pub struct Job {
    request: RequestHead,
    reply: Option<oneshot::Sender<Verdict>>,
}

impl Job {
    /// What the client asked for.
    pub fn request(&self) -> &RequestHead {
        &self.request
    }

    /// Answers. Only the first answer counts; one that is late goes nowhere.
    pub fn answer(&mut self, verdict: Verdict) {
        if let Some(reply) = self.reply.take() {
            // The requester may have stopped waiting: that is its right, and it has refused the client already.
            let _ = reply.send(verdict);
        }
    }

    fn is_late(&self) -> bool {
        self.reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

/// The queue between the sockets and the app's code.
#[derive(Debug)]
pub struct Gate {
    jobs: Queue<Job>,
    deadline: Duration,
}

impl Gate {
    /// A gate with room for `capacity` waiting jobs, each answered within `deadline`.
    pub fn new(capacity: usize, deadline: Duration) -> Self {
        Self { jobs: Queue::new(capacity), deadline }
    }

    /// Asks the app's code about a request.
    pub async fn ask(&self, request: RequestHead) -> Outcome {
        let (reply, verdict) = oneshot::channel();
        if self.jobs.push(Job { request, reply: Some(reply) }).is_err() {
            return Outcome::Full;
        }
        match tokio::time::timeout(self.deadline, verdict).await {
            Ok(verdict) => Outcome::Answered(verdict.unwrap_or(Verdict::Fail)),
            Err(_) => Outcome::Late,
        }
    }

    /// The next job that somebody still waits for; `None` when the gate is closed and empty.
    pub async fn next(&self) -> Option<Job> {
        loop {
            let job = self.jobs.pop().await?;
            if !job.is_late() {
                return Some(job);
            }
        }
    }

    /// The same, if one is there already.
    pub fn try_next(&self) -> Option<Job> {
        std::iter::from_fn(|| self.jobs.try_pop()).find(|job| !job.is_late())
    }

    /// Takes no more jobs.
    pub fn close(&self) {
        self.jobs.close();
    }

    /// How many jobs wait.
    pub fn waiting(&self) -> usize {
        self.jobs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> RequestHead {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        RequestHead {
            method: "GET".into(),
            target: "/".into(),
            headers: vec![],
            remote: address,
            local: address,
        }
    }

    #[tokio::test]
    async fn gives_the_answer_of_whoever_takes_the_job() {
        let gate = Gate::new(1, Duration::from_secs(5));
        let verdict = Verdict::Admit { scopes: vec![], client_key: None };
        let (outcome, ()) = tokio::join!(gate.ask(head()), async {
            gate.next().await.unwrap().answer(verdict.clone());
        });
        assert_eq!(outcome, Outcome::Answered(verdict));
    }

    #[tokio::test]
    async fn a_dropped_job_is_a_failure() {
        let gate = Gate::new(1, Duration::from_secs(5));
        let (outcome, ()) = tokio::join!(gate.ask(head()), async { drop(gate.next().await) });
        assert_eq!(outcome, Outcome::Answered(Verdict::Fail));
    }

    #[tokio::test]
    async fn a_full_queue_is_said_at_once() {
        let gate = Gate::new(1, Duration::from_secs(5));
        let mut waiting = std::pin::pin!(gate.ask(head()));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        assert_eq!(gate.ask(head()).await, Outcome::Full);
    }

    #[tokio::test(start_paused = true)]
    async fn late_is_said_and_the_job_is_not_given_out_any_more() {
        let gate = Gate::new(2, Duration::from_secs(5));
        assert_eq!(gate.ask(head()).await, Outcome::Late);
        gate.close();
        assert!(gate.next().await.is_none());
    }
}
