//! Sessions that end while a request is under way: the request is rejected, and nothing is written.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::operations::operations;
use crate::harness::{
    Answer, Exchange, Kind, PASSWORD, SECRET, ScriptedProvider, Server, Start, TEST_TIMEOUT, eventually,
    provider, weather,
};
use crate::resilience::sessions;
use crate::revocation::assert_revoked;
use crate::tokens::{legacy, now};

/// The access tokens that the service distinguishes.
#[derive(Debug, Clone, Copy)]
enum Token {
    /// The session was looked up within the last minute.
    Known,
    /// The session has not been used yet.
    New,
    /// The token has no session.
    Legacy,
}

const TOKENS: [Token; 3] = [Token::Known, Token::New, Token::Legacy];

/// Two instances on one database, without Redis. The account `ada` has a note and a task.
struct Instances {
    here: Server,
    there: Server,
    user: i64,
}

impl Instances {
    /// Starts the instances. Only the first one can reach these providers.
    async fn start(kind: Kind, geocoder: &str, model: &str) -> Self {
        let start = Start::on(kind).with("DAYBOOK_ACCEPT_LEGACY_TOKENS", "true");
        let there = start.start().await;
        let here = start.with_weather(geocoder, geocoder).with_provider(model).start().await;
        let user = there.register("ada").await;
        // The account must be older than its legacy tokens.
        there.execute(match kind {
            Kind::Sqlite => "UPDATE users SET password_changed_at = password_changed_at - 3600000000",
            Kind::Postgres => {
                "UPDATE users SET password_changed_at = password_changed_at - interval '1 hour'"
            }
        });
        let token = there.login("ada").await;
        let note = json!({ "title": "t", "content": "c" });
        there.post("/notes", &token, &note).await.expect(StatusCode::CREATED);
        let task = json!({ "title": "t", "content": "c", "city": "Lisbon" });
        there.post("/tasks", &token, &task).await.expect(StatusCode::CREATED);
        Self { here, there, user }
    }

    /// Returns a live token of this kind for the first instance.
    async fn token(&self, token: Token) -> String {
        match token {
            Token::New => self.there.login("ada").await,
            Token::Known => {
                let token = self.there.login("ada").await;
                for _ in 0..2 {
                    self.here.get("/notes", &token).await.expect(StatusCode::OK);
                }
                token
            }
            Token::Legacy => {
                self.there.execute("UPDATE users SET legacy_logout_at = NULL");
                legacy(SECRET, self.user, now() - 60)
            }
        }
    }

    /// Returns all that the account has, without its events and sessions.
    async fn stored(&self, token: &str) -> String {
        let mut stored = String::new();
        for path in ["/users/me", "/notes", "/notes/1/summaries", "/tasks"] {
            stored += &self.there.get(path, token).await.expect(StatusCode::OK).text;
        }
        stored
    }
}

async fn logout_all(server: &Server, token: &str) {
    server.post("/auth/logout-all", token, &json!({})).await.expect(StatusCode::NO_CONTENT);
}

/// A request whose body has not been sent completely.
struct HalfSent {
    socket: TcpStream,
    rest: String,
}

impl HalfSent {
    /// Sends the head and half of the body, and waits until the service reads the body.
    async fn send(server: &Server, line: &str, token: &str, body: &str) -> Self {
        let (half, rest) = body.split_at(body.len() / 2);
        let head = format!(
            "{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{half}",
            body.len()
        );
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let is_read = || async { server.metric("http_requests_reading_body").await == 1.0 };
        eventually("the service reads the body", is_read).await;
        Self { socket, rest: rest.to_owned() }
    }

