//! The publisher against the admin port of a server with the memory broker.

#![allow(clippy::unwrap_used, reason = "clippy takes only #[test] functions for tests")]

mod support;

use atr_core::Error;
use atr_core::event::Event;
use atr_core::position::Position;
use atr_core::publisher::{Options, Publisher, Target};
use atr_core::scope::Scope;
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{
    AdminPort, FakeServer, PATIENCE, TOKEN, Wired, event, interrupt, log_line, log_line_blocking, log_lines,
    memory_options, run_local, stat,
};
use tokio::task::spawn_blocking;

fn publisher(address: SocketAddr, token: &str) -> Arc<Publisher> {
    Arc::new(support::publisher(memory_options(address, token)))
}

/// Publishes and waits, while this thread goes on to serve.
async fn publish(publisher: &Arc<Publisher>, event: Event) -> Result<Option<Position>, Error> {
    let publisher = publisher.clone();
    spawn_blocking(move || publisher.publish(event, PATIENCE, &interrupt())).await.unwrap()
}

async fn positions(publisher: &Arc<Publisher>, scopes: &[String]) -> Result<Vec<Option<Position>>, Error> {
    let (publisher, scopes) =
        (publisher.clone(), scopes.iter().map(|scope| Scope::new(scope).unwrap()).collect());
    let ask = move |scopes: Vec<_>| publisher.positions(&scopes, PATIENCE, &interrupt());
    spawn_blocking(move || ask(scopes)).await.unwrap()
}

async fn flush(publisher: &Arc<Publisher>) {
    let publisher = publisher.clone();
    spawn_blocking(move || support::flush(&publisher)).await.unwrap();
}

/// An address where nothing listens.
fn nowhere() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn events_arrive_in_order_to_the_byte() {
    run_local(async {
        let mut broker = Wired::memory();
        let admin = AdminPort::of(&broker);
        broker.subscribed("a").await;
        let publisher = publisher(admin.address, TOKEN);
        for first in (0..5000).step_by(100) {
            assert_eq!(publisher.push((first..first + 100).map(|n| event("a", n)).collect()), 100);
        }
        let odd = "{\"é\\u00e9\\\"\" : [1.0, \"\\n\"] }";
        publisher.push(vec![Event { json: Bytes::from(odd), ..event("a", 0) }]);
        for n in 0..5000 {
            assert_eq!(broker.next().await.1, format!("{{\"n\":{n}}}"));
        }
        assert_eq!(broker.next().await.1, odd);
        flush(&publisher).await;
        assert_eq!((stat(&publisher, "pushed"), stat(&publisher, "published")), (5001, 5001));
    });
}

#[test]
fn events_are_answered_with_their_positions_and_questions_too() {
    run_local(async {
        let broker = Wired::memory();
        let admin = AdminPort::of(&broker);
        let publisher = publisher(admin.address, TOKEN);
        let first = publish(&publisher, event("a", 1)).await.unwrap().unwrap();
        assert_eq!(first.offset, 1);
        assert_eq!(publish(&publisher, event("a", 2)).await.unwrap(), Some(first.plus(1)));
        // More than one request takes.
        let scopes: Vec<_> = (0..20).map(|n| format!("user.é&{n}")).chain(["a".into(), "".into()]).collect();
        let found = positions(&publisher, &scopes).await.unwrap();
        assert_eq!((found.len(), found[20]), (22, Some(first.plus(1))));
        assert_eq!(positions(&publisher, &scopes).await.unwrap(), found, "the logs are there now");
        assert_eq!(publish(&publisher, event("", 3)).await.unwrap(), found[21].map(|head| head.plus(1)));
        assert_eq!(broker.subscribed("user.é&19").await, found[19]);
    });
}

#[test]
fn says_why_positions_are_not_known() {
    run_local(async {
        let scopes = ["a".to_owned()];
        let error = positions(&publisher(nowhere(), TOKEN), &scopes).await.unwrap_err().to_string();
        assert!(error.contains("positions are not known: no atr server listens at http://127"), "{error}");
        let broker = Wired::memory();
        let admin = AdminPort::of(&broker);
        let error = positions(&publisher(admin.address, "another"), &scopes).await.unwrap_err().to_string();
        assert!(error.contains("secret_key_base"), "{error}");
        let error = positions(&publisher(AdminPort::without_broker().address, TOKEN), &scopes).await;
        assert!(error.unwrap_err().to_string().contains("positions are not known"));
    });
}

#[test]
fn a_batch_that_comes_again_has_the_same_positions() {
    let server = FakeServer::start();
    let publisher = publisher(server.address(), TOKEN);
    let mut receipt = publisher.submit(event("a", 1)).unwrap();
    let mut first = server.accept();
    first.read_post();
    drop(first);
    let mut second = server.accept();
    second.read_post();
    let answer = r#"{"accepted":1,"positions":["8f3a52c1d09e4b76:17"],"repeated":true}"#;
    second.write_answer("200 OK", answer);
    let position = receipt.wait(PATIENCE, &interrupt()).unwrap().unwrap();
    assert_eq!(position.to_string(), "8f3a52c1d09e4b76:17");
}

