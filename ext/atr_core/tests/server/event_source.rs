//! A client of server-sent events on a blocking socket, as strict as a browser (WHATWG HTML §9.2.6).

use crate::harness::DEADLINE;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

pub struct EventSource {
    /// The status line and the headers, in lower case.
    pub head: String,
    reader: BufReader<TcpStream>,
    /// Decoded bytes of the answer that are no whole line yet.
    pending: Vec<u8>,
    is_chunked: bool,
    /// Comments that have come.
    pub comments: usize,
    /// What a browser would come back with.
    pub last_id: String,
    /// What a browser would wait before it comes back, in milliseconds.
    pub retry: Option<String>,
}

#[derive(Debug, PartialEq)]
pub struct Event {
    pub name: String,
    pub data: String,
}

impl Event {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

impl EventSource {
    /// A client that was let in.
    pub fn open(address: SocketAddr, path: &str, headers: &str) -> Self {
        let source = Self::request(address, &request(path, headers));
        assert!(source.head.starts_with("http/1.1 200 "), "{}", source.head);
        source
    }

    /// Whatever is answered to a request.
    pub fn request(address: SocketAddr, request: &str) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "no whole head: {head}");
        }
        let head = head.to_ascii_lowercase();
        let is_chunked = head.contains("transfer-encoding: chunked");
        Self { head, reader, pending: vec![], is_chunked, comments: 0, last_id: String::new(), retry: None }
    }

    pub fn socket(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// What is in [`EventSource::last_id`].
    pub fn cursor(&self) -> Value {
        serde_json::from_str(&self.last_id).unwrap()
    }

    /// The `welcome`, which must be the next event.
    pub fn welcome(&mut self) -> Value {
        let event = self.event();
        assert_eq!(event.name, "welcome");
        event.json()
    }

    /// The data of the next event, which must be an unnamed one.
    pub fn data(&mut self) -> String {
        let event = self.event();
        assert_eq!(event.name, "message", "{event:?}");
        event.data
    }

    /// The next event.
    pub fn event(&mut self) -> Event {
        self.next_event().expect("the answer has ended")
    }

    /// The next event; `None` when the answer has come to its proper end.
    pub fn next_event(&mut self) -> Option<Event> {
        let (mut name, mut data, mut id) = (String::from("message"), None::<String>, None);
        loop {
            let line = self.next_line()?;
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                _ if line.is_empty() => {
                    // The id counts as of the end of its block, also of one without data.
                    self.last_id = id.take().unwrap_or(std::mem::take(&mut self.last_id));
                    if let Some(data) = data.take() {
                        return Some(Event { name, data });
                    }
                    name = "message".into();
                }
                "" => self.comments += 1,
                "event" => name = value.into(),
                "id" => id = Some(value.to_owned()),
                "retry" => self.retry = Some(value.into()),
                "data" => data = Some(data.map_or(value.into(), |data| data + "\n" + value)),
                other => panic!("there is no field {other:?}"),
            }
        }
    }

    fn next_line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                let line: Vec<_> = self.pending.drain(..=end).collect();
                return Some(String::from_utf8(line).unwrap().trim_end_matches('\n').to_owned());
            }
            let more = self.read_more();
            if more.is_empty() {
                return None;
            }
            self.pending.extend(more);
        }
    }

    /// The next bytes of the body; none at its end.
    fn read_more(&mut self) -> Vec<u8> {
        if !self.is_chunked {
            let bytes = self.reader.fill_buf().unwrap().to_vec();
            self.reader.consume(bytes.len());
            return bytes;
        }
        let mut size = String::new();
        assert!(self.reader.read_line(&mut size).unwrap() > 0, "the answer was broken off");
        let mut chunk = vec![0; usize::from_str_radix(size.trim_end(), 16).unwrap() + 2];
        self.reader.read_exact(&mut chunk).unwrap();
        chunk.truncate(chunk.len() - 2);
        chunk
    }
}

/// A request for server-sent events.
pub fn request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n{headers}\r\n")
}
