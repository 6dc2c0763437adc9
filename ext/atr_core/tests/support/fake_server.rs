//! A server that does what no real one does on demand: read a request and go away without an answer.

use super::PATIENCE;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

pub struct FakeServer(TcpListener);

impl FakeServer {
    pub fn start() -> Self {
        Self(TcpListener::bind(("127.0.0.1", 0)).unwrap())
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Takes the next connection.
    pub fn accept(&self) -> FakeConnection {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        FakeConnection { stream, unread: vec![] }
    }
}

pub struct FakeConnection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl FakeConnection {
    /// Reads until everything read ends with `end`, and gives it.
    pub fn read_until(&mut self, is_complete: impl Fn(&str) -> bool) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.unread).into_owned();
            if is_complete(&text) {
                self.unread.clear();
                return text;
            }
            let mut part = [0; 4096];
            let length = self.stream.read(&mut part).expect("more in time");
            assert!(length > 0, "the connection ended after {text:?}");
            self.unread.extend_from_slice(&part[..length]);
        }
    }

    /// Reads an HTTP request with a body, and gives the body.
    pub fn read_post(&mut self) -> String {
        let request = self.read_until(|text| {
            let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            body.len() == length.expect("a length").parse::<usize>().unwrap()
        });
        request.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Answers what a client of Redis says when it connects.
    pub fn welcome(&mut self) {
        self.read_until(|text| text.matches("SETINFO").count() == 2);
        self.write("+OK\r\n+OK\r\n");
        self.read_until(|text| text.contains("PING"));
        self.write("+PONG\r\n");
    }

    pub fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    pub fn write_answer(&mut self, status: &str, body: &str) {
        self.write(&format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }
}