#[test]
fn without_a_server_events_are_let_go_and_that_is_said_once() {
    run_local(async {
        let address = nowhere();
        let publisher = publisher(address, TOKEN);
        let begun = Instant::now();
        for n in 0..20 {
            publisher.push(vec![event("a", n)]);
            flush(&publisher).await;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        let error = publish(&publisher, event("a", 20)).await.unwrap_err().to_string();
        assert!(
            error.contains("the event was not published: no atr server listens at http://127"),
            "{error}"
        );
        assert_eq!((stat(&publisher, "unheard"), stat(&publisher, "lost")), (21, 0));
        let lines = log_lines(publisher.log()).await;
        assert_eq!(lines.len(), 1, "{lines:?}");

        let mut broker = Wired::memory();
        let _admin = AdminPort::at(address, Some(&broker));
        broker.subscribed("a").await;
        publish(&publisher, event("a", 21)).await.unwrap();
        assert_eq!(broker.next().await.1, "{\"n\":21}");
        log_line(publisher.log(), "publishing to the server at").await;
    });
}

#[test]
fn a_server_that_comes_back_is_published_to_again() {
    run_local(async {
        let mut broker = Wired::memory();
        broker.subscribed("a").await;
        let admin = AdminPort::of(&broker);
        let address = admin.address;
        let publisher = publisher(address, TOKEN);
        publish(&publisher, event("a", 1)).await.unwrap();
        admin.stop().await;
        publisher.push(vec![event("a", 2)]);
        flush(&publisher).await;
        assert_eq!(stat(&publisher, "unheard"), 1);

        let _admin = AdminPort::at(address, Some(&broker));
        publish(&publisher, event("a", 3)).await.unwrap();
        assert_eq!(broker.next().await.1, "{\"n\":1}");
        assert_eq!(broker.next().await.1, "{\"n\":3}");
    });
}

#[test]
fn says_that_the_secrets_differ() {
    run_local(async {
        let broker = Wired::memory();
        let admin = AdminPort::of(&broker);
        let publisher = publisher(admin.address, "another");
        let error = publish(&publisher, event("a", 1)).await.unwrap_err().to_string();
        assert!(error.contains("401") && error.contains("secret_key_base"), "{error}");
        let line = log_line(publisher.log(), "events were refused").await.message;
        assert!(!line.contains("another"), "{line}");
        log_line(&admin.log, "token").await;
    });
}

#[test]
fn says_that_the_server_has_another_broker() {
    run_local(async {
        let admin = AdminPort::without_broker();
        let publisher = publisher(admin.address, TOKEN);
        let error = publish(&publisher, event("a", 1)).await.unwrap_err().to_string();
        assert!(error.contains("409") && error.contains("redis"), "{error}");
        assert_eq!(stat(&publisher, "lost"), 1);
    });
}

#[test]
fn a_batch_whose_answer_is_lost_is_sent_again_under_its_number() {
    let server = FakeServer::start();
    let publisher = publisher(server.address(), TOKEN);
    publisher.push(vec![event("a", 1)]);
    let mut first = server.accept();
    let body = first.read_post();
    drop(first);
    publisher.push(vec![event("a", 2)]);
    let mut second = server.accept();
    assert_eq!(second.read_post(), body);
    second.write_answer("200 OK", r#"{"accepted":1,"repeated":true}"#);
    let next = second.read_post();
    assert!(
        body.contains("\"seq\":1") && next.contains("\"seq\":2") && !next.contains("{\\\"n\\\":1}"),
        "{next}"
    );
    second.write_answer("200 OK", r#"{"accepted":1}"#);
    support::flush(&publisher);
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (2, 0));
}

#[test]
fn a_connection_that_the_server_closed_while_it_was_idle_loses_nothing() {
    let server = FakeServer::start();
    let publisher = publisher(server.address(), TOKEN);
    for n in 0..10 {
        publisher.push(vec![event("a", n)]);
        let mut connection = server.accept();
        assert!(connection.read_post().contains(&format!("{{\\\"n\\\":{n}}}")));
        connection.write_answer("200 OK", r#"{"accepted":1}"#);
        support::flush(&publisher);
    }
    assert_eq!((stat(&publisher, "published"), stat(&publisher, "lost")), (10, 0));
}

#[test]
fn a_server_that_is_busy_gets_the_events_a_little_later() {
    let server = FakeServer::start();
    let publisher = publisher(server.address(), TOKEN);
    publisher.push(vec![event("a", 1)]);
    let mut connection = server.accept();
    connection.read_post();
    connection.write_answer("503 Service Unavailable", "The server is stopping or busy.\n");
    log_line_blocking(publisher.log(), "The server is stopping or busy.; events wait");
    publisher.push(vec![event("a", 2)]);
    let mut sent = String::new();
    while !sent.contains("{\\\"n\\\":2}") {
        sent += &connection.read_post();
        connection.write_answer("200 OK", r#"{"accepted":1}"#);
    }
    assert!(sent.find("{\\\"n\\\":1}") < sent.find("{\\\"n\\\":2}"), "{sent}");
    support::flush(&publisher);
    assert_eq!(stat(&publisher, "published"), 2);
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let server = FakeServer::start();
    let publisher = publisher(server.address(), TOKEN);
    let error = publisher.publish(event("a", 1), PATIENCE, &interrupt()).unwrap_err().to_string();
    assert!(error.contains("nobody can tell") && error.contains("no answer within"), "{error}");
    assert_eq!(stat(&publisher, "lost"), 1);
}

#[test]
fn says_which_setting_cannot_be_used() {
    let options = |admin_url: &str, admin_token: &str| Options {
        target: Target::Memory { admin_url: admin_url.into(), admin_token: admin_token.into() },
        ..memory_options(nowhere(), TOKEN)
    };
    for (options, setting) in [
        (options("https://atr.internal", TOKEN), "https"),
        (options("127.0.0.1:7778", TOKEN), "admin_url"),
        (options("http://127.0.0.1:7778", "a\nb"), "admin_token"),
    ] {
        let error = Publisher::new(options).unwrap_err();
        assert!(matches!(&error, Error::Config(message) if message.contains(setting)), "{error}");
    }
}
