//! Clients that send or read slowly take their own share, and leave the rest to others.

use std::time::{Duration, Instant};

use daybook_listener::raise_open_file_limit;
use futures_util::future::join_all;
use reqwest::StatusCode;
use rstest::rstest;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT, eventually};

/// The address of the other clients: 127.0.0.9.
const OTHER: u8 = 9;

const MIB: u64 = 1024 * 1024;

/// Returns a number of sockets that this process can open, at most `count`.
fn sockets(count: usize) -> usize {
    count.min(raise_open_file_limit() / 8)
}

/// Returns the status of the response that a socket receives, or `None` if it is closed before.
async fn status(socket: &mut TcpStream) -> Option<u16> {
    let mut start = [0; 12];
    socket.read_exact(&mut start).await.ok()?;
    str::from_utf8(&start).unwrap().strip_prefix("HTTP/1.1 ").unwrap().parse().ok()
}

/// Returns the rest of a short response whose status was read.
async fn short_rest(socket: &mut TcpStream) -> String {
    let mut rest = vec![0; 4_096];
    let read = socket.read(&mut rest).await.unwrap();
    String::from_utf8_lossy(&rest[..read]).to_lowercase()
}

/// Reads until the service closes the connection. Returns the number of bytes.
async fn drain(socket: &mut TcpStream) -> usize {
    let (mut part, mut all) = (vec![0; 256 * 1024], 0);
    while let Ok(read @ 1..) = socket.read(&mut part).await {
        all += read;
    }
    all
}

async fn log_in(server: &Server, client: &reqwest::Client) -> Answer {
    let request = client.post(format!("{}/auth/login", server.url));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Answer::of(request.body(format!("username=ada&password={PASSWORD}"))).await
}

/// Returns the value of a line of `/metrics`, or 0 if there is none.
async fn metric(server: &Server, name: &str) -> u64 {
    let text = Answer::of(server.client_from(OTHER).get(format!("{}/metrics", server.url))).await.text;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or(0)
}

/// Resident memory of the service, in bytes.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Stores notes of 100,000 control characters. Each of these is six bytes in JSON.
async fn store_large_notes(server: &Server, token: &str, count: usize) {
    for _ in 0..count {
        let note = json!({ "title": "t", "content": "\u{1}".repeat(100_000) });
        server.post("/notes", token, &note).await.expect(StatusCode::CREATED);
    }
}

fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn begun_second_heads_of_one_address_are_closed_and_leave_others_served(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Start::on(kind).with_open_files(1_024).start().await;
    let token = server.user("ada").await;
    let other = server.client_from(OTHER);
    let serve_other = async || {
        let list = other.get(format!("{}/notes", server.url)).bearer_auth(&token);
        Answer::of(list).await.expect(StatusCode::OK);
    };
    let (mut begun, mut refused) = (Vec::new(), 0);
    for number in 0..sockets(2_000) {
        let Ok(mut socket) = server.connect_from(1).await else { continue };
        let _ = socket.write_all(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n").await;
        match status(&mut socket).await {
            Some(200) => {
                short_rest(&mut socket).await;
                socket.write_all(b"G").await.unwrap();
                begun.push(socket);
            }
            Some(429) | None => refused += 1,
            other => panic!("{other:?}"),
        }
        if number % 50 == 0 {
            serve_other().await;
        }
    }
    // The limits follow the number of open files: 640 in total and half of them for an address. The
    // client of the registration has one of them.
    assert!(begun.len() >= 300, "{} begun", begun.len());
    assert!(refused > 0 || begun.len() < 400, "{} begun, none refused", begun.len());
    let closed = join_all(begun.iter_mut().map(drain));
    let others = async {
        for _ in 0..20 {
            serve_other().await;
        }
    };
    let closed = tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(closed, others) }).await;
    closed.expect("the service closes each connection within 30 s");
    assert!(metric(&server, "http_timeouts_total{part=\"head\"}").await >= 300);
    log_in(&server, &other).await.expect(StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_warns_of_more_connections_than_open_files_allow() {
    let start = Start::on(Kind::Sqlite).with_open_files(1_024);
    for (connections, is_warned) in [("640", false), ("641", true)] {
        let server = start.clone().with("DAYBOOK_MAX_CONNECTIONS", connections).start().await;
        server.get("/health/live", "").await.expect(StatusCode::OK);
        let log = server.wait_for_log("\"limits of connections\"").await;
        assert_eq!(log.contains("more than the limit of open files allows"), is_warned, "{connections}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_bodies_of_one_address_leave_others_to_log_in(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Start::on(kind).with("DAYBOOK_MAX_CONNECTIONS_PER_ADDRESS", "20000").start().await;
    server.user("ada").await;
    let half = "POST /auth/login HTTP/1.1\r\nHost: a\r\n\
        Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nu";
    let mut held = Vec::new();
    for _ in 0..sockets(2_000) {
        let mut socket = server.connect_from(1).await.unwrap();
        socket.write_all(half.as_bytes()).await.unwrap();
        held.push(socket);
    }
    if held.len() > 1_100 {
        // The last ones are beyond the share of one address.
        assert_eq!(status(held.last_mut().unwrap()).await, Some(503));
    }
    let other = server.client_from(OTHER);
    for _ in 0..10 {
        log_in(&server, &other).await.expect(StatusCode::OK);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_large_bodies_of_one_address_leave_memory_to_others(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let half = format!(
        "POST /notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 1250000\r\n\r\n{{"
    );
    let mut held = Vec::new();
    // The 64 MiB of one address have room for 53.
    for _ in 0..60 {
        let mut socket = server.connect_from(1).await.unwrap();
        socket.write_all(half.as_bytes()).await.unwrap();
        held.push(socket);
    }
    // The requests may arrive in any order.
    let statuses = held.iter_mut().map(|socket| tokio::time::timeout(Duration::from_secs(3), status(socket)));
    let refused = join_all(statuses).await.into_iter().filter(|status| *status == Ok(Some(503))).count();
    assert!((1..=7).contains(&refused), "{refused} refused");
    let large = json!({ "title": "t", "content": "x".repeat(100_000) });
    let other = server.client_from(OTHER).post(format!("{}/notes", server.url)).bearer_auth(&token);
    Answer::of(other.json(&large)).await.expect(StatusCode::CREATED);
    // A small body needs no part of that memory.
    let small = server.client_from(1).post(format!("{}/notes", server.url)).bearer_auth(&token);
    Answer::of(small.json(&json!({ "title": "t", "content": "c" }))).await.expect(StatusCode::CREATED);
    drop(held);
    eventually("the memory of the bodies", || async {
        server.post("/notes", &token, &large).await.status == 201
    })
    .await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_large_responses_have_a_limit_and_small_ones_are_never_refused(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    store_large_notes(&server, &token, 6).await;
    let path = "/notes?limit=6";
    let mut unread = Vec::new();
    // A page has 3.6 MB, so the 32 MiB of one address have room for nine.
    for number in 0..12 {
        let mut socket = server.connect_from(1).await.unwrap();
        socket.write_all(get(path, &token).as_bytes()).await.unwrap();
        let expected = if number < 9 { 200 } else { 503 };
        assert_eq!(status(&mut socket).await, Some(expected), "page {number}");
        unread.push(socket);
    }
    let same = server.client_from(1);
    let of = |client: &reqwest::Client, path: &str| {
        Answer::of(client.get(format!("{}{path}", server.url)).bearer_auth(&token))
    };
    let refused = of(&same, path).await.expect(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "1");
    assert!(!refused.header("x-request-id").is_empty());
    // A smaller response is served, and so is a large one to another address.
    for small in ["/users/me", "/health/live", "/notes?limit=1&cursor=0000000000000001"] {
        of(&same, small).await.expect(StatusCode::OK);
    }
    Answer::of(same.head(format!("{}{path}", server.url)).bearer_auth(&token)).await.expect(StatusCode::OK);
    of(&server.client_from(OTHER), path).await.expect(StatusCode::OK);
    // A change is carried out, and its result is sent.
    let note = same.patch(format!("{}/notes/1", server.url)).bearer_auth(&token);
    let changed = Answer::of(note.json(&json!({ "title": "changed" }))).await.expect(StatusCode::OK);
    assert_eq!(changed.json()["content"].as_str().unwrap().len(), 100_000);
    // All responses of the documentation share their bytes, so they take no part of the memory.
    let anonymous = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n";
    for _ in 0..5 {
        let mut socket = server.connect_from(1).await.unwrap();
        socket.write_all(anonymous.as_bytes()).await.unwrap();
        assert_eq!(status(&mut socket).await, Some(200));
        unread.push(socket);
    }
    // The end of the connections makes room for another page.
    drop(unread);
    eventually("room for a page", || async { of(&same, path).await.status == 200 }).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_results_of_changes_have_a_limit_of_their_own(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    store_large_notes(&server, &token, 1).await;
    let patch = |title: usize| {
        let body = json!({ "title": title.to_string() }).to_string();
        let length = body.len();
        format!(
            "PATCH /notes/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let mut unread = Vec::new();
    // A note has 600 kB, so the 32 MiB of one address have room for 55.
    for number in 0..60 {
        let mut socket = server.connect_from(1).await.unwrap();
        socket.write_all(patch(number).as_bytes()).await.unwrap();
        let expected = if number < 55 { 200 } else { 503 };
        assert_eq!(status(&mut socket).await, Some(expected), "change {number}");
        unread.push(socket);
    }
    let rest = short_rest(unread.last_mut().unwrap()).await;
    assert!(rest.contains("the request was carried out"), "{rest}");
    assert!(!rest.contains("retry-after"), "{rest}");
    let note = server.client_from(OTHER).get(format!("{}/notes/1", server.url)).bearer_auth(&token);
    assert_eq!(Answer::of(note).await.json()["title"], "59");
}

/// Each address holds less than its share, and all together more than the total.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_readers_of_hostile_pages_are_dropped_and_cost_little_memory(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    store_large_notes(&server, &token, 100).await;
    let (idle, started) = (memory(&server), Instant::now());
    let (mut unread, mut accepted, mut most) = (Vec::new(), 0, 0);
    for number in 0..40 {
        let mut socket = server.connect_from(10 + number).await.unwrap();
        socket.write_all(get("/notes?limit=100", &token).as_bytes()).await.unwrap();
        accepted += u64::from(status(&mut socket).await == Some(200));
        unread.push(socket);
        most = most.max(memory(&server));
    }
    // 128 MiB have room for 32 pages of 4 MiB. The last address gets a 503.
    assert!((30..40).contains(&accepted), "{accepted} accepted");
    let other = server.client_from(OTHER);
    let response = "http_timeouts_total{part=\"response\"}";
    while metric(&server, response).await < accepted {
        assert!(started.elapsed() < Duration::from_secs(60), "not all readers are dropped");
        let request = other.get(format!("{}/users/me", server.url)).bearer_auth(&token);
        Answer::of(request).await.expect(StatusCode::OK);
        most = most.max(memory(&server));
    }
    let grown = most.saturating_sub(idle) / MIB;
    println!("{kind:?}: {accepted} unread pages took {grown} MiB");
    assert!(grown <= 256, "{grown} MiB");
    // The memory is free again.
    let page = other.get(format!("{}/notes?limit=100", server.url)).bearer_auth(&token);
    Answer::of(page).await.expect(StatusCode::OK);
}
