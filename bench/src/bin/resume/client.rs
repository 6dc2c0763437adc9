//! One client: connects, says from where, reads, is cut off and comes back.

use crate::ledger::Ledger;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use std::cell::{Cell, RefCell};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long an attempt to connect may take.
const PATIENCE: Duration = Duration::from_secs(30);
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
const BACKOFF_CAP: Duration = Duration::from_secs(5);

/// What all clients do.
pub(crate) struct Orders {
    url: String,
    drops: Cell<Option<(Duration, Duration)>>,
}

impl Orders {
    pub(crate) fn new(url: String) -> Self {
        Self { url, drops: Cell::new(None) }
    }

    /// How often clients are cut off, and how long they stay away.
    pub(crate) fn drop_every(&self, drops: Option<(Duration, Duration)>) {
        self.drops.set(drops);
    }
}

/// Why a connection ended.
enum End {
    /// It was cut off here, and stays away so long.
    Cut(Duration),
    /// The server or the network ended it; the server may have said when to come back.
    Lost(Option<Duration>),
}

pub(crate) struct Client {
    number: usize,
    orders: Rc<Orders>,
    ledger: Rc<Ledger>,
    positions: RefCell<Map<String, Value>>,
    draws: Cell<u64>,
    keys: RandomState,
}

impl Client {
    pub(crate) fn new(number: usize, orders: Rc<Orders>, ledger: Rc<Ledger>) -> Self {
        let (positions, draws, keys) = (RefCell::default(), Cell::new(0), RandomState::new());
        Self { number, orders, ledger, positions, draws, keys }
    }

    pub(crate) async fn run(self) {
        let mut failures = 0;
        loop {
            let end = match timeout(PATIENCE, self.connect()).await {
                Ok(Ok(socket)) => self.live(socket, &mut failures).await,
                _ => End::Lost(None),
            };
            self.ledger.set_connected(false);
            match end {
                End::Cut(away) => sleep(away).await,
                End::Lost(Some(after)) => sleep(after).await,
                End::Lost(None) => {
                    failures += 1;
                    let cap = BACKOFF_CAP.min(BACKOFF_FIRST * 2u32.saturating_pow(failures));
                    sleep(cap.mul_f64(self.draw())).await;
                }
            }
        }
    }

    async fn connect(&self) -> Result<WebSocketStream<TcpStream>, Box<dyn std::error::Error>> {
        let request = ClientRequestBuilder::new(self.orders.url.parse()?).with_sub_protocol("atr.v1");
        let request = request.into_client_request()?;
        let address = request.uri().authority().ok_or("no address")?.as_str().to_owned();
        let stream = TcpStream::connect(address).await?;
        let (mut socket, _) = client_async(request, stream).await?;
        let hello = json!({ "type": "hello", "positions": *self.positions.borrow() });
        socket.send(Message::text(hello.to_string())).await?;
        Ok(socket)
    }

    async fn live(&self, mut socket: WebSocketStream<TcpStream>, failures: &mut u32) -> End {
        let mut after = None;
        let mut cut = self.next_cut();
        loop {
            tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let Ok(frame) = serde_json::from_str::<Value>(&text) else { return End::Lost(None) };
                        match frame["type"].as_str() {
                            Some("welcome") => {
                                *failures = 0;
                                self.welcomed(&frame);
                            }
                            Some("event") => self.take(&frame),
                            Some("reset") => {
                                self.ledger.reset();
                                self.note(&frame["scope"], &frame["position"]);
                            }
                            Some("ping") => {
                                if socket.send(Message::text(r#"{"type":"pong"}"#)).await.is_err() {
                                    return End::Lost(after);
                                }
                            }
                            Some("disconnect") => after = frame["after"].as_u64().map(Duration::from_millis),
                            _ => {}
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return End::Lost(after),
                },
                () = sleep_until(cut.0) => {
                    if let Some((_, away)) = self.orders.drops.get() && cut.1 {
                        return End::Cut(away);
                    }
                    cut = self.next_cut();
                }
            }
        }
    }

    /// When it is cut off next; and whether it is, or only asks again then.
    fn next_cut(&self) -> (Instant, bool) {
        match self.orders.drops.get() {
            Some((every, _)) => (Instant::now() + every.mul_f64(0.5 + self.draw()), true),
            None => (Instant::now() + Duration::from_millis(100).mul_f64(1.0 + self.draw()), false),
        }
    }

    fn welcomed(&self, welcome: &Value) {
        let Some(scopes) = welcome["scopes"].as_object() else { return };
        for (scope, state) in scopes {
            if state["recovered"] == false {
                self.ledger.reset();
            }
            self.note(&json!(scope), &state["position"]);
        }
        self.ledger.set_connected(true);
    }

    fn take(&self, frame: &Value) {
        self.note(&frame["scope"], &frame["position"]);
        if let Some(number) = frame["event"]["record"]["n"].as_u64() {
            self.ledger.take(number);
        }
    }

    fn note(&self, scope: &Value, position: &Value) {
        if let (Some(scope), true) = (scope.as_str(), position.is_string()) {
            self.positions.borrow_mut().insert(scope.to_owned(), position.clone());
        }
    }

    /// A number from 0 up to 1.
    fn draw(&self) -> f64 {
        self.draws.set(self.draws.get() + 1);
        self.keys.hash_one((self.number, self.draws.get())) as f64 / u64::MAX as f64
    }
}
