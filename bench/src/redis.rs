//! Just enough of the Redis protocol (RESP2): publishing and being subscribed to one channel.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A connection that publishes.
#[derive(Debug)]
pub struct Publisher {
    socket: TcpStream,
    replies: BufReader<TcpStream>,
    buffer: Vec<u8>,
}

impl Publisher {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// Nobody is there.
    pub fn connect(address: &str) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        let replies = BufReader::new(socket.try_clone()?);
        Ok(Self { socket, replies, buffer: vec![] })
    }

    /// Sends one PUBLISH for each payload, all in one write, and waits for nothing.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn publish<'a>(&mut self, channel: &str, payloads: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        self.buffer.clear();
        for payload in payloads {
            put_command(&mut self.buffer, &[b"PUBLISH", channel.as_bytes(), payload]);
        }
        self.socket.write_all(&self.buffer)
    }

    /// Takes the replies to `count` PUBLISHes.
    ///
    /// # Errors
    /// An error of Redis, nobody was subscribed, or the connection is gone.
    pub fn take_replies(&mut self, count: usize) -> io::Result<()> {
        let mut line = String::new();
        for _ in 0..count {
            line.clear();
            self.replies.read_line(&mut line)?;
            match line.trim_end() {
                ":0" => return Err(io::Error::other("nobody is subscribed to the channel")),
                reply if reply.starts_with(':') => {}
                reply => return Err(io::Error::other(format!("Redis says {reply:?}"))),
            }
        }
        Ok(())
    }
}

/// A connection that is subscribed to one channel.
#[derive(Debug)]
pub struct Subscription {
    socket: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Subscription {
    /// Connects to `host:port` and subscribes. It does not block from then on.
    ///
    /// # Errors
    /// Nobody is there, or it does not take subscribers.
    pub fn connect(address: &str, channel: &str) -> io::Result<Self> {
        let mut socket = TcpStream::connect(address)?;
        let mut command = vec![];
        put_command(&mut command, &[b"SUBSCRIBE", channel.as_bytes()]);
        socket.write_all(&command)?;
        // The acknowledgement ends with the number of subscriptions.
        let mut answer = vec![];
        while !answer.ends_with(b":1\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte)?;
            answer.push(byte[0]);
        }
        socket.set_nonblocking(true)?;
        Ok(Self { socket, buffer: vec![0; 1 << 20], filled: 0 })
    }

    /// What to wait for.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Reads once and calls `take` with the payload of each message that is complete then.
    ///
    /// # Errors
    /// The connection is gone, or Redis sends what is no message.
    pub fn read(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        match self.socket.read(&mut self.buffer[self.filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => self.filled += count,
        }
        let mut start = 0;
        while let Some((payload, end)) = parse_message(&self.buffer[start..self.filled])? {
            take(payload);
            start += end;
        }
        self.buffer.copy_within(start..self.filled, 0);
        self.filled -= start;
        Ok(())
    }
}

fn put_command(buffer: &mut Vec<u8>, words: &[&[u8]]) {
    buffer.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        buffer.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        buffer.extend_from_slice(word);
        buffer.extend_from_slice(b"\r\n");
    }
}

/// The payload of the message at the beginning of `bytes`, and where the message ends. None when it is not whole.
fn parse_message(bytes: &[u8]) -> io::Result<Option<(&[u8], usize)>> {
    let mut at = 0;
    if take_length(bytes, &mut at, b'*')?.is_none() {
        return Ok(None);
    }
    // "message", the channel, the payload.
    let mut payload = &bytes[..0];
    for _ in 0..3 {
        let Some(length) = take_length(bytes, &mut at, b'$')? else { return Ok(None) };
        if bytes.len() < at + length + 2 {
            return Ok(None);
        }
        payload = &bytes[at..at + length];
        at += length + 2;
    }
    Ok(Some((payload, at)))
}

fn take_length(bytes: &[u8], at: &mut usize, sign: u8) -> io::Result<Option<usize>> {
    let rest = &bytes[*at..];
    let Some(end) = rest.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
    let line = &rest[..end];
    let digits = line.strip_prefix(&[sign]).and_then(|line| line.strip_suffix(b"\r"));
    let length = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    *at += end + 1;
    match length {
        Some(length) => Ok(Some(length)),
        None => Err(io::Error::other(format!("Redis sends {:?}", String::from_utf8_lossy(line)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhe\r\no\r\n";

    #[test]
    fn a_message_is_taken_when_it_is_whole() {
        for end in 0..MESSAGE.len() {
            assert!(parse_message(&MESSAGE[..end]).unwrap().is_none(), "{end}");
        }
        assert_eq!(parse_message(&[MESSAGE, b"*"].concat()).unwrap(), Some((&b"he\r\no"[..], MESSAGE.len())));
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        assert!(parse_message(b"-ERR no\r\n").is_err());
    }

    #[test]
    fn commands_are_arrays_of_strings() {
        let mut buffer = vec![];
        put_command(&mut buffer, &[b"PUBLISH", b"c", b"{}"]);
        assert_eq!(buffer, b"*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$2\r\n{}\r\n");
    }
}
