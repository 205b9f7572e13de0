//! Clients that disconnect or are slow, kills, concurrent writers and overload.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT, eventually};

pub(crate) const BUSY: &str = "The service is busy, try again shortly";

/// The connections of one process with two workers: a pool of 8 for writes, and one for each
/// worker's reads.
const CONNECTIONS: i64 = 8 + 2;

/// Returns the number of the service's PostgreSQL sessions that meet the condition.
pub(crate) fn sessions(server: &Server, condition: &str) -> i64 {
    let ours = "datname = current_database() AND application_name = 'daybook'";
    let count = server.query(&format!("SELECT count(*) FROM pg_stat_activity WHERE {ours} AND {condition}"));
    count.parse().unwrap()
}

/// Creates a note with this title.
pub(crate) async fn write(server: &Server, token: &str, title: &str) -> Answer {
    server.post("/notes", token, &json!({ "title": title, "content": "c" })).await
}

/// Returns the titles of all notes.
pub(crate) async fn titles(server: &Server, token: &str) -> BTreeSet<String> {
    let mut titles = BTreeSet::new();
    let mut path = "/notes?limit=100".to_owned();
    loop {
        let page = server.get(&path, token).await.expect(StatusCode::OK);
        for note in page.json().as_array().unwrap() {
            titles.insert(note["title"].as_str().unwrap().to_owned());
        }
        let link = page.header("link");
        let Some((target, _)) = link.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            return titles;
        };
        path = target.strip_prefix(&server.url).unwrap_or(target).to_owned();
    }
}

