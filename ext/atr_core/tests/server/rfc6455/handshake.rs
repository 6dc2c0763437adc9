//! §4: the opening handshake.

use super::Scene;
use crate::harness::exchange;
use std::io::{Read, Write};
use std::net::TcpStream;

const REQUEST: &str = "GET /in/a HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The answer to the request with something replaced; the connection must end unless it is a websocket's.
fn answer(scene: &Scene, part: &str, replacement: &str) -> String {
    assert!(REQUEST.contains(part), "{part}");
    exchange(scene.running.address(), REQUEST.replace(part, replacement).as_bytes())
}

/// The head of the answer that begins a websocket.
fn switched(scene: &Scene, part: &str, replacement: &str) -> String {
    let mut socket = TcpStream::connect(scene.running.address()).unwrap();
    socket.set_read_timeout(Some(crate::harness::DEADLINE)).unwrap();
    socket.write_all(REQUEST.replace(part, replacement).as_bytes()).unwrap();
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).expect("a whole head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    head
}

fn expect_status(scene: &mut Scene, status: u16, part: &str, replacement: &str) -> String {
    let answer = answer(scene, part, replacement);
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{replacement:?}: {answer}");
    scene.witness.is_served(&scene.running);
    answer.to_lowercase()
}

#[test]
fn s4_2_1_item_1_a_get_request_of_http_1_1() {
    let mut scene = Scene::new();
    for method in ["POST", "HEAD", "PUT", "OPTIONS", "BREW"] {
        assert!(expect_status(&mut scene, 405, "GET", method).contains("allow: get"));
    }
    let answer = answer(&scene, "HTTP/1.1", "HTTP/1.0");
    assert!(answer.contains(" 400 ") && answer.contains("HTTP/1.1"), "{answer}");
    scene.witness.is_served(&scene.running);
}

#[test]
fn s4_2_1_item_2_a_host() {
    let mut scene = Scene::new();
    expect_status(&mut scene, 400, "Host: example.com\r\n", "");
    expect_status(&mut scene, 400, "Host: example.com\r\n", "Host: example.com\r\nHost: example.org\r\n");
}

#[test]
fn s4_2_1_item_3_an_upgrade_to_websocket_in_any_case() {
    let mut scene = Scene::new();
    expect_status(&mut scene, 426, "Upgrade: websocket\r\n", "");
    expect_status(&mut scene, 426, "Upgrade: websocket", "Upgrade: h2c");
    switched(&scene, "Upgrade: websocket", "uPGRADE: WebSocket");
    switched(&scene, "Upgrade: websocket", "Upgrade: h2c, websocket");
}

#[test]
fn s4_2_1_item_4_a_connection_header_with_the_token_upgrade_in_any_case() {
    let mut scene = Scene::new();
    expect_status(&mut scene, 426, "Connection: Upgrade\r\n", "");
    expect_status(&mut scene, 426, "Connection: Upgrade", "Connection: keep-alive");
    expect_status(&mut scene, 426, "Connection: Upgrade", "Connection: upgraded");
    switched(&scene, "Connection: Upgrade", "Connection: keep-alive, upGRADE");
    switched(&scene, "Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade");
}

#[test]
fn s4_2_1_item_5_a_key_of_16_bytes_in_base64() {
    let mut scene = Scene::new();
    expect_status(&mut scene, 400, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "");
    for key in
        ["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSBsb25n", "!GhlIHNhbXBsZSBub25jZQ=="]
    {
        expect_status(&mut scene, 400, "dGhlIHNhbXBsZSBub25jZQ==", key);
    }
    let twice = "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    expect_status(&mut scene, 400, "dGhlIHNhbXBsZSBub25jZQ==", twice);
}

#[test]
fn s4_2_1_item_6_and_s4_4_version_13_or_an_answer_that_names_it() {
    let mut scene = Scene::new();
    let versions = ["12", "14", "8", "0", "", "13, 8", "x", "13\r\nSec-WebSocket-Version: 8"];
    for version in versions.map(|version| format!("Version: {version}")) {
        let answer = expect_status(&mut scene, 426, "Version: 13", &version);
        assert!(answer.contains("sec-websocket-version: 13\r\n"), "{answer}");
    }
    expect_status(&mut scene, 426, "Sec-WebSocket-Version: 13\r\n", "");
}

#[test]
fn s4_2_2_item_5_the_answer_proves_that_the_key_was_read() {
    let head = switched(&Scene::new(), "", "");
    assert!(head.contains("upgrade: websocket\r\n") && head.contains("connection: upgrade\r\n"), "{head}");
    // The example of §1.3.
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{head}");
}

#[test]
fn s4_2_2_item_5_and_s9_1_no_subprotocol_and_no_extension_is_chosen_that_the_server_does_not_speak() {
    let offer = "\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
                 Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let head = switched(&Scene::new(), "\r\n\r\n", offer);
    assert!(!head.contains("sec-websocket-protocol") && !head.contains("sec-websocket-extensions"), "{head}");
}

#[test]
fn s4_2_2_a_refusal_is_an_http_answer_and_the_connection_ends() {
    let mut scene = Scene::new();
    assert!(expect_status(&mut scene, 403, "/in/a", "/no/403").contains("connection: close"));
}

#[test]
fn an_upgrade_has_no_body_rfc9112_6() {
    let mut scene = Scene::new();
    expect_status(&mut scene, 400, "\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nhello");
    expect_status(&mut scene, 400, "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    switched(&scene, "\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n");
}
