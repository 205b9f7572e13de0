//! Request bodies that are too large or stall.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Answer, Kind, PASSWORD, Server, TEST_TIMEOUT};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The largest body of a request about the account, in bytes.
const SMALL: usize = 16 * 1024;
/// The largest body of a note or a task, in bytes.
const LARGE: usize = 1_250_000;

/// Fails unless the response reports a timeout of the body.
///
/// The service also closes the connection, because `Server::raw` reads until then.
#[track_caller]
fn assert_timed_out(answer: Answer) {
    let sentence = "The request body did not arrive in time";
    let answer = answer.expect_detail(StatusCode::REQUEST_TIMEOUT, sentence);
    assert_eq!((answer.header("connection"), answer.header("cache-control")), ("close", "no-store"));
}

/// Returns the body of a registration with exactly `size` bytes.
fn registration_of(size: usize) -> String {
    let body = json!({ "email": "new@example.com", "username": "new", "password": PASSWORD }).to_string();
    format!("{body}{}", " ".repeat(size - body.len()))
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn body_with_a_too_large_content_length_is_rejected_at_once(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let paths = [
        ("POST /auth/register", SMALL),
        ("POST /auth/login", SMALL),
        ("POST /notes", LARGE),
        ("PUT /tasks/1", LARGE),
    ];
    for (line, limit) in paths {
        let media_type = if line.ends_with("login") { FORM } else { JSON };
        let head = format!(
            "{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: {media_type}\r\n\
             Content-Length: {}\r\n\r\n",
            limit + 1
        );
        let answer = server.raw(head.as_bytes()).await;
        let sentence = format!("The request body is larger than {limit} bytes");
        let answer = answer.expect_detail(StatusCode::PAYLOAD_TOO_LARGE, &sentence);
        assert_eq!(answer.header("connection"), "close", "{line}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunked_body_over_the_limit_is_rejected(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let send = async |body: &str, media_type: &str, path: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: {media_type}\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        );
        let chunks: Vec<_> = body
            .as_bytes()
            .chunks(1_000)
            .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), str::from_utf8(chunk).unwrap()))
            .collect();
        server.raw(format!("{head}{}0\r\n\r\n", chunks.concat()).as_bytes()).await
    };
    let too_large = send(&registration_of(SMALL + 1), JSON, "/auth/register").await;
    let sentence = "The request body is larger than 16384 bytes";
    too_large.expect_detail(StatusCode::PAYLOAD_TOO_LARGE, sentence);
    send(&registration_of(SMALL), JSON, "/auth/register").await.expect(StatusCode::CREATED);
    let form = format!("username=new&password={PASSWORD}&scope=");
    let filled = |size: usize| format!("{form}{}", "x".repeat(size - form.len()));
    send(&filled(SMALL), FORM, "/auth/login").await.expect(StatusCode::OK);
    let too_large = send(&filled(SMALL + 1), FORM, "/auth/login").await;
    too_large.expect_detail(StatusCode::PAYLOAD_TOO_LARGE, sentence);
    let part = |size: usize| {
        let (head, tail) =
            ("--limit\r\nContent-Disposition: form-data; name=\"scope\"\r\n\r\n", "\r\n--limit--\r\n");
        format!("{head}{}{tail}", "x".repeat(size - head.len() - tail.len()))
    };
    let multipart = "multipart/form-data; boundary=limit";
    assert_eq!(send(&part(SMALL), multipart, "/auth/login").await.issues().len(), 2);
    let too_large = send(&part(SMALL + 1), multipart, "/auth/login").await;
    too_large.expect_detail(StatusCode::PAYLOAD_TOO_LARGE, sentence);
}

/// RFC 9110, section 15.5.16. The bytes of gzip would otherwise be malformed JSON.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_body_is_rejected(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabV*\xc9,\xc9IU\xb2RPJ\xacU".to_vec();
    for (method, path, media_type) in [
        (Method::POST, "/notes", JSON),
        (Method::PATCH, "/users/me", JSON),
        (Method::POST, "/auth/login", FORM),
        (Method::POST, "/auth/refresh", FORM),
        (Method::POST, "/auth/register", JSON),
    ] {
        for coding in ["gzip", "GZIP", "br", "zstd", "deflate", "x-gzip", "identity, gzip", "rot13"] {
            let request = server.request(method.clone(), path).bearer_auth(&token);
            let request = request.header("content-type", media_type).header("content-encoding", coding);
            let answer = Answer::of(request.body(gzip.clone())).await;
            let sentence = "The request body must not be compressed";
            let answer = answer.expect_detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence);
            assert_eq!(answer.header("accept-encoding"), "identity", "{path} {coding}");
        }
    }
    for coding in ["identity", "Identity", "identity, identity", ""] {
        let request = server.request(Method::POST, "/notes").bearer_auth(&token);
        let request = request.header("content-type", JSON).header("content-encoding", coding);
        let answer = Answer::of(request.body(r#"{"title":"t","content":"c"}"#)).await;
        answer.expect(StatusCode::CREATED);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn body_that_stalls_times_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let stalled = [
        ("/auth/register", JSON, "{\"email\":"),
        ("/auth/login", FORM, "username=ada&"),
        ("/auth/login", "multipart/form-data; boundary=b", "--b\r\nContent-"),
    ];
    let answers = stalled.map(async |(path, media_type, body)| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {media_type}\r\n");
        server.raw(format!("{head}Content-Length: 100\r\n\r\n{body}").as_bytes()).await
    });
    for answer in join_all(answers).await {
        assert_timed_out(answer);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunked_body_that_stalls_times_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let stalled = ["8\r\nusername\r\n", "ff\r\nusername"].map(async |chunks| {
        let head = format!("POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\n");
        server.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}").as_bytes()).await
    });
    for answer in join_all(stalled).await {
        assert_timed_out(answer);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_response_does_not_wait_for_the_body(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let bodies = [
        "Content-Length: 100\r\n\r\nhalf".to_owned(),
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n".to_owned(),
    ];
    let long = format!("Transfer-Encoding: chunked\r\n\r\n4100\r\n{}\r\n", "x".repeat(0x4100));
    let early = [("POST /notes", 401), ("POST /nowhere", 404), ("PUT /notes", 405), ("GET /", 200)];
    let early = early.iter().flat_map(|early| bodies.iter().map(move |body| (early, body)));
    let all = early.chain([(&("POST /auth/register", 413), &long)]);
    let answers = all.map(async |((line, status), body)| {
        let head = format!("{line} HTTP/1.1\r\nHost: a\r\nContent-Type: {JSON}\r\n");
        let answer = server.raw(format!("{head}{body}").as_bytes()).await;
        assert_eq!(answer.status, *status, "{line}");
    });
    join_all(answers).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_head_that_stalls_closes_the_connection(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let halves = ["", "GET / HTTP/1.1\r\nHost: a\r\n"].map(async |half| {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(half.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    });
    let closed = tokio::time::timeout(std::time::Duration::from_secs(30), join_all(halves)).await;
    for answer in closed.expect("the service closes both connections") {
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    assert_eq!(Answer::of(server.request(Method::GET, "/")).await.status, 200);
}