    /// Sends the rest of the body and reads the response.
    async fn finish(mut self) -> Answer {
        self.socket.write_all(self.rest.as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.socket.read_to_string(&mut answer).await.unwrap();
        Answer::parse(&answer)
    }
}

/// Starts a model that summarizes every note.
async fn model() -> ScriptedProvider {
    ScriptedProvider::start(|mut exchange: Exchange| async move { exchange.answer("A list.").await }).await
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_request_of_an_ended_session_writes_nothing(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (geocoder, model) = (weather::of_lisbon().await, model().await);
    let instances = Instances::start(kind, &geocoder.uri(), &model.base).await;
    let before = instances.stored(&instances.there.login("ada").await).await;
    for operation in operations().filter(|operation| operation.secured && !operation.body().is_empty()) {
        for token in TOKENS {
            for ends_here in [true, false] {
                let name = format!("{} with {token:?}, ended here: {ends_here}", operation.name());
                // The account is deleted last in the table, with the new password.
                let body = operation.body().replace("another8word", PASSWORD);
                let line = format!("{} {}", operation.method, operation.path_of("1"));
                let other = instances.there.login("ada").await;
                let token = instances.token(token).await;
                let half = HalfSent::send(&instances.here, &line, &token, &body).await;
                logout_all(if ends_here { &instances.here } else { &instances.there }, &other).await;
                assert_revoked(&name, &half.finish().await);
                let after = instances.stored(&instances.there.login("ada").await).await;
                assert_eq!(after, before, "{name}");
            }
        }
    }
    let changes = "SELECT count(*) FROM events WHERE kind IN ('account_changed', 'password_changed')";
    assert_eq!(instances.there.query(changes), "0");
    assert!(geocoder.received_requests().await.unwrap().is_empty(), "the geocoder was called");
    assert_eq!(model.calls(), 0);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_request_is_checked_for_the_expiry_of_its_session(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let instances = Instances::start(kind, "http://127.0.0.1:9", "http://127.0.0.1:9").await;
    let token = instances.token(Token::Known).await;
    let body = r#"{"title":"late","content":"c"}"#;
    let half = HalfSent::send(&instances.here, "POST /notes", &token, body).await;
    // The service may still record the first use. It then finds another `last_used_at`, and does
    // not set the expiry again.
    instances.there.execute(match kind {
        Kind::Sqlite => {
            "UPDATE sessions SET expires_at = 1000000 * (unixepoch('now') + 1), \
             last_used_at = last_used_at + 1"
        }
        Kind::Postgres => {
            "UPDATE sessions SET expires_at = now() + interval '1 second', \
             last_used_at = last_used_at + interval '1 microsecond'"
        }
    });
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_revoked("expired", &half.finish().await);
    assert_eq!(instances.there.query("SELECT count(*) FROM notes"), "1");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_session_asks_no_provider(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (geocoder, model) = (weather::of_lisbon().await, model().await);
    let instances = Instances::start(kind, &geocoder.uri(), &model.base).await;
    for kind in TOKENS {
        // A session is known only for a minute after its first use, so each operation has a new
        // one.
        for operation in operations().filter(|operation| operation.secured) {
            let other = instances.there.login("ada").await;
            let token = instances.token(kind).await;
            logout_all(&instances.there, &other).await;
            let answer = Answer::of(operation.request(&instances.here, "1").bearer_auth(&token)).await;
            assert_revoked(&format!("{} with {kind:?}", operation.name()), &answer);
        }
    }
    assert!(geocoder.received_requests().await.unwrap().is_empty(), "the geocoder was called");
    assert_eq!(model.calls(), 0);
    // A live session asks both.
    let token = instances.token(Token::New).await;
    instances.here.get("/tasks/1", &token).await.expect(StatusCode::OK);
    instances.here.post("/notes/1/summarize", &token, &json!({})).await.expect(StatusCode::OK);
    assert_eq!((geocoder.received_requests().await.unwrap().len(), model.calls()), (2, 1));
}

/// The session ends while the request waits for a provider, for less than the interval between two
/// checks of a summary.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_that_ends_beside_a_call_to_a_provider_gets_no_result(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let delay = Duration::from_millis(700);
    let geocoder = weather::of_lisbon_after(delay).await;
    let model = provider::summarizing_after(delay, "A list.").await;
    let instances = Instances::start(kind, &geocoder.uri(), &model.uri()).await;
    for (path, method) in [("/tasks/1", Method::GET), ("/notes/1/summarize", Method::POST)] {
        let other = instances.there.login("ada").await;
        let token = instances.token(Token::Known).await;
        let request = instances.here.request(method, path).bearer_auth(&token);
        let waiting = tokio::spawn(Answer::of(request));
        let is_asked = || async { instances.here.metric("http_requests_waiting").await == 1.0 };
        eventually("the request waits", is_asked).await;
        logout_all(&instances.there, &other).await;
        assert_revoked(path, &waiting.await.unwrap());
    }
    let asked = geocoder.received_requests().await.unwrap();
    assert!(asked.iter().all(|request| request.url.path() == "/v1/search"), "the forecast was requested");
    assert_eq!(instances.there.query("SELECT count(*) FROM tasks WHERE latitude IS NOT NULL"), "0");
}

/// The rest of these bodies is not read, so the connection cannot be used again.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_body_of_an_ended_session_closes_the_connection(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let instances = Instances::start(kind, "http://127.0.0.1:9", "http://127.0.0.1:9").await;
    let other = instances.there.login("ada").await;
    let token = instances.token(Token::Known).await;
    logout_all(&instances.there, &other).await;
    let rejected = [
        ("too large", "Content-Length: 9999999\r\n\r\n"),
        ("compressed", "Content-Encoding: gzip\r\nContent-Length: 40\r\n\r\nhalf"),
        ("stalled", "Content-Length: 40\r\n\r\nhalf"),
    ];
    let answers = rejected.map(async |(what, rest)| {
        let head = format!("POST /notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n");
        let head = format!("{head}Content-Type: application/json\r\n{rest}");
        (what, instances.here.raw(head.as_bytes()).await)
    });
    for (what, answer) in join_all(answers).await {
        assert_revoked(what, &answer);
        assert_eq!(answer.header("connection"), "close", "{what}");
    }
}

/// PostgreSQL makes the change wait for the row. The statement that waited does not see the logout,
/// and the last statement of the transaction does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn update_me_that_waits_for_a_logout_is_rejected() {
    let start = Start::on(Kind::Postgres);
    let server = start.start().await;
    let token = server.user("ada").await;
    for _ in 0..2 {
        server.get("/notes", &token).await.expect(StatusCode::OK);
    }
    // The statements of a logout of all sessions, before its commit.
    let mut logout = start.postgres_session();
    logout.run("BEGIN; UPDATE users SET legacy_logout_at = now()");
    logout.run("UPDATE sessions SET ended_at = now(), end_reason = 'logout_all'");
    let change = server.request(Method::PATCH, "/users/me").bearer_auth(&token);
    let waiting = tokio::spawn(Answer::of(
        change.json(&json!({ "username": "countess", "current_password": PASSWORD })),
    ));
    let waits = r#"wait_event_type = 'Lock' AND query LIKE 'UPDATE "users"%'"#;
    eventually("the change waits", || async { sessions(&server, waits) == 1 }).await;
    logout.run("COMMIT");
    assert_revoked("waiting", &waiting.await.unwrap());
    assert_eq!(server.query("SELECT username FROM users"), "ada");
}
