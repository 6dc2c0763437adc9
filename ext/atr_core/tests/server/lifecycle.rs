//! How a server starts, and how it ends.

use crate::client::Client;
use crate::harness::{DEADLINE, Running, options};
use atr_core::server::Server;
use atr_core::wait::{Interrupt, wait};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn stopping_tells_clients_to_come_back_and_waits_for_them() {
    let running = Running::start(options());
    let mut clients: Vec<_> = (0..10).map(|_| running.join("a")).collect();
    let reading = std::thread::spawn(move || clients.iter_mut().map(Client::close_code).collect::<Vec<_>>());
    assert!(running.stop(DEADLINE), "clients had to be cut off");
    assert_eq!(reading.join().unwrap(), [1012; 10]);
    assert_eq!(running.server.stopped().map(|end| end.is_ok()), Some(true));
}

#[test]
fn what_was_published_before_the_stop_comes_before_the_end() {
    for _ in 0..100 {
        let running = Running::start(options());
        let mut client = running.join("a");
        running.publish(&[("a", "1")]);
        let reading = std::thread::spawn(move || (client.text(), client.close_code()));
        assert!(running.stop(DEADLINE));
        assert_eq!(reading.join().unwrap(), ("1".into(), 1012));
    }
}

#[test]
fn stopping_takes_no_longer_than_its_timeout() {
    let running = Running::start(options());
    let deaf = running.join("a");
    let half = TcpStream::connect(running.address()).unwrap();
    let begun = Instant::now();
    assert!(!running.stop(Duration::from_millis(100)), "the deaf client has not answered");
    assert!(begun.elapsed() < Duration::from_secs(3));
    drop((deaf, half));
}

#[test]
fn a_request_that_waits_for_the_app_is_turned_away_when_the_server_stops() {
    let mut options = options();
    options.gate_deadline = Duration::from_secs(3600);
    let running = Running::without_app(options);
    let address = running.address();
    let asking = std::thread::spawn(move || Client::try_connect(address, "/").err());
    let job = wait(running.server.gate().next(), Some(DEADLINE), &Interrupt::for_this_thread());
    assert!(matches!(job, Ok(Some(_))), "{job:?}");
    let begun = Instant::now();
    assert!(running.stop(DEADLINE), "the app was waited for");
    assert!(begun.elapsed() < DEADLINE / 2);
    assert_eq!(asking.join().unwrap(), Some(503));
}

#[test]
fn stopping_twice_and_from_several_threads_is_stopping() {
    let running = Running::start(options());
    std::thread::scope(|scope| {
        (0..4).for_each(|_| _ = scope.spawn(|| running.stop(DEADLINE)));
    });
    running.stop(DEADLINE);
    assert!(TcpStream::connect(running.address()).is_err());
}

#[test]
fn two_servers_know_nothing_of_each_other() {
    let (one, two) = (Running::start(options()), Running::start(options()));
    let (mut first, mut second) = (one.join("a"), two.join("a"));
    one.publish(&[("a", "1")]);
    two.publish(&[("a", "2")]);
    assert_eq!((first.text(), second.text()), ("1".into(), "2".into()));
    one.stop(Duration::ZERO);
    two.publish(&[("a", "3")]);
    assert_eq!(second.text(), "3");
}

#[test]
fn a_port_in_use_is_said() {
    let running = Running::start(options());
    let mut options = options();
    options.port = running.address().port();
    let message = Server::start(options).unwrap_err().to_string();
    assert!(message.contains("another program listens there"), "{message}");
}

#[test]
fn starting_and_stopping_leaves_no_thread() {
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    drop(Running::without_app(options()));
    let before = threads();
    for _ in 0..20 {
        drop(Running::without_app(options()));
    }
    // Other tests of this process start and stop threads meanwhile, but never twenty servers' worth.
    assert!(threads() < before + 40, "{} threads, {before} before", threads());
}
