//! The publisher's thread: where it goes, how it starts and what its end means.

use super::Target;
use super::admin_url::AdminUrl;
use super::http::HttpSink;
use super::redis::RedisSink;
use super::redis_requests::Requests;
use super::shared::Shared;
use super::worker::Worker;
use crate::broker::Timing;
use crate::broker::redis::Address;
use crate::random;
use crate::retention::Retentions;
use crate::scope::Scope;
use crate::{Error, Result};
use hyper::header::HeaderValue;
use std::io;
use std::sync::Arc;

/// The way to the broker, checked.
#[derive(Debug, Clone)]
pub(super) struct Route {
    way: Way,
    retentions: Retentions,
    timing: Timing,
}

#[derive(Debug, Clone)]
enum Way {
    Redis { address: Address, tap: bool },
    Http { url: AdminUrl, authorization: HeaderValue },
}

impl Route {
    pub(super) fn new(target: Target, retentions: Retentions, timing: Timing) -> Result<Self> {
        let way = match target {
            Target::Redis { url, namespace, publish_on_routing_key: tap } => {
                Way::Redis { address: Address::new(&url, &namespace)?, tap }
            }
            Target::Memory { admin_url, admin_token } => {
                let mut authorization = HeaderValue::try_from(format!("Bearer {admin_token}"))
                    .map_err(|_| Error::Config("admin_token cannot stand in an HTTP header".into()))?;
                // Keeps it out of what is printed of the header.
                authorization.set_sensitive(true);
                Way::Http { url: AdminUrl::new(&admin_url)?, authorization }
            }
        };
        Ok(Self { way, retentions, timing })
    }

    pub(super) fn has_log(&self, scope: &Scope) -> bool {
        self.retentions.of(scope).is_kept()
    }

    async fn work(self, shared: Arc<Shared>) {
        let timing = self.timing;
        match self.way {
            Way::Redis { address, tap } => {
                let (retentions, publisher) = (self.retentions, format!("{:016x}", random::number()));
                let requests = Requests { address, tap, retentions, publisher };
                let sink = RedisSink::new(requests, timing, shared.log.clone());
                Worker::new(shared, sink, &timing).run().await;
            }
            Way::Http { url, authorization } => {
                let sink = HttpSink::new(url, authorization, timing);
                Worker::new(shared, sink, &timing).run().await;
            }
        }
    }
}

/// Starts the thread. It ends when the queue is closed.
pub(super) fn start(route: Route, shared: Arc<Shared>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("atr.publisher".into());
    thread.spawn(move || {
        let end = End(shared.clone());
        runtime.block_on(route.work(shared));
        // A name that is being looked up must not hold the process.
        runtime.shutdown_background();
        drop(end);
    })?;
    Ok(())
}

/// Whatever ends the thread, nobody may wait for it in vain.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.log.error("the publisher's thread has failed; this process publishes no more events");
        }
        self.0.end();
    }
}
