//! Sessions: login, expiry, logout, and the events of the account.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::jwt::{claims_of, forge};
use crate::harness::{
    Answer, Kind, PASSWORD, SECRET, Server, Start, TEST_TIMEOUT, Tokens, eventually, timestamp,
};

/// Returns the `error_description` of a 401. Fails unless the body is the one of every such 401.
#[track_caller]
pub(crate) fn error_description(answer: &Answer) -> String {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.json(), json!({ "detail": "Could not validate credentials" }));
    let challenge = answer.header("www-authenticate");
    let sentence =
        challenge.strip_prefix(r#"Bearer error="invalid_token", error_description=""#).expect(challenge);
    sentence.strip_suffix('"').expect(challenge).to_owned()
}

/// Moves a stored time back by some seconds.
pub(crate) fn turn_back(server: &Server, kind: Kind, table: &str, column: &str, seconds: u64) {
    server.execute(&match kind {
        Kind::Sqlite => format!("UPDATE {table} SET {column} = {column} - {seconds}000000"),
        Kind::Postgres => format!("UPDATE {table} SET {column} = {column} - interval '{seconds} seconds'"),
    });
}

pub(crate) async fn sessions(server: &Server, token: &str) -> Vec<Value> {
    let listed = server.get("/auth/sessions", token).await.expect(StatusCode::OK).json();
    listed.as_array().expect("a list").clone()
}

fn ids(sessions: &[Value]) -> Vec<i64> {
    sessions.iter().map(|session| session["id"].as_i64().expect("an id")).collect()
}

/// Returns the events of the account, oldest first, each with its reason.
pub(crate) async fn events(server: &Server, token: &str) -> Vec<String> {
    let page = server.get("/auth/events?limit=100", token).await.expect(StatusCode::OK).json();
    let events = page.as_array().expect("a list").iter().rev();
    events
        .map(|event| match event["reason"].as_str() {
            Some(reason) => format!("{}: {reason}", event["event"].as_str().unwrap()),
            None => event["event"].as_str().unwrap().to_owned(),
        })
        .collect()
}

