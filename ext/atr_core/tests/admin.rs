//! The admin port over real sockets.

mod support;

use atr_core::broker::Command;
use atr_core::position::Position;
use support::{AdminPort, PATIENCE, TOKEN, Wired, exchange, log_line, log_lines, run_local};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

fn batch(seq: u64, scope: &str) -> String {
    format!(
        r#"{{"publisher":"ab12","seq":{seq},"events":[{{"id":"1","scope":"{scope}","name":"post.created",
        "routing_key":"post.created","data":"{{\"n\" : {seq}}}"}}]}}"#
    )
}

#[test]
fn says_whether_the_server_is_well_and_ready() {
    run_local(async {
        let broker = Wired::memory();
        let admin = AdminPort::of(&broker);
        support::eventually("the broker runs", || broker.reachable.get()).await;
        assert_eq!(admin.get("/-/health").await, (200, "ok\n".into()));
        assert_eq!(admin.get("/-/ready").await, (200, "ok\n".into()));

        let cut_off = AdminPort::start("127.0.0.1:0".parse().unwrap(), None, || false);
        assert_eq!(cut_off.get("/-/health").await.0, 200);
        let (status, text) = cut_off.get("/-/ready").await;
        assert_eq!((status, text.contains("broker")), (503, true), "{text}");
    });
}

#[test]
fn tells_what_there_is() {
    run_local(async {
        let admin = AdminPort::of(&Wired::memory());
        let (status, text) = admin.get("/metrics").await;
        assert_eq!((status, text.contains("POST /events")), (404, true), "{text}");
        assert_eq!(admin.get("/events").await.0, 405);
        let post = "POST /-/health HTTP/1.1\r\nHost: admin\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        assert_eq!(admin.ask(post).await.0, 405);
        let head = "HEAD /-/health HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n";
        assert_eq!(admin.ask(head).await, (200, String::new()));
    });
}

