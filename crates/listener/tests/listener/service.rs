//! The app and its connections are served as by `HttpServer`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use daybook_listener::Options;
use tokio::sync::oneshot;

use crate::harness::{Server, eventually, options};

#[test]
fn single_requests_are_answered_as_by_http_server() {
    let (server, reference) = (Server::start(options()), Server::http_server());
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /number/none HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /connection HTTP/1.1\r\nHost: a.example:1\r\n\r\n",
        "GET /connection HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ndata",
        "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ndata",
    ] {
        let answers = [&server, &reference].map(|server| {
            let mut client = server.connect();
            client.send(request);
            let mut response = client.response(&request[..4]).unwrap();
            response.body = response.body.replace(&server.address.to_string(), "ADDRESS");
            // The number of digits of a port changes the length.
            response.fields.remove("content-length");
            response
        });
        assert_eq!(answers[0], answers[1], "{request}");
    }
}

#[test]
fn client_that_disconnects_cancels_its_request() {
    let server = Server::start(Options { h1_allow_half_closed: false, ..options() });
    let mut client = server.connect();
    client.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("a started request", || server.counts.started.load(Ordering::SeqCst) == 1);
    drop(client);
    eventually("a canceled request", || server.counts.canceled.load(Ordering::SeqCst) == 1);
}

#[test]
fn client_that_closes_its_side_gets_its_response_if_allowed() {
    let server = Server::start(options());
    let mut client = server.connect();
    client.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    client.finish();
    assert_eq!(client.response("GET").unwrap().body, "late");
    client.expect_closed();
}

#[test]
fn idle_connection_is_closed_after_its_keep_alive() {
    let server = Server::start(Options { keep_alive: Duration::from_millis(100).into(), ..options() });
    let mut client = server.connect();
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(get.repeat(2));
    assert_eq!(client.response("GET").unwrap().body, "home");
    assert_eq!(client.response("GET").unwrap().body, "home");
    client.expect_closed();
}

#[test]
fn slow_first_head_is_408() {
    let timeout = Duration::from_millis(100);
    let server = Server::start(Options { client_request_timeout: timeout, ..options() });
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    let answer = client.rest();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[test]
fn shutdown_finishes_the_current_request_and_closes_idle_connections() {
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown_signal = async move {
        let _ = stopped.await;
    };
    let server = Server::start(Options { shutdown_signal: Some(Box::pin(shutdown_signal)), ..options() });
    let (mut idle, mut busy) = (server.connect(), server.connect());
    idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(idle.response("GET").unwrap().body, "home");
    busy.send(["GET /late HTTP/1.1\r\nHost: a\r\n\r\n", "GET /count HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
    eventually("a started request", || server.counts.started.load(Ordering::SeqCst) == 1);
    stop.send(()).unwrap();
    idle.expect_closed();
    let response = busy.response("GET").unwrap();
    assert_eq!((response.body.as_str(), response.field("connection")), ("late", "close"));
    busy.expect_closed();
    assert_eq!(server.counted(), 0);
    server.thread.join().unwrap();
}