async fn logout(server: &Server, path: &str, token: &str) {
    server.post(path, token, &json!({})).await.expect(StatusCode::NO_CONTENT);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_sessions_shows_each_login(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let form = format!("username=ada&password={PASSWORD}");
    let request = server.request(Method::POST, "/auth/login").header("user-agent", "Netscape/4.0");
    let answer =
        Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await;
    let named = Tokens::of(&answer.expect(StatusCode::OK));
    let nameless = server.login_tokens("ada").await;
    let listed = sessions(&server, &named.access).await;
    assert_eq!(listed.len(), 2);
    let keys = ["created_at", "current", "expires_at", "id", "ip", "last_used_at", "user_agent"];
    for session in &listed {
        assert_eq!(
            session.as_object().unwrap().keys().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(),
            keys
        );
        let [created, used, expires] =
            ["created_at", "last_used_at", "expires_at"].map(|name| timestamp(&session[name]));
        assert!(created <= used && used < expires, "{session}");
        assert_eq!(session["ip"], "127.0.0.1");
    }
    // The list begins with the newest session.
    assert_eq!(
        ids(&listed),
        [
            claims_of(&nameless.access)["sid"].as_i64().unwrap(),
            claims_of(&named.access)["sid"].as_i64().unwrap()
        ]
    );
    assert_eq!([&listed[0]["current"], &listed[0]["user_agent"]], [&json!(false), &Value::Null]);
    assert_eq!([&listed[1]["current"], &listed[1]["user_agent"]], [&json!(true), &json!("Netscape/4.0")]);
    assert_eq!(sessions(&server, &nameless.access).await[0]["current"], true);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_reports_the_reason_why_a_session_ended(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let [own, logged_out, deleted, other] = [
        server.login_tokens("ada").await,
        server.login_tokens("ada").await,
        server.login_tokens("ada").await,
        server.login_tokens("ada").await,
    ];
    logout(&server, "/auth/logout", &logged_out.access).await;
    assert_eq!(error_description(&server.refresh(&logged_out.refresh).await), "The session was logged out");
    let path = format!("/auth/sessions/{}", claims_of(&deleted.access)["sid"]);
    server.delete(&path, &own.access).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(
        error_description(&server.refresh(&deleted.refresh).await),
        "The session was ended by its user"
    );
    server.delete(&path, &own.access).await.expect_detail(StatusCode::NOT_FOUND, "Session not found");
    let change = json!({ "current_password": PASSWORD, "new_password": "another8word" });
    server.post("/auth/password", &own.access, &change).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(
        error_description(&server.refresh(&other.refresh).await),
        "The session ended when the password was changed"
    );
    let own = Tokens::of(&server.refresh(&own.refresh).await.expect(StatusCode::OK));
    let expected = [
        "register",
        "login",
        "login",
        "login",
        "login",
        "logout",
        "session_ended: revoked",
        "password_changed",
        "session_ended: password_changed",
        "refresh",
    ];
    assert_eq!(events(&server, &own.access).await, expected);
    logout(&server, "/auth/logout-all", &own.access).await;
    assert_eq!(error_description(&server.get("/notes", &own.access).await), "The access token was revoked");
    let reason = error_description(&server.refresh(&own.refresh).await);
    assert!(
        ["The session was logged out", "The session was ended by its user"].contains(&reason.as_str()),
        "{reason}"
    );
    let body = json!({ "current_password": "another8word" });
    let last = Tokens::of(&server.login_form(&[("username", "ada"), ("password", "another8word")]).await);
    server.send(Method::DELETE, "/users/me", &last.access, &body).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(error_description(&server.refresh(&last.refresh).await), "The refresh token is invalid");
    assert_eq!(server.query("SELECT count(*) FROM sessions"), "0");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_session_expires(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind).with("DAYBOOK_SESSION_IDLE", "1h").with("DAYBOOK_SESSION_LIFETIME", "3h");
    let server = start.start().await;
    server.register("ada").await;
    let (unused, used) = (server.login_tokens("ada").await, server.login_tokens("ada").await);
    let pass = |seconds| {
        for (table, columns) in [
            ("sessions", ["created_at", "last_used_at", "expires_at"].as_slice()),
            ("rotations", &["rotated_at"]),
        ] {
            for column in columns {
                turn_back(&server, kind, table, column, seconds);
            }
        }
    };
    // Only times in the database change. The access tokens do not expire.
    pass(50 * 60);
    let used = Tokens::of(&server.refresh(&used.refresh).await.expect(StatusCode::OK));
    pass(20 * 60);
    assert_eq!(error_description(&server.refresh(&unused.refresh).await), "The session expired");
    assert_eq!(
        error_description(&server.get("/notes", &unused.access).await),
        "The access token was revoked"
    );
    assert_eq!(sessions(&server, &used.access).await.len(), 1);
    // A request extends the session, like a refresh does.
    pass(30 * 60);
    let query = match kind {
        Kind::Sqlite => "SELECT max(expires_at) / 1000000 FROM sessions",
        Kind::Postgres => "SELECT extract(epoch FROM max(expires_at))::bigint FROM sessions",
    };
    let expiry = || server.query(query).parse::<i64>().unwrap();
    let before = expiry();
    let is_written = || async {
        server.get("/notes", &used.access).await.expect(StatusCode::OK);
        expiry() > before + 25 * 60
    };
    eventually("the use is recorded", is_written).await;
    // A session never lasts longer than its lifetime.
    pass(50 * 60);
    let used = Tokens::of(&server.refresh(&used.refresh).await.expect(StatusCode::OK));
    let listed = sessions(&server, &used.access).await;
    let left = expiry()
        - std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    assert!((29 * 60..=30 * 60).contains(&left), "{left} {listed:?}");
    pass(31 * 60);
    assert_eq!(error_description(&server.refresh(&used.refresh).await), "The session expired");
    // The next login deletes expired sessions.
    server.login("ada").await;
    assert_eq!(server.query("SELECT count(*) FROM sessions"), "1");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn used_session_outlives_the_idle_limit(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_SESSION_IDLE", "1m").start().await;
    let token = server.user("ada").await;
    let pass = |seconds| {
        for column in ["created_at", "last_used_at", "expires_at"] {
            turn_back(&server, kind, "sessions", column, seconds);
        }
    };
    // The query may run some seconds later, so the check allows ten seconds.
    let left = match kind {
        Kind::Sqlite => "SELECT (expires_at / 1000000 - unixepoch()) > 50 FROM sessions",
        Kind::Postgres => "SELECT (expires_at > now() + interval '50 seconds')::int FROM sessions",
    };
    for _ in 0..4 {
        pass(20);
        let is_written = || async {
            server.get("/notes", &token).await.expect(StatusCode::OK);
            server.query(left) == "1"
        };
        eventually("the use is recorded", is_written).await;
    }
    pass(60);
    assert_eq!(error_description(&server.get("/notes", &token).await), "The access token was revoked");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_events_shows_changes_of_the_account(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    server.patch("/users/me", &token, &json!({})).await.expect(StatusCode::OK);
    server
        .patch("/users/me", &token, &json!({ "email": "countess@example.com", "current_password": PASSWORD }))
        .await
        .expect(StatusCode::OK);
    let wrong = json!({ "current_password": "wrong1word", "new_password": "another8word" });
    server.post("/auth/password", &token, &wrong).await.expect(StatusCode::FORBIDDEN);
    let recorded = || async {
        events(&server, &token).await == ["register", "login", "account_changed", "confirmation_failed"]
    };
    eventually("all events are recorded", recorded).await;
    let listed = server.get("/auth/events", &token).await.json();
    let session = claims_of(&token)["sid"].clone();
    let inside: Vec<_> =
        listed.as_array().unwrap().iter().map(|event| event["session_id"] == session).collect();
    assert_eq!(
        inside,
        [true, true, true, false],
        "every event except the registration belongs to the session"
    );
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_beyond_the_limit_ends_the_least_recently_used_session(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Start::on(kind).with("DAYBOOK_SESSIONS_PER_USER", "3").start().await;
    server.register("ada").await;
    let kept = server.login_tokens("ada").await;
    let in_use = || async {
        server.get("/notes", &kept.access).await.expect(StatusCode::OK);
        server.query("SELECT count(*) FROM sessions WHERE last_used_at > created_at") == "1"
    };
    eventually("the use is recorded", in_use).await;
    let mut logins = Vec::new();
    for _ in 0..4 {
        logins.push(server.login_tokens("ada").await);
    }
    for pushed_out in &logins[..2] {
        assert_eq!(
            error_description(&server.get("/notes", &pushed_out.access).await),
            "The access token was revoked"
        );
        assert_eq!(
            error_description(&server.refresh(&pushed_out.refresh).await),
            "The session ended to make room for a newer one"
        );
    }
    for stays in [&kept, &logins[2], &logins[3]] {
        server.get("/notes", &stays.access).await.expect(StatusCode::OK);
    }
    assert_eq!(sessions(&server, &kept.access).await.len(), 3);
    let recorded = events(&server, &kept.access).await;
    assert_eq!(recorded.iter().filter(|event| *event == "session_ended: too_many_sessions").count(), 2);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
pub(crate) async fn sessions_of_another_user_are_not_found(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    for name in ["ada", "bob"] {
        server.register(name).await;
    }
    let (ada, bob) = (server.login_tokens("ada").await, server.login_tokens("bob").await);
    let path = format!("/auth/sessions/{}", claims_of(&ada.access)["sid"]);
    server.delete(&path, &bob.access).await.expect_detail(StatusCode::NOT_FOUND, "Session not found");
    server.delete("/auth/sessions/9223372036854775807", &bob.access).await.expect(StatusCode::NOT_FOUND);
    server.delete("/auth/sessions/first", &bob.access).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    logout(&server, "/auth/logout-all", &bob.access).await;
    assert_eq!(sessions(&server, &ada.access).await.len(), 1);
    assert_eq!(events(&server, &ada.access).await, ["register", "login"]);
    // A user can end the current session.
    server.delete(&path, &ada.access).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(error_description(&server.get("/notes", &ada.access).await), "The access token was revoked");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logout_revokes_legacy_tokens(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_ACCEPT_LEGACY_TOKENS", "true").start().await;
    let id = server.register("ada").await;
    turn_back(&server, kind, "users", "password_changed_at", 3_600);
    let session = server.login_tokens("ada").await;
    let now = claims_of(&session.access)["iat"].as_i64().unwrap();
    let legacy = |age: i64| {
        let claims = json!({ "user_id": id.to_string(), "iat": now - age, "exp": now - age + 1800 });
        forge(SECRET, &json!({ "alg": "HS256", "typ": "JWT" }), &claims)
    };
    for path in ["/auth/logout", "/auth/logout-all"] {
        let (one, two) = (legacy(60), legacy(30));
        server.get("/notes", &two).await.expect(StatusCode::OK);
        let live = sessions(&server, &one).await;
        assert_eq!((live.len(), &live[0]["current"]), (1, &json!(false)));
        logout(&server, path, &one).await;
        for token in [&one, &two] {
            assert_eq!(error_description(&server.get("/notes", token).await), "The access token was revoked");
        }
        let lives = path == "/auth/logout";
        assert_eq!(
            server.get("/notes", &session.access).await.status,
            if lives { 200 } else { 401 },
            "{path}"
        );
        server.execute("UPDATE users SET legacy_logout_at = NULL");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_events_shows_logins_and_refreshes(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let mut tokens = server.login_tokens("ada").await;
    server
        .login_form(&[("username", "ada"), ("password", "wrong1word")])
        .await
        .expect(StatusCode::UNAUTHORIZED);
    let is_recorded = || async { events(&server, &tokens.access).await.contains(&"login_failed".to_owned()) };
    eventually("the failed login is recorded", is_recorded).await;
    for _ in 0..4 {
        tokens = Tokens::of(&server.refresh(&tokens.refresh).await);
    }
    let mut path = "/auth/events?limit=3".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = server.get(&path, &tokens.access).await.expect(StatusCode::OK);
        let rows = page.json().as_array().unwrap().clone();
        assert!(rows.len() <= 3);
        seen.extend(rows);
        let Some(next) = page.header("link").strip_prefix('<').and_then(|link| link.split_once('>')) else {
            break;
        };
        path = next.0.replace(&server.url, "");
    }
    let kinds: Vec<_> = seen.iter().rev().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["register", "login", "login_failed", "refresh", "refresh", "refresh", "refresh"]);
    let session = claims_of(&tokens.access)["sid"].clone();
    for event in &seen {
        let keys: Vec<_> =
            event.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        assert_eq!(keys, ["created_at", "event", "id", "ip", "reason", "session_id", "user_agent"]);
        timestamp(&event["created_at"]);
        assert_eq!((&event["ip"], &event["reason"]), (&json!("127.0.0.1"), &Value::Null));
        let of_session = ["login", "refresh"].contains(&event["event"].as_str().unwrap());
        assert_eq!(event["session_id"], if of_session { session.clone() } else { Value::Null }, "{event}");
    }
    // The log has the same events.
    for kind in ["register", "login", "login_failed", "refresh"] {
        assert!(
            server.log().contains(&format!("event={kind}")) || server.log().contains(&format!("\"{kind}\"")),
            "{kind}: {}",
            server.log()
        );
    }
}