#[test]
fn takes_events_to_the_byte_and_once() {
    run_local(async {
        let mut broker = Wired::memory();
        let admin = AdminPort::of(&broker);
        let before = broker.subscribed("a").await.unwrap();
        let answer = |count, end: &str| {
            let position = before.plus(count);
            (200, format!(r#"{{"accepted":1,"positions":["{position}"]{end}}}"#))
        };
        assert_eq!(admin.post_events(TOKEN, &batch(1, "a")).await, answer(1, ""));
        assert_eq!(admin.post_events(TOKEN, &batch(1, "a")).await, answer(1, r#","repeated":true"#));
        assert_eq!(admin.post_events(TOKEN, &batch(2, "b")).await.0, 200);
        assert_eq!(admin.post_events(TOKEN, &batch(3, "a")).await, answer(2, ""));
        assert_eq!(broker.next().await, ("a".into(), r#"{"n" : 1}"#.into()));
        assert_eq!(broker.next().await, ("a".into(), r#"{"n" : 3}"#.into()));
    });
}

#[test]
fn tells_where_logs_end() {
    run_local(async {
        let broker = Wired::memory();
        let admin = AdminPort::of(&broker);
        let known = broker.subscribed("a").await.unwrap();
        admin.post_events(TOKEN, &batch(1, "a")).await;
        let (status, text) = admin.positions(TOKEN, "?scope=&scope=a&scope=user.%C3%A9").await;
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, answer["positions"][1].as_str()), (200, Some(&*known.plus(1).to_string())));
        for unknown in [0, 2] {
            let position: Position = answer["positions"][unknown].as_str().unwrap().parse().unwrap();
            assert_eq!(position.offset, 0);
        }
        assert_eq!(admin.positions(TOKEN, "?scope=&scope=a&scope=user.%C3%A9").await, (200, text));
        assert_eq!(admin.positions(TOKEN, "").await, (200, r#"{"positions":[]}"#.into()));

        for (query, expected) in [("?scope=a+b", "cannot be a scope"), ("?scopes=a", "there is no parameter")]
        {
            let (status, text) = admin.positions(TOKEN, query).await;
            assert_eq!((status, text.to_lowercase().contains(expected)), (400, true), "{text}");
        }
        assert_eq!(admin.positions("another", "?scope=a").await.0, 401);
        assert_eq!(AdminPort::without_broker().positions(TOKEN, "?scope=a").await.0, 409);
        let (status, text) =
            admin.ask("POST /positions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert_eq!((status, text.contains("GET")), (405, true), "{text}");
    });
}

#[test]
fn events_need_the_token() {
    run_local(async {
        let mut broker = Wired::memory();
        let admin = AdminPort::of(&broker);
        broker.subscribed("a").await;
        for token in ["", "5ec4e8", "5ec4e", "5ec4e70"] {
            assert_eq!(admin.post_events(token, &batch(1, "a")).await.0, 401, "{token}");
        }
        let length = batch(1, "a").len();
        let without = format!(
            "POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(admin.ask(&(without + &batch(1, "a"))).await.0, 401);
        assert!(broker.is_silent().await);
        let line = log_line(&admin.log, "refused").await;
        assert!(line.message.contains("secret_key_base") && !line.message.contains("5ec4e"), "{line:?}");
        assert_eq!(log_lines(&admin.log).await, [""; 0], "said once in a while");
    });
}

#[test]
fn says_that_events_belong_to_redis() {
    run_local(async {
        let admin = AdminPort::without_broker();
        let (status, text) = admin.post_events(TOKEN, &batch(1, "a")).await;
        assert_eq!((status, text.contains("redis_url")), (409, true), "{text}");
    });
}

#[test]
fn says_what_is_wrong_with_a_batch() {
    run_local(async {
        let mut broker = Wired::memory();
        let admin = AdminPort::of(&broker);
        broker.subscribed("").await;
        for (body, expected) in [("{", "EOF"), ("[]", "struct"), (&batch(1, "a b"), "cannot be a scope")] {
            let (status, text) = admin.post_events(TOKEN, body).await;
            assert_eq!((status, text.contains(expected)), (400, true), "{text}");
        }
        assert!(broker.is_silent().await);
        log_line(&admin.log, "could not be read").await;
    });
}

#[test]
fn requests_have_bounds() {
    run_local(async {
        let broker = Wired::memory();
        let admin = AdminPort::of(&broker);
        let large = 16 * 1024 * 1024 + 1;
        let head = format!(
            "POST /events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {large}\r\n\r\n"
        );
        assert_eq!(exchange(admin.address, head.as_bytes()).await.0, 413, "before a byte of it is sent");

        let mut chunked = format!(
            "POST /events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n\
             {large:x}\r\n"
        )
        .into_bytes();
        chunked.resize(chunked.len() + large, b' ');
        assert_eq!(exchange(admin.address, &chunked).await.0, 413);

        let long = format!("GET /-/health HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(32 * 1024));
        assert_eq!(exchange(admin.address, long.as_bytes()).await.0, 431);
    });
}

#[test]
fn a_connection_serves_many_requests() {
    run_local(async {
        let admin = AdminPort::of(&Wired::memory());
        let mut stream = TcpStream::connect(admin.address).await.unwrap();
        for _ in 0..3 {
            stream.write_all(b"GET /-/health HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            let mut answer = vec![];
            while !answer.ends_with(b"ok\n") {
                assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
            }
        }
    });
}

#[test]
fn a_broker_that_has_ended_takes_nothing() {
    run_local(async {
        let (commands, taken) = mpsc::channel::<Command>(1);
        drop(taken);
        let admin = AdminPort::start("127.0.0.1:0".parse().unwrap(), Some(commands), || true);
        assert_eq!(admin.post_events(TOKEN, &batch(1, "a")).await.0, 503);
    });
}

#[test]
fn ends_with_all_its_connections() {
    run_local(async {
        let admin = AdminPort::of(&Wired::memory());
        let address = admin.address;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET /-/health HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = vec![];
        while !answer.ends_with(b"ok\n") {
            assert!(idle.read_buf(&mut answer).await.unwrap() > 0);
        }
        admin.stop().await;
        assert_eq!(timeout(PATIENCE, idle.read(&mut [0])).await.unwrap().unwrap(), 0);
        assert!(TcpStream::connect(address).await.is_err());
    });
}
