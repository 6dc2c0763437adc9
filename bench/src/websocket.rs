//! Just enough of RFC 6455: a handshake with a key that is always the same, and unfragmented frames.

/// The sample of RFC 6455 §1.3. A server that computes the answer gives [`ACCEPT`], one that does not just says it.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What belongs to [`KEY`].
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A text frame.
pub const TEXT: u8 = 0x1;
/// A close frame.
pub const CLOSE: u8 = 0x8;
/// A ping.
pub const PING: u8 = 0x9;
/// A pong.
pub const PONG: u8 = 0xa;

/// The longest header of a frame without a mask.
const MAX_HEADER_BYTES: usize = 10;

/// The request of a client, as a browser without an `Origin` would send it.
pub fn request(host: &str, target: &str, protocol: Option<&str>) -> String {
    let protocol = protocol.map_or(String::new(), |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{protocol}\r\n"
    )
}

/// The answer of a server that does not look at the request.
pub fn response() -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {ACCEPT}\r\n\r\n"
    )
}

/// Where the head of a request or an answer ends, if it is all there.
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|position| position + 4)
}

/// Appends a server's text frame.
pub fn put_text(buffer: &mut Vec<u8>, text: &[u8]) {
    put_header(buffer, TEXT, text.len(), 0);
    buffer.extend_from_slice(text);
}

/// A client's frame. Its mask is four zeros, which leaves the payload as it is (§5.3 asks for a random mask against
/// scripts that attack proxies; a server cannot tell and does the same work).
pub fn client_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(MAX_HEADER_BYTES + 4 + payload.len());
    put_header(&mut frame, opcode, payload.len(), 0x80);
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

fn put_header(buffer: &mut Vec<u8>, opcode: u8, length: usize, mask: u8) {
    buffer.push(0x80 | opcode);
    match length {
        0..=125 => buffer.push(mask | length as u8),
        126..=0xffff => {
            buffer.push(mask | 126);
            buffer.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            buffer.push(mask | 127);
            buffer.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// A server's frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// [`TEXT`], [`CLOSE`], …
    pub opcode: u8,
    /// What is in it.
    pub payload: &'a [u8],
    /// Where the next one begins.
    pub end: usize,
}

/// The frame at the beginning of `bytes`, if it is all there.
///
/// # Errors
/// The server sends what no server may, or what this does not understand (fragments).
pub fn parse(bytes: &[u8]) -> Result<Option<Frame<'_>>, String> {
    let &[first, second, ..] = bytes else { return Ok(None) };
    if first & 0xf0 != 0x80 || second & 0x80 != 0 {
        return Err(format!("a frame begins with {first:#04x} {second:#04x}"));
    }
    let spelt = |count: usize| {
        let digits = bytes.get(2..2 + count)?;
        Some((2 + count, digits.iter().fold(0, |length, &byte| (length << 8) | usize::from(byte))))
    };
    let header = match second {
        126 => spelt(2),
        127 => spelt(8),
        length => Some((2, usize::from(length))),
    };
    let Some((start, length)) = header else { return Ok(None) };
    let end = start + length;
    Ok(bytes.get(start..end).map(|payload| Frame { opcode: first & 0x0f, payload, end }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_when_it_is_whole() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let mut bytes = vec![];
            put_text(&mut bytes, &vec![b'x'; length]);
            assert_eq!(parse(&bytes[..bytes.len() - 1]).unwrap(), None);
            let end = bytes.len();
            bytes.push(0x81);
            assert_eq!(
                parse(&bytes).unwrap(),
                Some(Frame { opcode: TEXT, payload: &vec![b'x'; length], end })
            );
        }
    }

    #[test]
    fn a_masked_or_fragmented_frame_is_an_error() {
        assert!(parse(&[0x81, 0x80]).is_err());
        assert!(parse(&[0x01, 0x01]).is_err());
    }

    #[test]
    fn the_mask_changes_nothing() {
        assert_eq!(client_frame(TEXT, b"hi"), b"\x81\x82\0\0\0\0hi");
    }
}
