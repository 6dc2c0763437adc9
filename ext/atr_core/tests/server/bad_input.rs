//! What comes from broken, hostile or unlucky clients: each gets a clear end, and nobody else notices.

use crate::client::frame;
use crate::harness::{DEADLINE, Running, exchange, options};
use crate::witness::Witness;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const HEAD: &str = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn request(line: &[u8]) -> Vec<u8> {
    [line, b"\r\n", HEAD.as_bytes(), b"\r\n"].concat()
}

/// Closes a socket as a machine does whose power is cut and comes back: with a reset.
fn reset(socket: &TcpStream) {
    SockRef::from(socket).set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn what_is_no_http_is_answered_400() {
    let running = Running::start(options());
    let mut witness = Witness::new(&running);
    let inputs: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\x00\x00\x00\x00\x00\x00\x00\x00",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/3.7\r\n\r\n",
    ];
    for input in inputs {
        let answer = exchange(running.address(), input);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{input:?}: {answer}");
        witness.is_served(&running);
    }
}

#[test]
fn a_path_that_no_url_can_have_is_answered_400() {
    let running = Running::start(options());
    let mut witness = Witness::new(&running);
    for line in
        [&b"GET /in/\0 HTTP/1.1"[..], b"GET /in/a b HTTP/1.1", b"GET in/a HTTP/1.1", b"GET /in/\xff HTTP/1.1"]
    {
        let answer = exchange(running.address(), &request(line));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{line:?}: {answer}");
        witness.is_served(&running);
    }
}

#[test]
fn a_head_that_is_too_long_is_answered_431() {
    let running = Running::start(options());
    let mut witness = Witness::new(&running);
    let long_line = format!("GET /{} HTTP/1.1\r\n", "x".repeat(20_000));
    let long_header = format!("GET / HTTP/1.1\r\nX: {}\r\n", "x".repeat(20_000));
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(200));
    for (head, status) in
        [(long_line, "HTTP/1.1 4"), (long_header, "HTTP/1.1 431"), (many_headers, "HTTP/1.1 431")]
    {
        let mut socket = TcpStream::connect(running.address()).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        // The server may hang up before it has read all of it.
        let _ = socket.write_all(head.as_bytes());
        let mut start = vec![0; status.len()];
        socket.read_exact(&mut start).unwrap();
        assert_eq!(String::from_utf8_lossy(&start), status);
        witness.is_served(&running);
    }
}

#[test]
fn requests_that_are_not_completed_end_at_their_time_however_they_trickle() {
    let mut options = options();
    options.limits.head_timeout = Duration::from_millis(300);
    let running = Running::start(options);
    let mut witness = Witness::new(&running);
    let silent = TcpStream::connect(running.address()).unwrap();
    let mut half = TcpStream::connect(running.address()).unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHos").unwrap();
    let mut trickling = TcpStream::connect(running.address()).unwrap();
    let begun = Instant::now();
    while trickling.write_all(b"X").is_ok() {
        witness.is_served(&running);
        assert!(begun.elapsed() < DEADLINE, "it may go on for ever");
    }
    for mut socket in [silent, half] {
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut rest = vec![];
        socket.read_to_end(&mut rest).unwrap();
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
    witness.is_served(&running);
}

#[test]
fn half_requests_take_seats_and_give_them_back() {
    let mut options = options();
    options.max_connections = 20;
    options.limits.head_timeout = Duration::from_millis(300);
    let running = Running::start(options);
    let mut witness = Witness::new(&running);
    let half: Vec<_> = (0..19).map(|_| TcpStream::connect(running.address()).unwrap()).collect();
    witness.is_served(&running);
    running.eventually("there is room again", |running| {
        crate::client::Client::try_connect(running.address(), "/in/a").is_ok()
    });
    drop(half);
    witness.is_served(&running);
}

#[test]
fn resets_in_the_middle_of_anything_are_forgotten() {
    let running = Running::start(options());
    let mut witness = Witness::new(&running);
    let whole = [request(b"GET /in/a HTTP/1.1"), frame(0x81, &[b'x'; 300])].concat();
    let head = whole.len() - 308;
    for cut in [0, 10, head - 1, head, head + 1, head + 5, head + 100] {
        let mut socket = TcpStream::connect(running.address()).unwrap();
        socket.write_all(&whole[..cut.min(head)]).unwrap();
        if cut >= head {
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            socket.read_exact(&mut [0; 12]).unwrap();
            socket.write_all(&whole[head..cut]).unwrap();
        }
        reset(&socket);
        drop(socket);
        witness.is_served(&running);
    }
    running.eventually("all are forgotten", |running| running.stat("connections") == 1);
}

#[test]
fn a_client_that_is_gone_when_the_app_answers_is_forgotten() {
    let running = Running::start(options());
    let mut witness = Witness::new(&running);
    for _ in 0..50 {
        let mut socket = TcpStream::connect(running.address()).unwrap();
        socket.write_all(&request(b"GET /in/a HTTP/1.1")).unwrap();
        reset(&socket);
    }
    running.eventually("all were answered and are forgotten", |running| {
        running.stat("gate_waiting") == 0 && running.stat("connections") == 1
    });
    witness.is_served(&running);
}

#[test]
fn a_thousand_that_vanish_with_a_reset_are_forgotten() {
    let mut options = options();
    options.gate_queue_size = 1000;
    let running = Running::start(options);
    let mut witness = Witness::new(&running);
    let mut sockets = vec![];
    for _ in 0..1000 {
        let mut socket = TcpStream::connect(running.address()).unwrap();
        socket.write_all(&request(b"GET /in/witness HTTP/1.1")).unwrap();
        reset(&socket);
        sockets.push(socket);
    }
    running.eventually("all are in", |running| running.stat("connections") == 1001);
    drop(sockets);
    witness.is_served(&running);
    running.eventually("all are forgotten", |running| running.stat("connections") == 1);
    witness.is_served(&running);
}
