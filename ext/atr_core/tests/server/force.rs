//! Stopping at the worst of moments.

use crate::client::Client;
use crate::harness::{DEADLINE, Running, options};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tungstenite::Message;

fn is_stopped_well(running: &Running) -> bool {
    running.server.stopped().is_some_and(|end| end.is_ok())
}

/// Connects as fast as it can, and says nothing.
fn rush(address: SocketAddr, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        drop(TcpStream::connect(address));
    }
}

#[test]
fn a_stop_while_clients_rush_in_is_no_failure() {
    let over = AtomicBool::new(false);
    for _ in 0..30 {
        let running = Running::start(options());
        over.store(false, Ordering::Relaxed);
        std::thread::scope(|scope| {
            (0..2).for_each(|_| _ = scope.spawn(|| rush(running.address(), &over)));
            running.join("a");
            running.stop(Duration::ZERO);
            over.store(true, Ordering::Relaxed);
        });
        assert!(is_stopped_well(&running), "{:?}", running.server.stopped());
    }
}

#[test]
fn a_stop_during_handshakes_waits_for_none_of_them() {
    let running = Running::start(options());
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(running.address()).unwrap()).collect();
    let half: Vec<_> = (0..50)
        .map(|_| {
            let mut socket = TcpStream::connect(running.address()).unwrap();
            socket.write_all(b"GET / HTTP/1.1\r\nHos").unwrap();
            socket
        })
        .collect();
    let mut client = running.join("a");
    let begun = Instant::now();
    let goodbye = std::thread::spawn(move || client.close_code());
    assert!(running.stop(DEADLINE), "somebody was waited for");
    assert!(begun.elapsed() < DEADLINE / 2);
    assert_eq!(goodbye.join().unwrap(), 1012);
    drop((silent, half));
}

#[test]
fn a_stop_in_a_burst_leaves_every_client_a_whole_beginning_of_it() {
    let running = Running::start(options());
    let clients: Vec<_> = (0..20).map(|_| running.join("a")).collect();
    let reading: Vec<_> =
        clients.into_iter().map(|client| std::thread::spawn(|| read_to_goodbye(client))).collect();
    for block in 0..20 {
        let events: Vec<_> = (0..100).map(|number| (block * 100 + number).to_string()).collect();
        running.publish(&events.iter().map(|event| ("a", event.as_str())).collect::<Vec<_>>());
    }
    assert!(running.stop(DEADLINE));
    for reading in reading {
        let (events, code) = reading.join().unwrap();
        assert_eq!(code, 1012);
        assert!(events.iter().enumerate().all(|(place, event)| *event == place.to_string()), "{events:?}");
    }
}

/// The texts before the close frame, and its code.
fn read_to_goodbye(mut client: Client) -> (Vec<String>, u16) {
    let mut texts = vec![];
    loop {
        match client.message() {
            Message::Text(text) => texts.push(text.to_string()),
            Message::Close(frame) => return (texts, frame.map_or(1005, |frame| frame.code.into())),
            _ => {}
        }
    }
}

#[test]
fn a_server_can_be_started_again_on_the_same_port_at_once() {
    let mut options = options();
    for _ in 0..5 {
        let running = Running::start(options.clone());
        options.port = running.address().port();
        let mut client = running.join("a");
        running.publish(&[("a", "1")]);
        assert_eq!(client.text(), "1");
        running.stop(Duration::ZERO);
    }
}
