//! Asks Redis many things at once, and no more than that.

use super::failure::Failure;
use super::reader::{MAX_QUESTIONS, Reader};
use crate::broker::Read;
use crate::position::Position;
use crate::scope::Scope;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Something to be read.
pub(super) enum Lookup {
    /// Where the log ends of a scope whose subscription has this number.
    Head(Scope, u64),
    /// A part of a log.
    Page(Read),
}

/// Where a log ends, with the number of the subscription that it was read for.
pub(super) struct Head {
    pub(super) scope: Scope,
    pub(super) subscription: u64,
    pub(super) position: Option<Position>,
}

type Running = Pin<Box<dyn Future<Output = Result<Option<Head>, Failure>>>>;

/// What is being asked and what has to wait. Dropped, it answers nobody any more.
pub(super) struct Lookups {
    reader: Rc<Reader>,
    waiting: VecDeque<Lookup>,
    running: FuturesUnordered<Running>,
}

impl Lookups {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader: Rc::new(reader), waiting: VecDeque::new(), running: FuturesUnordered::new() }
    }

    /// Asks, now or when there is room. A page is given to whoever wants it, a head by [`Lookups::next`].
    pub(super) fn ask(&mut self, lookup: Lookup) {
        self.waiting.push_back(lookup);
        self.start_waiting();
    }

    /// Sends the heartbeat. It never waits.
    pub(super) fn beat(&mut self, channel: &str) {
        let (reader, channel) = (Rc::clone(&self.reader), channel.to_owned());
        self.running.push(Box::pin(async move { reader.beat(&channel).await.map(|()| None) }));
    }

    /// The heads that are there, at least one; or why the connection cannot be used any more. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Vec<Head>, Failure> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Vec<Head>, Failure>> {
        let mut heads = vec![];
        while heads.len() < MAX_QUESTIONS {
            let Poll::Ready(Some(answer)) = self.running.poll_next_unpin(context) else { break };
            match answer {
                Ok(head) => heads.extend(head),
                Err(failure) => return Poll::Ready(Err(failure)),
            }
            self.start_waiting();
        }
        if heads.is_empty() { Poll::Pending } else { Poll::Ready(Ok(heads)) }
    }

    fn start_waiting(&mut self) {
        while self.running.len() < MAX_QUESTIONS
            && let Some(lookup) = self.waiting.pop_front()
        {
            self.running.push(Box::pin(run(Rc::clone(&self.reader), lookup)));
        }
    }
}

async fn run(reader: Rc<Reader>, lookup: Lookup) -> Result<Option<Head>, Failure> {
    match lookup {
        Lookup::Head(scope, subscription) => {
            let position = reader.head(&scope).await?;
            Ok(Some(Head { scope, subscription, position }))
        }
        Lookup::Page(read) => {
            if !read.reply.is_closed() {
                let page = reader.page(&read).await?;
                // Whoever asked may have left meanwhile.
                let _ = read.reply.send(page);
            }
            Ok(None)
        }
    }
}
