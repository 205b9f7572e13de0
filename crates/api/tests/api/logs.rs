//! The log: a reader that stops, the last lines of a process, and lines that clients influence.

use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use daybook_test_servers::free_port;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;

use crate::harness::{Answer, Kind, PASSWORD, SHUTDOWN_TIMEOUT, Server, Start, eventually, text};

/// Only a service that hangs takes longer.
const HANG: Duration = Duration::from_secs(120);

/// Sends 1,000 requests whose log lines are long. Fails if the service does not answer.
async fn send_thousand(server: &Server) {
    let (path, id) = ("p".repeat(255), "i".repeat(128));
    let request = format!("GET /{path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\n\r\n");
    let clients = (0..8).map(|_| async {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        let mut answer = [0; 4096];
        for _ in 0..125 {
            socket.write_all(request.as_bytes()).await.unwrap();
            let mut length = 0;
            while !answer[..length].ends_with(br#"{"detail":"Not Found"}"#) {
                let read = socket.read(&mut answer[length..]).await.unwrap();
                assert_ne!(read, 0, "{}", text(&answer[..length]));
                length += read;
            }
        }
    });
    tokio::time::timeout(HANG, join_all(clients)).await.expect("the service answers");
}

fn with_message(server: &Server, message: &str) -> Vec<Value> {
    server.log_lines().into_iter().filter(|line| line["message"] == message).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_log_that_stops_does_not_stop_the_service() {
    let mut server = Server::on(Kind::Sqlite).await;
    let mut sent = 0;
    for _ in 0..2 {
        let stopped = server.stop_reading_log().await;
        let before = server.metric("log_lines_dropped_total").await;
        sent += 1;
        loop {
            send_thousand(&server).await;
            Answer::of(server.request(Method::GET, "/health/live")).await.expect(StatusCode::OK);
            let dropped = server.metric("log_lines_dropped_total").await;
            sent += 1_002;
            if dropped > before {
                break;
            }
            assert!(sent < 100_000, "no line was dropped");
        }
        drop(stopped);
        // The service logs again, and logs the gap.
        let more = AtomicI32::new(0);
        eventually("a new line", || async {
            let number = more.fetch_add(1, Ordering::Relaxed);
            let id = format!("again{sent}-{number}");
            let request = server.request(Method::GET, "/").header("x-request-id", &id);
            Answer::of(request).await.expect(StatusCode::OK);
            let lines = with_message(&server, "answered");
            lines.iter().any(|line| line["span"]["client_request_id"] == id)
        })
        .await;
        sent += more.into_inner();
    }
    let gaps = with_message(&server, "log lines were dropped, because the log was not read in time");
    let dropped: f64 = gaps.iter().map(|line| line["dropped"].as_f64().unwrap()).sum();
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    assert_eq!(dropped, server.metric("log_lines_dropped_total").await);
    sent += 1;
    eventually("the line of each other request", || async {
        with_message(&server, "answered").len() as f64 + dropped == f64::from(sent)
    })
    .await;
    // The service also ends while nothing reads its log.
    let _stopped = server.stop_reading_log().await;
    for _ in 0..2 {
        send_thousand(&server).await;
    }
    server.signal("TERM");
    assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0));
}

/// Starts a process whose outputs are both the same socket, which is full and never read.
fn spawn_unread(start: &Start) -> (Child, UnixStream) {
    let (mut output, reader) = UnixStream::pair().unwrap();
    output.set_nonblocking(true).unwrap();
    let full = loop {
        if let Err(error) = output.write(b"x") {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    output.set_nonblocking(false).unwrap();
    let mut command = start.command(&[]);
    command.stdout(Stdio::from(OwnedFd::from(output.try_clone().unwrap())));
    command.stderr(Stdio::from(OwnedFd::from(output)));
    (command.spawn().unwrap(), reader)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_starts_and_ends_if_nothing_reads_its_outputs() {
    let port = free_port();
    let start = Start::on(Kind::Sqlite).with("DAYBOOK_BIND", &format!("127.0.0.1:{port}"));
    let (mut service, _reader) = spawn_unread(&start);
    let url = format!("http://127.0.0.1:{port}/health/live");
    let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).no_proxy().build().unwrap();
    eventually("an answer", || async { client.get(&url).send().await.is_ok_and(|a| a.status() == 200) })
        .await;
    // The address is in use, or the configuration is invalid.
    for start in [start.clone(), start.clone().with("DAYBOOK_WORKERS", "none")] {
        let (mut failed, _reader) = spawn_unread(&start);
        let status = tokio::time::timeout(HANG, failed.wait()).await.expect("an end").unwrap();
        assert_eq!(status.code(), Some(1));
    }
    let kill = std::process::Command::new("kill").arg(service.id().unwrap().to_string()).status();
    assert!(kill.unwrap().success());
    let status = tokio::time::timeout(SHUTDOWN_TIMEOUT, service.wait()).await.expect("an end").unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_complete_when_the_process_ends() {
    let mut server = Server::on(Kind::Sqlite).await;
    let stopped = server.stop_reading_log().await;
    for _ in 0..3 {
        send_thousand(&server).await;
    }
    server.signal("TERM");
    drop(stopped);
    assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0));
    eventually("the last line", || async { server.log().contains("\"stopped\"") }).await;
    assert_eq!(server.log_lines().last().unwrap()["message"], "stopped");
    assert_eq!(with_message(&server, "answered").len(), 3_000);

    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Start::on(Kind::Sqlite).with("DAYBOOK_BIND", &address).run(&[]).await;
    let log = text(&output.stderr);
    let (lines, failure) = log.trim_end().rsplit_once('\n').unwrap();
    assert!(failure.starts_with(&format!("daybook: cannot listen on {address}: ")), "{log}");
    assert!(lines.contains("opened the database") && lines.contains("\"migrated\""), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_a_response_has_its_line() {
    // A hash takes seconds, and its client disconnects meanwhile.
    let server = Start::on(Kind::Sqlite).with("DAYBOOK_ARGON2", "m=131072,t=10,p=1").start().await;
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    let body = format!("username=ada&password={PASSWORD}");
    let head = "POST /auth/login HTTP/1.1\r\nHost: a\r\nX-Request-Id: gone";
    let media_type = "Content-Type: application/x-www-form-urlencoded";
    let request = format!("{head}\r\n{media_type}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    socket.write_all(request.as_bytes()).await.unwrap();
    eventually("the login", || async { server.metric("http_requests_in_flight").await >= 2.0 }).await;
    drop(socket);
    let line = || with_message(&server, "not answered: the client went away").pop();
    eventually("the line", || async { line().is_some() }).await;
    let line = line().unwrap();
    assert_eq!((&line["level"], &line["status"]), (&json!("INFO"), &Value::Null));
    assert!(line["took_ms"].as_f64().unwrap() > 0.0, "{line}");
    let span = &line["span"];
    assert!(!span["request_id"].as_str().unwrap().is_empty(), "{line}");
    assert_eq!(span["client_request_id"], "gone");
    assert_eq!((&span["method"], &span["path"]), (&json!("POST"), &json!("/auth/login")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_methods_and_paths_are_truncated_in_the_log() {
    let server = Server::on(Kind::Sqlite).await;
    let (method, path) = ("M".repeat(1_000), format!("/{}", "p".repeat(8_000)));
    let request = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let answer = server.raw(request.as_bytes()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    eventually("the line", || async { !with_message(&server, "answered").is_empty() }).await;
    let span = with_message(&server, "answered").remove(0)["span"].clone();
    assert_eq!((&span["method"], &span["path"]), (&json!(method[..256]), &json!(path[..256])));
}
