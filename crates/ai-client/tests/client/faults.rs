//! What a network and a hostile server can do. Once a request is sent, nothing of this is tried again.

use std::time::Duration;

use daybook_ai_client::{Error, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::support::{RawServer, answer, ask, builder, completed, server, status};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

async fn hold(connection: TcpStream) {
    std::future::pending::<()>().await;
    drop(connection);
}

async fn send(mut connection: TcpStream, text: String) -> TcpStream {
    connection.write_all(text.as_bytes()).await.unwrap();
    connection
}

async fn ask_impatiently(server: &RawServer) -> Error {
    let client = builder(&server.base).timeout(Duration::from_millis(200)).build().unwrap();
    client.create(&Request::new("m", "a note")).await.unwrap_err()
}

#[tokio::test]
async fn server_that_says_nothing_is_a_timeout() {
    let server = RawServer::start(hold).await;
    let error = ask_impatiently(&server).await;
    assert!(matches!(error, Error::Timeout), "{error:?}");
    assert!(!error.is_retryable());
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn server_that_stops_in_the_middle_is_a_timeout() {
    let server = RawServer::start(async |connection| {
        let half = format!("{HEAD}content-length: 100\r\n\r\n{{\"status\"");
        hold(send(connection, half).await).await;
    })
    .await;
    let error = ask_impatiently(&server).await;
    assert!(matches!(error, Error::Timeout), "{error:?}");
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn deadline_over_all_attempts_also_bounds_one() {
    let server = RawServer::start(hold).await;
    let client = builder(&server.base).total_deadline(Duration::from_millis(200)).build().unwrap();
    let error = client.create(&Request::new("m", "a note")).await.unwrap_err();
    assert!(matches!(error, Error::Timeout), "{error:?}");
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn closed_port_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = ask(&base).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn connection_closed_before_an_answer_is_broken() {
    let server = RawServer::start(async |connection| drop(connection)).await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert!(!error.is_retryable());
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn connection_reset_in_the_middle_is_broken() {
    let server = RawServer::start(async |connection| {
        let half = format!("{HEAD}content-length: 100\r\n\r\n{{\"status\"");
        let connection = send(connection, half).await;
        connection.set_zero_linger().unwrap();
    })
    .await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn body_shorter_than_announced_is_broken() {
    let server = RawServer::start(async |connection| {
        // A whole answer in itself: only the length says that some of it is missing.
        let body = completed("ok").to_string();
        send(connection, format!("{HEAD}content-length: {}\r\n\r\n{body}", body.len() + 1)).await;
    })
    .await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn body_cut_off_without_a_length_is_malformed() {
    let server = RawServer::start(async |connection| {
        let body = completed("ok").to_string();
        send(connection, format!("{HEAD}connection: close\r\n\r\n{}", &body[..body.len() - 1])).await;
    })
    .await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn server_that_speaks_no_http_is_broken() {
    let server = RawServer::start(async |connection| {
        send(connection, "220 mail.example ESMTP\r\n".to_owned()).await;
    })
    .await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn size_that_is_announced_is_refused_unread() {
    // The body never comes, so waiting for it would be a timeout.
    let server = RawServer::start(async |connection| {
        let head = format!("{HEAD}x-request-id: req_1\r\ncontent-length: 1000000000\r\n\r\n");
        hold(send(connection, head).await).await;
    })
    .await;
    let error = ask(&server.base).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 1_048_576, .. }), "{error:?}");
    assert_eq!(error.request_id(), Some("req_1"));
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn size_that_is_not_announced_is_counted() {
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
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn size_at_the_limit_is_accepted() {
    let body = completed("ok").to_string();
    for (limit, fits) in [(body.len(), true), (body.len() - 1, false)] {
        let server = server(answer(completed("ok")), 1).await;
        let client = builder(&server.uri()).max_body(limit).build().unwrap();
        assert_eq!(client.create(&Request::new("m", "a note")).await.is_ok(), fits);
    }
}

#[tokio::test]
async fn endless_error_body_does_not_hide_the_status() {
    let server = server(status(401).set_body_bytes(vec![b' '; 4 * 1024 * 1024]), 1).await;
    let error = ask(&server.uri()).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { status: 401, .. }), "{error:?}");
}

#[tokio::test]
async fn dropping_the_call_closes_the_connection() {
    let (report, mut seen) = mpsc::unbounded_channel();
    let server = RawServer::start(move |mut connection| {
        let report = report.clone();
        async move {
            report.send("asked").unwrap();
            // Comes back only when the other side is gone.
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
