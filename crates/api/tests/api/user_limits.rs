//! The limits of one user's requests: changes, refreshes and summaries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT, eventually};

/// Asserts that a quota of three in ten minutes is used up.
fn assert_refused(answer: Answer, class: &str) {
    let refused = answer.expect_detail(StatusCode::TOO_MANY_REQUESTS, "Too many requests, try again later");
    let seconds: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=200).contains(&seconds), "{seconds}");
    assert_eq!(refused.header("ratelimit-policy"), format!(r#""{class}";q=3;w=600"#));
    assert_eq!(refused.header("ratelimit"), format!(r#""{class}";r=0;t={seconds}"#));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_of_one_user_are_limited(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "write=3/10m").start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let note = json!({ "title": "t", "content": "c" });
    let task = json!({ "title": "t", "content": "c", "city": "" });
    server.post("/notes", &ada, &note).await.expect(StatusCode::CREATED);
    server.patch("/notes/1", &ada, &json!({ "title": "u" })).await.expect(StatusCode::OK);
    // A bad request counts, since it costs about as much.
    server.post("/notes", &ada, &json!({})).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    for (method, path) in [
        (Method::POST, "/notes"),
        (Method::PUT, "/notes/1"),
        (Method::PATCH, "/notes/1"),
        (Method::DELETE, "/notes/1"),
        (Method::DELETE, "/notes/999"),
        (Method::POST, "/tasks"),
        (Method::PUT, "/tasks/1"),
        (Method::DELETE, "/tasks/1"),
    ] {
        let body = if path.starts_with("/notes") { &note } else { &task };
        assert_refused(server.send(method, path, &ada, body).await, "write");
    }
    // Reads and other users are not limited, nor is what protects the account.
    server.get("/notes", &ada).await.expect(StatusCode::OK);
    server.post("/notes", &bob, &note).await.expect(StatusCode::CREATED);
    server.post("/auth/logout", &ada, &json!({})).await.expect(StatusCode::NO_CONTENT);
    let ended = server.post("/notes", &ada, &note).await;
    ended.expect_detail(StatusCode::UNAUTHORIZED, "Could not validate credentials");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refreshes_of_one_session_are_limited(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "refresh=3/10m").start().await;
    server.register("ada").await;
    let (phone, laptop) = (server.login_tokens("ada").await, server.login_tokens("ada").await);
    server.register("bob").await;
    let bob = server.login_tokens("bob").await;
    let first = server.refresh(&phone.refresh).await.expect(StatusCode::OK).json();
    // A repeated token counts, since it returns tokens as well.
    server.refresh(&phone.refresh).await.expect(StatusCode::OK);
    let newest = first["refresh_token"].as_str().unwrap();
    server.refresh(newest).await.expect(StatusCode::OK);
    assert_refused(server.refresh(newest).await, "refresh");
    // The limit ends no session, and the thief of one token leaves the other sessions theirs.
    server.get("/notes", first["access_token"].as_str().unwrap()).await.expect(StatusCode::OK);
    server.refresh(&laptop.refresh).await.expect(StatusCode::OK);
    server.refresh(&bob.refresh).await.expect(StatusCode::OK);
    // All sessions of a user together have four times the limit. Four are used.
    let mut admitted = 0;
    for _ in 0..5 {
        let other = server.login_tokens("ada").await;
        for _ in 0..2 {
            let answer = server.refresh(&other.refresh).await;
            admitted += u32::from(answer.status == StatusCode::OK);
        }
    }
    assert_eq!(admitted, 8);
    for _ in 0..10 {
        server.refresh(&"A".repeat(64)).await.expect(StatusCode::UNAUTHORIZED);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refreshes_of_an_ended_session_do_not_count_for_the_user(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "refresh=3/10m").start().await;
    server.register("ada").await;
    let (stolen, own) = (server.login_tokens("ada").await, server.login_tokens("ada").await);
    server.post("/auth/logout", &stolen.access, &json!({})).await.expect(StatusCode::NO_CONTENT);
    for _ in 0..10 {
        let ended = server.refresh(&stolen.refresh).await.expect(StatusCode::UNAUTHORIZED);
        assert!(ended.header("www-authenticate").contains("logged out"), "{ended:?}");
    }
    server.refresh(&own.refresh).await.expect(StatusCode::OK);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_the_account_are_limited(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    // The registration counts, too.
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "address=4/10m").start().await;
    let token = server.user("ada").await;
    // A value that is the present one changes nothing.
    for _ in 0..10 {
        server.patch("/users/me", &token, &json!({ "username": "ada" })).await.expect(StatusCode::OK);
    }
    let changes = "SELECT count(*) FROM events WHERE kind = 'account_changed'";
    assert_eq!(server.query(changes), "0");
    for name in ["ADA", "Ada", "aDa"] {
        server.patch("/users/me", &token, &json!({ "username": name })).await.expect(StatusCode::OK);
    }
    let refused = server.patch("/users/me", &token, &json!({ "username": "ada" })).await;
    assert_eq!(
        refused.expect(StatusCode::TOO_MANY_REQUESTS).header("ratelimit-policy"),
        r#""registration";q=4;w=600"#
    );
    assert_eq!(server.query(changes), "3");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_summaries_that_a_note_shows_in_turn_are_writes(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "write=3/10m").start().await;
    let token = server.user("ada").await;
    let note = json!({ "title": "t", "content": "The pump costs ninety euros. ".repeat(40) });
    server.post("/notes", &token, &note).await.expect(StatusCode::CREATED);
    let summarize =
        async |length: &str| server.post("/notes/1/summarize", &token, &json!({ "length": length })).await;
    for length in ["short", "long"] {
        summarize(length).await.expect(StatusCode::OK);
    }
    for length in ["short", "long"] {
        summarize(length).await.expect(StatusCode::OK);
    }
    assert_refused(summarize("short").await, "write");
    // The note shows this one, so nothing changes.
    summarize("long").await.expect(StatusCode::OK);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_summaries_of_one_user_are_limited(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "summary=3/10m").start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    for token in [&ada, &bob] {
        let note = json!({ "title": "t", "content": "The pump costs ninety euros." });
        server.post("/notes", token, &note).await.expect(StatusCode::CREATED);
    }
    let refresh = json!({ "refresh": true });
    for _ in 0..3 {
        server.post("/notes/1/summarize", &ada, &refresh).await.expect(StatusCode::OK);
    }
    assert_refused(server.post("/notes/1/summarize", &ada, &refresh).await, "summary");
    server.post("/notes/1/summarize", &ada, &json!({})).await.expect(StatusCode::OK);
    server.post("/notes/2/summarize", &bob, &refresh).await.expect(StatusCode::OK);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_of_users_can_be_switched_off(#[values("off", "on")] limits: &str) {
    let server = Start::on(Kind::Sqlite).with("DAYBOOK_RATE_LIMIT", limits).start().await;
    let token = server.user("ada").await;
    // Eight clients are faster than the twenty requests a second that the limit gives back.
    let clients = (0..8).map(|_| async {
        let mut refused = 0;
        for _ in 0..500 {
            refused += usize::from(server.delete("/notes/1", &token).await.status == 429);
        }
        refused
    });
    let refused: usize = join_all(clients).await.into_iter().sum();
    assert_eq!(refused > 0, limits == "on", "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_with_an_unknown_token_is_only_a_read() {
    let start = Start::on(Kind::Postgres);
    let server = start.start().await;
    server.register("ada").await;
    let tokens = server.login_tokens("ada").await;
    let mut changes = start.postgres_session();
    changes.run("BEGIN; LOCK TABLE sessions IN SHARE ROW EXCLUSIVE MODE");
    for _ in 0..100 {
        server.refresh(&"A".repeat(64)).await.expect(StatusCode::UNAUTHORIZED);
    }
    changes.run("COMMIT");
    server.refresh(&tokens.refresh).await.expect(StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn end_of_an_unknown_session_is_only_a_read() {
    let start = Start::on(Kind::Postgres);
    let server = start.start().await;
    let token = server.user("ada").await;
    server.get("/notes", &token).await.expect(StatusCode::OK);
    let mut changes = start.postgres_session();
    changes.run("BEGIN; SELECT id FROM users FOR UPDATE");
    for _ in 0..100 {
        server.delete("/auth/sessions/999999999", &token).await.expect(StatusCode::NOT_FOUND);
    }
    changes.run("COMMIT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_protect_the_account_have_permits_for_each_session() {
    let start = Start::on(Kind::Postgres);
    let server = Arc::new(start.start().await);
    let (stolen, own) = (server.user("ada").await, server.login("ada").await);
    for token in [&stolen, &own] {
        server.get("/notes", token).await.expect(StatusCode::OK);
    }
    let other = server.query("SELECT max(id) FROM sessions");
    let mut changes = start.postgres_session();
    changes.run("BEGIN; SELECT id FROM users FOR UPDATE");
    // A request waits for at most two seconds, so each of them is repeated.
    let (end, stop) = (format!("/auth/sessions/{other}"), Arc::new(AtomicBool::new(false)));
    let repeated = |_| {
        let (server, stolen, end, stop) =
            (Arc::clone(&server), stolen.clone(), end.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                server.delete(&end, &stolen).await;
            }
        })
    };
    let repeated: Vec<_> = (0..8).map(repeated).collect();
    let unchanged = json!({});
    let refused = || async { server.patch("/users/me", &stolen, &unchanged).await.status == 429 };
    eventually("the session has no permit left", refused).await;
    server.patch("/users/me", &own, &unchanged).await.expect(StatusCode::OK);
    stop.store(true, Ordering::Relaxed);
    changes.run("COMMIT");
    for request in repeated {
        request.await.unwrap();
    }
    server.patch("/users/me", &stolen, &unchanged).await.expect(StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_one_user_in_flight_leave_room_for_the_others() {
    let server = Server::on(Kind::Sqlite).await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    // Their bodies do not arrive, so they stay in flight for 10 seconds.
    let head = format!(
        "POST /notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ada}\r\n\
         Content-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    );
    let mut unfinished = Vec::new();
    for _ in 0..512 {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        unfinished.push(socket);
    }
    let reading = async || server.metric("http_requests_reading_body").await;
    eventually("all bodies are being read", || async { reading().await == 512.0 }).await;
    let refused = server.get("/notes", &ada).await;
    let sentence = "Too many of your requests are being served at once";
    let refused = refused.expect_detail(StatusCode::TOO_MANY_REQUESTS, sentence);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit-policy"), r#""requests";q=512;qu="concurrent-requests""#);
    assert_eq!(refused.header("ratelimit"), r#""requests";r=0;t=1"#);
    server.get("/notes", &bob).await.expect(StatusCode::OK);
    drop(unfinished.pop());
    eventually("one of them has ended", || async { reading().await == 511.0 }).await;
    server.get("/notes", &ada).await.expect(StatusCode::OK);
    // The thief of an access token must not keep the owner from what protects the account.
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    eventually("all bodies are being read", || async { reading().await == 512.0 }).await;
    server.get("/notes", &ada).await.expect(StatusCode::TOO_MANY_REQUESTS);
    let change = json!({ "current_password": PASSWORD, "new_password": "another horse 8 battery" });
    server.post("/auth/password", &ada, &change).await.expect(StatusCode::NO_CONTENT);
    server.post("/auth/logout-all", &ada, &json!({})).await.expect(StatusCode::NO_CONTENT);
}
