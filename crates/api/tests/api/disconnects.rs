//! A client that disconnects cannot suppress the events of what it did.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::StatusCode;
use rstest::rstest;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Kind, PASSWORD, SHUTDOWN_TIMEOUT, Server, Start, TEST_TIMEOUT, eventually};

/// Counts the events that wait for a lock before they are stored.
const EVENT_WAITS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO \"events\"%'";

/// Sends a request on a new connection, and resets the connection once `begun` is complete.
async fn send_and_reset(server: &Server, request: &str, begun: impl Future<Output = ()>) {
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    begun.await;
    socket.set_zero_linger().unwrap();
}

fn post(path: &str, headers: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_is_recorded_although_the_client_disconnects(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    // Each hash takes longer than the client waits.
    let start = Start::on(kind).with("DAYBOOK_ARGON2", "m=65536,t=3,p=4");
    let server = start.with("DAYBOOK_RATE_LIMIT", "account=5/10m").start().await;
    server.register("ada").await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let login = post("/auth/login", form, "username=ada&password=wrong1");
    let count = |kind: &str| server.query(&format!("SELECT count(*) FROM events WHERE kind = '{kind}'"));
    // Five attempts count for the name, and five more for the known address. On a busy machine, a
    // client may be gone before its attempt begins, so it tries until all of them are used up.
    eventually("each failed login is recorded", || async {
        send_and_reset(&server, &login, tokio::time::sleep(Duration::from_millis(20))).await;
        count("login_failed") == "10"
    })
    .await;
    eventually("the limit is recorded", || async { count("login_throttled") == "1" }).await;
    let logged = server.log().matches(r#""event":"login_failed""#).count();
    assert_eq!(logged, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_login_is_stored_although_the_database_is_busy_for_a_while() {
    let start = Start::on(Kind::Postgres);
    let server = start.start().await;
    server.register("ada").await;
    let mut changes = start.postgres_session();
    // Reads are still possible.
    changes.run("BEGIN; LOCK TABLE events IN EXCLUSIVE MODE");
    let form = [("username", "ada"), ("password", "wrong1")];
    server.login_form(&form).await.expect(StatusCode::UNAUTHORIZED);
    eventually("the event waits for the lock", || async { server.query(EVENT_WAITS) == "1" }).await;
    eventually("an attempt to store the event has failed", || async { server.query(EVENT_WAITS) == "0" })
        .await;
    changes.run("COMMIT");
    let stored = "SELECT count(*) FROM events WHERE kind = 'login_failed'";
    eventually("the event is stored", || async { server.query(stored) == "1" }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_clients_that_disconnect_keep_their_permits() {
    let start = Start::on(Kind::Postgres);
    let server = start.start().await;
    let token = server.user("ada").await;
    server.login("ada").await;
    let mut changes = start.postgres_session();
    changes.run("BEGIN; SELECT id FROM users FOR UPDATE");
    let end = format!("DELETE /auth/sessions/2 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    // A handler waits for at most two seconds, so more of them are sent until the limit is reached.
    let refused = async || {
        let begun = || tokio::time::sleep(Duration::from_millis(20));
        join_all((0..8).map(|_| send_and_reset(&server, &end, begun()))).await;
        server.patch("/users/me", &token, &json!({})).await.status == 429
    };
    eventually("the session has no permit left", refused).await;
    changes.run("COMMIT");
    let admitted = || async { server.patch("/users/me", &token, &json!({})).await.status == 200 };
    eventually("the handlers have ended", admitted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logout_is_logged_although_the_client_disconnects() {
    let start = Start::on(Kind::Postgres);
    let server = start.start().await;
    let token = server.user("ada").await;
    server.get("/notes", &token).await.expect(StatusCode::OK);
    let mut changes = start.postgres_session();
    changes.run("BEGIN; SELECT id FROM sessions FOR UPDATE");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock' AND query LIKE '%ended_at%'";
    let begun = eventually("the logout waits", || async { server.query(waiting) == "1" });
    send_and_reset(&server, &post("/auth/logout", &bearer, ""), begun).await;
    let gone = || async { server.log().contains("the client went away") };
    eventually("the service notices that the client is gone", gone).await;
    let in_flight = async || server.metric("http_requests_in_flight").await;
    assert_eq!(in_flight().await, 2.0, "the logout, and the request for the metrics");
    changes.run("COMMIT");
    let logged = || async { server.log().contains(r#""event":"logout""#) };
    eventually("the logout is logged", logged).await;
    eventually("the logout ends", || async { in_flight().await == 1.0 }).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_refresh_is_recorded(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let tokens = server.login_tokens("ada").await;
    for _ in 0..2 {
        server.refresh(&tokens.refresh).await.expect(StatusCode::OK);
    }
    let repeated = "SELECT count(*) FROM events WHERE kind = 'refresh_repeated'";
    eventually("the second refresh is recorded", || async { server.query(repeated) == "1" }).await;
    let log = server.wait_for_log(r#""event":"refresh_repeated""#).await;
    assert!(!log.contains(PASSWORD));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_login_shortly_before_the_stop_is_stored(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut server = Server::on(kind).await;
    server.register("ada").await;
    let wrong = server.login_form(&[("username", "ada"), ("password", "wrong1")]).await;
    wrong.expect(StatusCode::UNAUTHORIZED);
    server.signal("TERM");
    assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0));
    assert_eq!(server.query("SELECT count(*) FROM events WHERE kind = 'login_failed'"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_login_that_waits_for_the_database_is_stored_at_the_stop() {
    let start = Start::on(Kind::Postgres);
    let mut server = start.start().await;
    server.register("ada").await;
    let mut changes = start.postgres_session();
    changes.run("BEGIN; LOCK TABLE events IN EXCLUSIVE MODE");
    let form = [("username", "ada"), ("password", "wrong1")];
    server.login_form(&form).await.expect(StatusCode::UNAUTHORIZED);
    // The pause after the third attempt takes longer than the service waits at its end.
    for _ in 0..3 {
        eventually("the event waits for the lock", || async { server.query(EVENT_WAITS) == "1" }).await;
        eventually("the attempt has failed", || async { server.query(EVENT_WAITS) == "0" }).await;
    }
    changes.run("COMMIT");
    server.signal("TERM");
    assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0));
    assert_eq!(server.query("SELECT count(*) FROM events WHERE kind = 'login_failed'"), "1");
}
