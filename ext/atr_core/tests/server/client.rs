//! A websocket client on a blocking socket: tungstenite for what is usual, raw bytes for what is not.

use crate::harness::DEADLINE;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use tungstenite::client::IntoClientRequest;
use tungstenite::{ClientRequestBuilder, Message, WebSocket};

pub struct Client {
    websocket: WebSocket<TcpStream>,
}

impl Client {
    pub fn connect(address: SocketAddr, path: &str) -> Self {
        Self::try_connect(address, path).unwrap()
    }

    /// The client, or the HTTP status of a refusal.
    pub fn try_connect(address: SocketAddr, path: &str) -> Result<Self, u16> {
        Self::try_connect_with(ClientRequestBuilder::new(format!("ws://{address}{path}").parse().unwrap()))
    }

    /// The same, with further headers.
    pub fn try_connect_with(request: ClientRequestBuilder) -> Result<Self, u16> {
        let request = request.into_client_request().unwrap();
        let socket = TcpStream::connect(request.uri().authority().unwrap().as_str()).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        match tungstenite::client(request, socket) {
            Ok((websocket, _)) => Ok(Self { websocket }),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The next text message.
    pub fn text(&mut self) -> String {
        loop {
            match self.websocket.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("not a text: {other:?}"),
            }
        }
    }

    pub fn message(&mut self) -> Message {
        self.websocket.read().unwrap()
    }

    /// The code that the server closes with.
    pub fn close_code(&mut self) -> u16 {
        loop {
            match self.websocket.read() {
                Ok(Message::Close(frame)) => return frame.map_or(1005, |frame| frame.code.into()),
                Ok(_) => {}
                Err(error) => panic!("no close frame: {error}"),
            }
        }
    }

    /// The server ends the connection; nothing comes before.
    pub fn expect_end(&mut self) {
        match self.websocket.read() {
            Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => {}
            other => panic!("not the end: {other:?}"),
        }
    }

    /// So many bytes, as they come.
    pub fn read_raw(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.websocket.get_mut().read_exact(&mut bytes).unwrap();
        bytes
    }

    /// All that comes until the server ends the connection.
    pub fn read_raw_to_end(&mut self) -> Vec<u8> {
        let mut bytes = vec![];
        self.websocket.get_mut().read_to_end(&mut bytes).unwrap();
        bytes
    }

    pub fn send(&mut self, message: Message) {
        self.websocket.send(message).unwrap();
    }

    pub fn send_text(&mut self, text: &str) {
        self.send(Message::text(text));
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.try_send_raw(bytes).unwrap();
    }

    /// The same, to a server that may have hung up.
    pub fn try_send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.websocket.get_mut().write_all(bytes)
    }
}

/// A masked frame (RFC 6455 §5.2) with a mask of zeros.
pub fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first_byte];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
