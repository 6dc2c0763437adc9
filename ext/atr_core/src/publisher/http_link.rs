//! One HTTP connection of a publisher to a server's admin port.

use super::admin_url::AdminUrl;
use super::driver::Driver;
use crate::broker::Timing;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::io;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest answer that is read: more than the positions of the largest batch.
const MAX_ANSWER_BYTES: usize = 128 * 1024;
/// What is repeated of it at most.
const MAX_LINE_CHARS: usize = 200;

/// A connection.
pub(super) struct HttpLink {
    requests: SendRequest<Full<Bytes>>,
    driver: Driver,
}

/// What a server says to a request.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Reply {
    /// What it says, in one line that a log bears.
    pub(super) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text.lines().next().unwrap_or_default().chars().take(MAX_LINE_CHARS).collect()
    }
}

/// Why a server cannot be asked.
#[derive(Debug)]
pub(super) enum Unreachable {
    /// Nothing listens at the address.
    Refused,
    /// Anything else.
    Failed(String),
}

impl HttpLink {
    pub(super) async fn open(url: &AdminUrl, timing: &Timing) -> Result<Self, Unreachable> {
        let attempt = async {
            let stream = TcpStream::connect((url.host(), url.port())).await?;
            stream.set_nodelay(true)?;
            let (requests, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
            let driver = Driver::spawn(async move {
                // Why it ended is told by the request that finds it so.
                let _ = connection.await;
            });
            Ok(Self { requests, driver })
        };
        match timeout(timing.deadline, attempt).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(error)) if io::Error::kind(&error) == io::ErrorKind::ConnectionRefused => {
                Err(Unreachable::Refused)
            }
            Ok(Err(error)) => Err(Unreachable::Failed(error.to_string())),
            Err(_) => Err(Unreachable::Failed(no_answer(timing))),
        }
    }

    /// Whether it can be used still: servers close connections that are idle. Cancel-safe.
    pub(super) async fn is_alive(&mut self) -> bool {
        !self.driver.has_ended().await && !self.requests.is_closed()
    }

    /// Waits for the end of the connection. Cancel-safe.
    pub(super) async fn ended(&mut self) {
        self.driver.ended().await;
    }

    /// Asks once. The error says why there is no answer.
    pub(super) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        timing: &Timing,
    ) -> Result<Reply, String> {
        let exchange = async {
            self.requests.ready().await.map_err(|error| error.to_string())?;
            let response = self.requests.send_request(request).await.map_err(|error| error.to_string())?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
            Ok(Reply { status, body: body.map_err(|error| error.to_string())?.to_bytes() })
        };
        timeout(timing.deadline, exchange).await.unwrap_or_else(|_| Err(no_answer(timing)))
    }
}

fn no_answer(timing: &Timing) -> String {
    format!("no answer within {:.1} s", timing.deadline.as_secs_f64())
}
