//! A client that speaks `atr.v1`.

use crate::client::Client;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tungstenite::ClientRequestBuilder;

pub struct V1(pub Client);

impl V1 {
    pub fn connect(address: SocketAddr, path: &str) -> Self {
        let request = ClientRequestBuilder::new(format!("ws://{address}{path}").parse().unwrap());
        Self(Client::try_connect_with(request.with_sub_protocol("atr.v1")).unwrap())
    }

    pub fn say(&mut self, frame: &Value) {
        self.0.send_text(&frame.to_string());
    }

    /// Says hello with positions by scope, and answers the welcome.
    pub fn hello(&mut self, positions: &[(&str, &str)]) -> Value {
        let positions: serde_json::Map<_, _> =
            positions.iter().map(|(scope, position)| ((*scope).to_owned(), json!(position))).collect();
        self.say(&json!({ "type": "hello", "positions": positions }));
        self.expect("welcome")
    }

    pub fn frame(&mut self) -> Value {
        serde_json::from_str(&self.0.text()).unwrap()
    }

    /// The next frame, which is of this type.
    pub fn expect(&mut self, kind: &str) -> Value {
        let frame = self.frame();
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// The next event: its position and itself.
    pub fn event(&mut self) -> (String, Value) {
        let frame = self.expect("event");
        (frame["position"].as_str().unwrap_or_default().to_owned(), frame["event"].clone())
    }

    /// Nothing is under way to this client.
    pub fn expect_silence(&mut self) {
        self.say(&json!({ "type": "ping" }));
        self.expect("pong");
    }
}
