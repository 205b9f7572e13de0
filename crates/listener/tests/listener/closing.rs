//! Nothing is executed behind a request that ends the connection.

use std::thread;
use std::time::Duration;

use crate::harness::{Server, options};

const COUNT: &str = "POST /count HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn request_behind_connection_close_is_not_executed() {
    let server = Server::start(options());
    for first in [
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /soon HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
        "GET / HTTP/1.0\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send([first, &COUNT.repeat(1_000)].concat());
        let response = client.response("GET").unwrap();
        assert!(response.status.ends_with(" 200"), "{first}: {response:?}");
        client.expect_closed();
    }
    assert_eq!(server.counted(), 0);
}

#[test]
fn malformed_request_is_400_and_closes_the_connection() {
    let server = Server::start(options());
    for malformed in [
        "rubbish\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \r\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
        "POST /count HTTP/1.0\r\n\r\n",
    ] {
        for before in ["", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"] {
            let mut client = server.connect();
            client.send([before, malformed, COUNT].concat());
            if !before.is_empty() {
                assert_eq!(client.response("HEAD").unwrap().status, "HTTP/1.1 200", "{malformed}");
            }
            let line = client.rest();
            assert!(line.starts_with("HTTP/1.1 400 "), "{malformed}: {line}");
            assert_eq!(line.matches("HTTP/1.").count(), 1, "{malformed}: {line}");
        }
    }
    assert_eq!(server.counted(), 0);
}

/// actix-http would accept these requests.
#[test]
fn ambiguous_request_is_400_and_closes_the_connection() {
    let server = Server::start(options());
    for ambiguous in [
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a/b\r\nConnection: keep-alive\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a@b\r\nContent-Length: 4\r\n\r\ndata",
        "POST /echo HTTP/1.1\r\nHost: a:b\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\ndata",
        "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 0\r\n\r\n",
    ] {
        for before in ["", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"] {
            let mut client = server.connect();
            client.send([before, ambiguous, COUNT].concat());
            if !before.is_empty() {
                assert_eq!(client.response("HEAD").unwrap().status, "HTTP/1.1 200", "{ambiguous}");
            }
            let response = client.response("POST").unwrap();
            assert!(response.status.ends_with(" 400"), "{ambiguous}: {response:?}");
            let close = if ambiguous.contains("HTTP/1.0") { "" } else { "close" };
            assert_eq!(response.field("connection"), close, "{ambiguous}");
            client.end();
            client.expect_closed();
        }
    }
    assert_eq!(server.counted(), 0);
}

#[test]
fn malformed_chunk_closes_the_connection() {
    let server = Server::start(options());
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in [
        "4\r\ndata\r\nx\r\n0\r\n\r\n",
        "x\r\n",
        "4\r\ndata\r\n0\r\n\n",
        "4\r\ndata\r\n0\r\nA: 1\n\r\n",
        // The trailer is missing, so the next request stands in its place.
        "4\r\ndata\r\n0\r\n",
    ] {
        let mut client = server.connect();
        client.send([head, body, COUNT, COUNT].concat());
        let response = client.response("POST").unwrap();
        assert_eq!(
            (response.status.as_str(), response.field("connection")),
            ("HTTP/1.1 400", "close"),
            "{body:?}"
        );
        client.expect_closed();
    }
    assert_eq!(server.counted(), 0);
}

#[test]
fn unread_body_closes_the_connection_or_is_skipped() {
    let server = Server::start(options());
    let body = COUNT.repeat(1_000_000 / COUNT.len());
    let length = format!("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let chunked = format!(
        "POST /ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    for request in [length, chunked] {
        let (mut client, mut writer) = server.connect().divide();
        let all = [request.as_str(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let sent = thread::spawn(move || writer.send(all));
        let first = client.response("POST").unwrap();
        assert_eq!((first.status.as_str(), first.body.as_str()), ("HTTP/1.1 200", "ignored"));
        if first.field("connection") == "close" {
            client.expect_closed();
        } else {
            assert_eq!(client.response("GET").unwrap().body, "home");
        }
        drop(client);
        sent.join().unwrap();
    }
    assert_eq!(server.counted(), 0);
}

#[test]
fn bytes_behind_an_upgrade_are_no_request() {
    let server = Server::start(options());
    for upgrade in [
        "GET /ignore HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n",
        "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\nContent-Length: 0\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send([upgrade, COUNT].concat());
        assert!(client.response("GET").is_some(), "{upgrade}");
        // The body of an upgrade ends with the connection.
        client.end();
        client.expect_closed();
    }
    assert_eq!(server.counted(), 0);
}

/// After a response to a body that was not read, actix-http discards what still arrives.
#[test]
fn requests_behind_an_unread_body_are_discarded_without_an_error() {
    let server = Server::start(options());
    let head = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    let behind = format!("{head}hello{COUNT}");
    let long = format!(
        "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n{}",
        "a".repeat(3_000_000)
    );
    for pieces in [
        vec![head.to_owned(), "hello".to_owned(), behind.clone()],
        vec![long, behind.repeat(2)],
        vec![head.to_owned(), format!("hello{}", COUNT.repeat(50_000))],
    ] {
        let (mut client, mut writer) = server.connect().divide();
        let sent = thread::spawn(move || {
            for piece in pieces {
                writer.send(piece);
                thread::sleep(Duration::from_millis(50));
            }
        });
        assert!(client.response("POST").unwrap().status.ends_with(" 404"));
        client.rest();
        sent.join().unwrap();
    }
    assert_eq!(server.counted(), 0);
}