/// Waits until the request for the metrics is the only one in flight.
async fn until_idle(server: &Server) {
    eventually("the end of all other requests", || async {
        server.metric("http_requests_in_flight").await == 1.0
    })
    .await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnected_clients_leave_no_requests_and_no_connections(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "off").start().await;
    let token = server.user("ada").await;
    let note = r#"{"title":"half","content":"of a connection"}"#;
    let form = format!("username=ada&password={PASSWORD}");
    let head = |line: &str, rest: &str| {
        format!("{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{rest}\r\n")
    };
    let post =
        head("POST /notes", &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", note.len()));
    let login = head(
        "POST /auth/login",
        &format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", form.len()),
    );
    let get = head("GET /notes", "");
    let get_half = get[..get.len() - 2].to_owned();
    // Requests that end at different positions.
    let cuts = [
        post.clone(),
        format!("{post}{}", &note[..note.len() / 2]),
        format!("{post}{note}"),
        format!("{post}{note}"),
        get_half,
        get.clone(),
        get.clone(),
        login.clone(),
        format!("{login}{}", &form[..form.len() / 2]),
        format!("{login}{form}"),
    ];
    let cuts = Arc::new(cuts);
    let next = Arc::new(AtomicUsize::new(0));
    let clients = (0..32).map(|_| {
        let (cuts, next, address) = (Arc::clone(&cuts), Arc::clone(&next), server.address().to_owned());
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= 1_000 {
                    return;
                }
                let mut socket = TcpStream::connect(&address).await.unwrap();
                socket.set_zero_linger().unwrap();
                socket.write_all(cuts[number % cuts.len()].as_bytes()).await.unwrap();
                // The service drops a connection that was reset before it is accepted. Half of the
                // clients therefore close later, when the service has begun to respond.
                if (number / cuts.len()).is_multiple_of(2) {
                    tokio::time::sleep(Duration::from_millis(20 + number as u64 % 7)).await;
                }
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    until_idle(&server).await;
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
    // The service must have handled at least some of the requests.
    for path in ["/notes", "/auth/login"] {
        assert!(log.matches(&format!("\"path\":\"{path}\"")).count() >= 20, "{path}: {log}");
    }
    for _ in 0..20 {
        write(&server, &token, "whole").await.expect(StatusCode::CREATED);
        server.get("/notes", &token).await.expect(StatusCode::OK);
    }
    server.login("ada").await;
    assert!(
        titles(&server, &token).await.is_subset(&BTreeSet::from(["half".to_owned(), "whole".to_owned()]))
    );
    if kind == Kind::Postgres {
        assert_eq!(sessions(&server, "state LIKE 'idle in transaction%'"), 0);
        assert!(sessions(&server, "true") <= CONNECTIONS, "{}", sessions(&server, "true"));
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_note_survives_kill_9_once_acknowledged(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let kills: usize = std::env::var("DAYBOOK_KILLS").map_or(10, |kills| kills.parse().unwrap());
    // Each kill is followed by a look at all notes, so a new database keeps a thousand kills short.
    for first in (0..kills).step_by(100) {
        kill_and_restart(kind, (kills - first).min(100)).await;
    }
}

/// Kills the service during writes, and fails if a write that was acknowledged is lost.
async fn kill_and_restart(kind: Kind, kills: usize) {
    let start = Start::on(kind);
    let mut server = start.start().await;
    let token = server.user("ada").await;
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..kills {
        let goal = acknowledged.lock().unwrap().len() + 50;
        let over = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (acknowledged, over) = (Arc::clone(&acknowledged), Arc::clone(&over));
                let (client, url, token) = (server.client.clone(), server.url.clone(), token.clone());
                tokio::spawn(async move {
                    for number in 0.. {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        let title = format!("{round} {writer} {number}");
                        let request = client.post(format!("{url}/notes")).bearer_auth(&token);
                        let request = request.json(&json!({ "title": &title, "content": "x".repeat(2_000) }));
                        match request.send().await {
                            Ok(answer) if answer.status() == StatusCode::CREATED => {
                                acknowledged.lock().unwrap().insert(title);
                            }
                            Ok(answer) => assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE),
                            Err(_) => return,
                        }
                    }
                })
            })
            .collect();
        eventually("fifty more writes", || async { acknowledged.lock().unwrap().len() >= goal }).await;
        server.kill().await;
        over.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        server = start.start().await;
        let acknowledged = acknowledged.lock().unwrap().clone();
        let stored = titles(&server, &token).await;
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(
            lost.is_empty(),
            "{} of {} are lost after kill {round}: {lost:?}",
            lost.len(),
            acknowledged.len()
        );
        if kind == Kind::Sqlite {
            assert_eq!(server.query("PRAGMA integrity_check"), "ok", "after kill {round}");
        }
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_request_heads_do_not_block_other_clients(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let count = if open_files() >= 8_192 { 2_000 } else { 300 };
    let server = Start::on(kind).with("DAYBOOK_MAX_CONNECTIONS_PER_ADDRESS", "4000").start().await;
    let token = server.user("ada").await;
    let mut slow = Vec::new();
    for number in 0..count {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        let half = match number % 4 {
            0 => "",
            1 => "GET /notes HT",
            2 => "GET /notes HTTP/1.1\r\nHost: a\r\nX-Sl",
            _ => "POST /notes HTTP/1.1\r\nHost: a\r\nX-Slow: ",
        };
        socket.write_all(half.as_bytes()).await.unwrap();
        slow.push(socket);
    }
    let over = Arc::new(AtomicBool::new(false));
    let closed = slow.into_iter().enumerate().map(|(number, mut socket)| {
        tokio::spawn(async move {
            let mut answer = Vec::new();
            // A quarter of the clients send a byte each second. This must not extend the timeout.
            if number % 4 == 3 {
                let mut buffer = [0; 1024];
                loop {
                    let read = tokio::time::timeout(Duration::from_secs(1), socket.read(&mut buffer)).await;
                    match read {
                        Ok(Ok(0) | Err(_)) => return answer,
                        Ok(Ok(length)) => answer.extend_from_slice(&buffer[..length]),
                        Err(_) if socket.write_all(b"x").await.is_err() => return answer,
                        Err(_) => {}
                    }
                }
            }
            let _ = socket.read_to_end(&mut answer).await;
            answer
        })
    });
    let closed: Vec<_> = closed.collect();
    let others = async {
        while !over.load(Ordering::Relaxed) {
            server.get("/notes", &token).await.expect(StatusCode::OK);
            write(&server, &token, "meanwhile").await.expect(StatusCode::CREATED);
        }
    };
    let closed = async {
        let closed = tokio::time::timeout(Duration::from_secs(15), join_all(closed)).await;
        over.store(true, Ordering::Relaxed);
        closed.expect("the service closes each connection within 15 s")
    };
    let (closed, ()) = tokio::join!(closed, others);
    for answer in closed {
        let answer = String::from_utf8(answer.unwrap()).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    until_idle(&server).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_stalled_bodies_time_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let bodies = (0..50).map(|_| async {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        let head = format!(
            "POST /notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: 40\r\n\r\n{{\"title\":"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    });
    let answers = tokio::time::timeout(Duration::from_secs(20), join_all(bodies)).await;
    for answer in answers.expect("the service closes each connection within 20 s") {
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.ends_with("{\"detail\":\"The request body did not arrive in time\"}"), "{answer}");
    }
    assert!(titles(&server, &token).await.is_empty());
    until_idle(&server).await;
}

/// Returns the number of files that this process may open.
fn open_files() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default().to_owned();
    line.split_whitespace().next().and_then(|soft| soft.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writes_on_sqlite_are_never_rejected_as_locked() {
    // Two processes share the file, because each process has only one writer thread.
    let start = Start::on(Kind::Sqlite).with("DAYBOOK_RATE_LIMIT", "off");
    let servers = [start.start().await, start.start().await];
    let token = servers[0].user("ada").await;
    let written = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..64)
        .map(|writer| {
            let server = &servers[writer % 2];
            let (client, url, token) = (server.client.clone(), server.url.clone(), token.clone());
            let written = Arc::clone(&written);
            tokio::spawn(async move {
                for number in 0..15 {
                    let request = |method: Method, path: &str, body: Value| {
                        let request = client.request(method, format!("{url}{path}")).bearer_auth(&token);
                        Answer::of(request.json(&body))
                    };
                    let draft = json!({ "title": format!("{writer} {number}"), "content": "x".repeat(500) });
                    let note = request(Method::POST, "/notes", draft).await;
                    if note.status == 503 {
                        continue;
                    }
                    let note = note.expect(StatusCode::CREATED);
                    written.fetch_add(1, Ordering::Relaxed);
                    let path = note.header("location").to_owned();
                    let patched = request(Method::PATCH, &path, json!({ "content": "y" })).await;
                    assert!([200, 503].contains(&patched.status), "{patched:?}");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(titles(&servers[0], &token).await.len(), written.load(Ordering::Relaxed));
    assert!(written.load(Ordering::Relaxed) > 0);
    for server in &servers {
        assert!(!server.log().contains("database is locked"), "{}", server.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_returns_503_while_the_queue_is_full() {
    // More logins than two threads and their queue accept.
    let start =
        Start::on(Kind::Sqlite).with("DAYBOOK_RATE_LIMIT", "off").with("DAYBOOK_HASHING_THREADS", "2");
    let server = start.start().await;
    server.register("ada").await;
    let logins = (0..200).map(|_| server.login_form(&[("username", "ada"), ("password", PASSWORD)]));
    let answers = join_all(logins).await;
    let rejected: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status)), "{answers:?}");
    assert!(!rejected.is_empty() && rejected.len() < 200, "{} rejected", rejected.len());
    for answer in rejected {
        assert_eq!((answer.json(), answer.header("retry-after")), (json!({ "detail": BUSY }), "1"));
    }
    server.login("ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_does_not_quote_a_failing_provider() {
    let provider = MockServer::start().await;
    let words =
        ResponseTemplate::new(400).set_body_json(json!({ "error": { "message": "sk-canaryKey is bad" } }));
    Mock::given(wiremock::matchers::any()).respond_with(words).mount(&provider).await;
    let server = Start::on(Kind::Sqlite)
        .with("RUST_LOG", "trace")
        .with("OPENAI_SECRET_KEY", "sk-canaryKey")
        .with("OPENAI_BASE_URL", &provider.uri())
        .start()
        .await;
    let token = server.user("ada").await;
    let note = write(&server, &token, "t").await;
    server
        .post(&format!("{}/summarize", note.header("location")), &token, &json!({}))
        .await
        .expect(StatusCode::BAD_GATEWAY);
    assert!(!server.log().contains("canaryKey"), "the log has the key from the provider's response");
}
