//! Several requests in one write. `daybook-listener` tests the details.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Answer, Kind, PASSWORD, Server};

/// The last request of each pipeline, so that the service closes the connection.
const LAST: &str = "HEAD /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Sends all requests in one write and reads until the service closes the connection. Returns the
/// responses to requests with these methods. Fails if other bytes follow them.
async fn exchange(server: &Server, requests: &str, methods: &[&str]) -> Vec<Answer> {
    let exchange = async {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        // The service may close the connection before it has read everything.
        let _ = socket.write_all(requests.as_bytes()).await;
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = socket.read(&mut buffer).await {
            bytes.extend_from_slice(&buffer[..length]);
        }
        String::from_utf8(bytes).unwrap()
    };
    let text = tokio::time::timeout(Duration::from_secs(30), exchange).await;
    let text = text.expect("the service closes the connection");
    let (mut rest, mut answers) = (text.as_str(), Vec::new());
    for method in methods {
        if rest.is_empty() {
            break;
        }
        let head = rest.find("\r\n\r\n").unwrap_or_else(|| panic!("no response: {rest:?}")) + 4;
        let length: usize = match *method {
            "HEAD" => 0,
            _ => Answer::parse(&rest[..head]).header("content-length").parse().unwrap(),
        };
        answers.push(Answer::parse(&rest[..head + length]));
        rest = &rest[head + length..];
    }
    assert_eq!(rest, "", "after {answers:?}");
    answers
}

/// Returns a `POST` with this body.
fn post(path: &str, fields: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Returns a login of the account `ada`.
fn login() -> String {
    let media_type = "Content-Type: application/x-www-form-urlencoded\r\n";
    post("/auth/login", media_type, &format!("username=ada&password={PASSWORD}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_before_a_head_request_has_its_body() {
    let server = Server::on(Kind::Sqlite).await;
    server.register("ada").await;
    let mut answers = exchange(&server, &[login().as_str(), LAST].concat(), &["POST", "HEAD"]).await;
    let live = answers.pop().unwrap().expect(StatusCode::OK);
    assert_eq!(live.text, "");
    assert!(!live.header("content-length").is_empty(), "{live:?}");
    let login = answers.pop().unwrap().expect(StatusCode::OK);
    let token = login.json()["access_token"].as_str().unwrap().to_owned();
    server.get("/users/me", &token).await.expect(StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_have_their_own_responses() {
    let server = Server::on(Kind::Sqlite).await;
    server.register("ada").await;
    let head = "HEAD /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    let get = "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    let old = "GET /health/live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let requests = [head, &login(), get, head, old, &login(), LAST].concat();
    let methods = ["HEAD", "POST", "GET", "HEAD", "GET", "POST", "HEAD"];
    let answers = exchange(&server, &requests, &methods).await;
    assert_eq!(answers.len(), methods.len());
    for (answer, method) in answers.into_iter().zip(methods) {
        let answer = answer.expect(StatusCode::OK);
        assert_eq!(answer.text.is_empty(), method == "HEAD", "{answer:?}");
        assert_eq!(answer.text.contains("access_token"), method == "POST", "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_behind_connection_close_is_not_executed() {
    let server = Server::on(Kind::Sqlite).await;
    let body = json!({ "email": "ada@example.com", "username": "ada", "password": PASSWORD }).to_string();
    let register = post("/auth/register", "Content-Type: application/json\r\n", &body);
    for first in [
        LAST,
        "GET /health/live HTTP/1.0\r\n\r\n",
        "GET /no HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ] {
        let method = if first == LAST { "HEAD" } else { "GET" };
        let answers = exchange(&server, &[first, &register].concat(), &[method]).await;
        assert_eq!(answers.len(), 1, "{first}");
    }
    assert_eq!(server.query("SELECT count(*) FROM users"), "0");
    server.register("ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_behind_a_rejected_body_is_answered_or_the_connection_is_closed() {
    let server = Server::on(Kind::Sqlite).await;
    let token = server.user("ada").await;
    // A body that would be a request if the service lost its place.
    let request = LAST.replace("HEAD", "GET");
    let body = request.repeat(16 * 1024 / request.len() + 1);
    let media_type = "Content-Type: application/json\r\n";
    let bearer = format!("Authorization: Bearer {token}\r\n");
    for (status, request) in [
        (413, post("/auth/register", media_type, &body)),
        (415, post("/notes", &format!("{bearer}Content-Type: text/plain\r\n"), &body)),
        (401, post("/notes", media_type, &body)),
        (404, post("/nowhere", media_type, &body)),
        (405, post("/health/live", media_type, &body)),
        (422, post("/notes", &format!("{bearer}{media_type}"), &body)),
    ] {
        let answers = exchange(&server, &[request.as_str(), LAST].concat(), &["POST", "HEAD"]).await;
        assert_eq!(answers[0].status, status, "{:?}", answers[0]);
        let is_closed = answers[0].header("connection") == "close";
        assert_eq!(answers.len(), if is_closed { 1 } else { 2 }, "{status}: {answers:?}");
    }
}
