//! Faults of the network and of hostile servers. The client retries none of them once it has sent
//! the request.

use std::time::Duration;

use daybook_ai_client::{Error, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::support::{RawServer, ask, builder, completed, ok, server, status};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

async fn keep_open(connection: TcpStream) {
    std::future::pending::<()>().await;
    drop(connection);
}

async fn send(mut connection: TcpStream, text: String) -> TcpStream {
    connection.write_all(text.as_bytes()).await.unwrap();
    connection
}

/// Sends a request with a timeout of 200 ms, which must fail.
async fn failure_with_short_timeout(server: &RawServer) -> Error {
    let client = builder(&server.base).timeout(Duration::from_millis(200)).build().unwrap();
    client.create(&Request::new("m", "a note")).await.unwrap_err()
}

#[tokio::test]
async fn create_times_out_if_the_server_sends_nothing() {
    let server = RawServer::start(keep_open).await;
    let error = failure_with_short_timeout(&server).await;
    assert!(matches!(error, Error::Timeout), "{error:?}");
    assert!(!error.is_retryable());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn create_times_out_if_the_body_stalls() {
    let server = RawServer::start(async |connection| {
        let half = format!("{HEAD}content-length: 100\r\n\r\n{{\"status\"");
        keep_open(send(connection, half).await).await;
    })
    .await;
    let error = failure_with_short_timeout(&server).await;
    assert!(matches!(error, Error::Timeout), "{error:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn create_times_out_after_the_total_timeout() {
    let server = RawServer::start(keep_open).await;
    let client = builder(&server.base).total_timeout(Duration::from_millis(200)).build().unwrap();
    let error = client.create(&Request::new("m", "a note")).await.unwrap_err();
    assert!(matches!(error, Error::Timeout), "{error:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn create_returns_connect_for_a_closed_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = ask(&base).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn create_returns_transport_if_the_connection_closes_before_a_response() {
    let server = RawServer::start(async |connection| drop(connection)).await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert!(!error.is_retryable());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn create_returns_transport_if_the_connection_is_reset_in_the_body() {
    let server = RawServer::start(async |connection| {
        let half = format!("{HEAD}content-length: 100\r\n\r\n{{\"status\"");
        let connection = send(connection, half).await;
        connection.set_zero_linger().unwrap();
    })
    .await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn create_returns_transport_for_a_body_shorter_than_its_content_length() {
    let server = RawServer::start(async |connection| {
        // The JSON is complete. Only the content length shows that a byte is missing.
        let body = completed("ok").to_string();
        send(connection, format!("{HEAD}content-length: {}\r\n\r\n{body}", body.len() + 1)).await;
    })
    .await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn create_returns_malformed_for_a_truncated_body_without_content_length() {
    let server = RawServer::start(async |connection| {
        let body = completed("ok").to_string();
        send(connection, format!("{HEAD}connection: close\r\n\r\n{}", &body[..body.len() - 1])).await;
    })
    .await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn create_returns_transport_if_the_server_does_not_speak_http() {
    let server = RawServer::start(async |connection| {
        send(connection, "220 mail.example ESMTP\r\n".to_owned()).await;
    })
    .await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn create_rejects_a_content_length_over_the_limit_without_reading_the_body() {
    // The body never arrives, so a client that reads it would time out.
    let server = RawServer::start(async |connection| {
        let head = format!("{HEAD}x-request-id: req_1\r\ncontent-length: 1000000000\r\n\r\n");
        keep_open(send(connection, head).await).await;
    })
    .await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 1_048_576, .. }), "{error:?}");
    assert_eq!(error.request_id(), Some("req_1"));
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn create_rejects_a_body_over_the_limit_without_content_length() {
    let (report, mut written) = mpsc::unbounded_channel();
    let server = RawServer::start(move |connection| {
        let report = report.clone();
        async move {
            let mut connection = send(connection, format!("{HEAD}connection: close\r\n\r\n")).await;
            let mut sent = 0_usize;
            while sent < 1_000_000_000 && connection.write_all(&[b' '; 4096]).await.is_ok() {
                sent += 4096;
            }
            report.send(sent).unwrap();
        }
    })
    .await;
    let client = builder(&server.base).max_body(16 * 1024).build().unwrap();
    let error = client.create(&Request::new("m", "a note")).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 16_384, .. }), "{error:?}");
    assert!(!error.is_retryable());
    assert!(written.recv().await.unwrap() < 1_000_000_000, "the connection was left open");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn create_accepts_a_body_at_the_limit() {
    let body = completed("ok").to_string();
    for (limit, fits) in [(body.len(), true), (body.len() - 1, false)] {
        let server = server(ok(completed("ok")), 1).await;
        let client = builder(&server.uri()).max_body(limit).build().unwrap();
        assert_eq!(client.create(&Request::new("m", "a note")).await.is_ok(), fits);
    }
}

#[tokio::test]
async fn create_returns_the_status_despite_a_long_error_body() {
    let server = server(status(401).set_body_bytes(vec![b' '; 4 * 1024 * 1024]), 1).await;
    let error = ask(&server.uri()).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { status: 401, .. }), "{error:?}");
}

#[tokio::test]
async fn dropping_create_closes_the_connection() {
    let (report, mut seen) = mpsc::unbounded_channel();
    let server = RawServer::start(move |mut connection| {
        let report = report.clone();
        async move {
            report.send("asked").unwrap();
            // Returns only when the client closes the connection.
            let _ = connection.read(&mut [0]).await;
            report.send("closed").unwrap();
        }
    })
    .await;
    let client = builder(&server.base).build().unwrap();
    let call = tokio::spawn(async move { client.create(&Request::new("m", "a note")).await });
    assert_eq!(seen.recv().await, Some("asked"));
    call.abort();
    assert_eq!(seen.recv().await, Some("closed"));
}
