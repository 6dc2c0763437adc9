//! One websocket client: connects, reads frames as they come, answers pings.

use crate::websocket::{self, Frame};
use rustix::net::{AddressFamily, SocketType, sockopt};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server may take to read what a client sends.
const WRITE_PATIENCE: Duration = Duration::from_secs(60);

/// What a server has sent.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// It let the client in.
    Opened,
    /// A text message.
    Text(&'a [u8]),
    /// A close frame with this code.
    Closed(u16),
}

/// What a client asks for when it connects.
#[derive(Debug, Clone)]
pub struct Request {
    /// The server.
    pub address: SocketAddr,
    /// Path and query.
    pub target: String,
    /// The websocket protocol to ask for.
    pub protocol: Option<String>,
    /// The size of the kernel's receive buffer in bytes, when it is not to be the usual one.
    pub receive_buffer: Option<usize>,
}

/// A client. Its socket does not block.
#[derive(Debug)]
pub struct Client {
    socket: TcpStream,
    /// What is here of a frame, or of the handshake, that is not whole.
    partial: Vec<u8>,
    open: bool,
}

impl Client {
    /// Connects and sends the request. [`Client::read`] tells when the server has answered.
    ///
    /// # Errors
    /// The server is not there.
    pub fn connect(request: &Request) -> io::Result<Self> {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        if let Some(bytes) = request.receive_buffer {
            // Only before connecting: later the window is agreed on.
            sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
        }
        rustix::net::connect(&socket, &request.address)?;
        let socket = TcpStream::from(socket);
        socket.set_nodelay(true)?;
        let host = request.address.to_string();
        let head = websocket::request(&host, &request.target, request.protocol.as_deref());
        (&socket).write_all(head.as_bytes())?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, partial: vec![], open: false })
    }

    /// What to wait for.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Sends a frame, and waits until the kernel has it.
    ///
    /// # Errors
    /// The server is gone or does not read.
    pub fn send(mut socket: &TcpStream, opcode: u8, payload: &[u8]) -> io::Result<()> {
        socket.set_nonblocking(false)?;
        socket.set_write_timeout(Some(WRITE_PATIENCE))?;
        socket.write_all(&websocket::client_frame(opcode, payload))?;
        socket.set_nonblocking(true)
    }

    /// Reads once and calls `take` for everything that is whole then.
    ///
    /// # Errors
    /// The server hung up ([`io::ErrorKind::UnexpectedEof`]), refused, or broke the protocol; or an error of `take`.
    pub fn read(
        &mut self,
        scratch: &mut [u8],
        mut take: impl FnMut(&TcpStream, Incoming<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let count = match self.socket.read(scratch) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.partial.is_empty() {
            let used = self.digest(&scratch[..count], &mut take)?;
            self.partial.extend_from_slice(&scratch[used..count]);
        } else {
            let mut bytes = std::mem::take(&mut self.partial);
            bytes.extend_from_slice(&scratch[..count]);
            let used = self.digest(&bytes, &mut take)?;
            bytes.drain(..used);
            self.partial = bytes;
        }
        Ok(())
    }

    /// Answers how many bytes it has dealt with.
    fn digest(
        &mut self,
        bytes: &[u8],
        take: &mut impl FnMut(&TcpStream, Incoming<'_>) -> io::Result<()>,
    ) -> io::Result<usize> {
        let mut used = 0;
        if !self.open {
            let Some(end) = websocket::end_of_head(bytes) else { return Ok(0) };
            check_answer(&bytes[..end])?;
            self.open = true;
            take(&self.socket, Incoming::Opened)?;
            used = end;
        }
        while let Some(Frame { opcode, payload, end }) =
            websocket::parse(&bytes[used..]).map_err(io::Error::other)?
        {
            match opcode {
                websocket::TEXT => take(&self.socket, Incoming::Text(payload))?,
                websocket::PING => Self::send(&self.socket, websocket::PONG, payload)?,
                websocket::CLOSE => take(&self.socket, Incoming::Closed(close_code(payload)))?,
                _ => {}
            }
            used += end;
        }
        Ok(used)
    }
}

/// 1005 stands for "no code" (RFC 6455 §7.4.1).
fn close_code(payload: &[u8]) -> u16 {
    payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))
}

fn check_answer(head: &[u8]) -> io::Result<()> {
    let head = String::from_utf8_lossy(head);
    if head.starts_with("HTTP/1.1 101 ") && head.contains(websocket::ACCEPT) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::ConnectionRefused, head.lines().next().unwrap_or_default()))
}
