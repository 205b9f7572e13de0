//! Sessions: what a login opens, how its tokens are renewed, and how it ends.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::jwt::{claims_of, forge, header_of};
use crate::harness::{
    Answer, Kind, PASSWORD, SECRET, Server, Start, TEST_TIMEOUT, Tokens, eventually, timestamp,
};

/// The sentence of a 401's challenge, which is for a program; the body is the same for all of them.
#[track_caller]
fn refusal(answer: &Answer) -> String {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.json(), json!({ "detail": "Could not validate credentials" }));
    let challenge = answer.header("www-authenticate");
    let sentence =
        challenge.strip_prefix(r#"Bearer error="invalid_token", error_description=""#).expect(challenge);
    sentence.strip_suffix('"').expect(challenge).to_owned()
}

/// Makes a stored time so many seconds earlier.
fn turn_back(server: &Server, kind: Kind, table: &str, column: &str, seconds: u64) {
    server.execute(&match kind {
        Kind::Sqlite => format!("UPDATE {table} SET {column} = {column} - {seconds}000000"),
        Kind::Postgres => format!("UPDATE {table} SET {column} = {column} - interval '{seconds} seconds'"),
    });
}

/// Lets the time pass after which a replaced token is not forgiven any more.
fn end_grace(server: &Server, kind: Kind) {
    turn_back(server, kind, "rotations", "rotated_at", 31);
}

async fn sessions(server: &Server, token: &str) -> Vec<Value> {
    let listed = server.get("/auth/sessions", token).await.expect(StatusCode::OK).json();
    listed.as_array().expect("a list").clone()
}

fn ids(sessions: &[Value]) -> Vec<i64> {
    sessions.iter().map(|session| session["id"].as_i64().expect("an id")).collect()
}

/// What happened to the account, the first first: the event, and why.
async fn events(server: &Server, token: &str) -> Vec<String> {
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

/// A refresh with this body.
async fn refresh_as(server: &Server, media_type: &str, body: &str) -> Answer {
    let request = server.request(Method::POST, "/auth/refresh").header("content-type", media_type);
    Answer::of(request.body(body.to_owned())).await
}

fn rounds() -> usize {
    std::env::var("DAYBOOK_ROUNDS").map_or(25, |rounds| rounds.parse().expect("a number"))
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_opens_a_session(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    // Newest first.
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
async fn a_refresh_gives_new_tokens_in_each_encoding(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let login = server.login_tokens("ada").await;
    let session = claims_of(&login.access)["sid"].clone();
    let form = "application/x-www-form-urlencoded";
    let mut seen = BTreeSet::from([login.refresh.clone()]);
    let mut tokens = login.clone();
    for round in 0..8 {
        let token = &tokens.refresh;
        let answer = match round % 4 {
            0 => {
                refresh_as(&server, "application/json", &json!({ "refresh_token": token }).to_string()).await
            }
            1 => refresh_as(&server, form, &format!("grant_type=refresh_token&refresh_token={token}")).await,
            2 => refresh_as(&server, form, &format!("refresh_token={token}&client_id=web&scope=")).await,
            _ => {
                let part = format!(
                    "--x\r\nContent-Disposition: form-data; name=\"refresh_token\"\r\n\r\n{token}\r\n--x--\r\n"
                );
                refresh_as(&server, "multipart/form-data; boundary=x", &part).await
            }
        };
        let answer = answer.expect(StatusCode::OK);
        assert_eq!(answer.header("cache-control"), "no-store");
        let json = answer.json();
        let keys: BTreeSet<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["access_token", "expires_in", "refresh_token", "token_type"]));
        assert_eq!((&json["token_type"], &json["expires_in"]), (&json!("bearer"), &json!(1800)));
        tokens = Tokens::of(&answer);
        assert!(seen.insert(tokens.refresh.clone()), "each is new");
        assert_eq!(claims_of(&tokens.access)["sid"], session);
        server.get("/users/me", &tokens.access).await.expect(StatusCode::OK);
    }
    // An access token lives its half hour, whatever came after it.
    server.get("/users/me", &login.access).await.expect(StatusCode::OK);
    assert_eq!(sessions(&server, &tokens.access).await.len(), 1);
    assert_eq!(events(&server, &tokens.access).await[2..], ["refresh"; 8]);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_refresh_token_gives_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let tokens = server.login_tokens("ada").await;
    let other_half = format!("{}{}", &tokens.refresh[..32], "A".repeat(32));
    let issue = |kind: &str, place: &str, sentence: &str| {
        vec![(kind.to_owned(), place.to_owned(), sentence.to_owned())]
    };
    let pattern = "String should match pattern '^refresh_token$'";
    let table = [
        ("{}", issue("missing", "body.refresh_token", "Field required")),
        (
            r#"{"refresh_token":null}"#,
            issue("string_type", "body.refresh_token", "Input should be a valid string"),
        ),
        (
            r#"{"refresh_token":7}"#,
            issue("string_type", "body.refresh_token", "Input should be a valid string"),
        ),
        (
            r#"{"refresh_token":""}"#,
            issue("string_too_short", "body.refresh_token", "String should have at least 1 character"),
        ),
        (
            r#"{"refresh_token":"a","grant_type":"password"}"#,
            issue("string_pattern_mismatch", "body.grant_type", pattern),
        ),
    ];
    for (body, issues) in table {
        assert_eq!(refresh_as(&server, "application/json", body).await.issues(), issues, "{body}");
    }
    refresh_as(&server, "text/plain", &tokens.refresh).await.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let turned: String = tokens.refresh.chars().rev().collect();
    for wrong in [
        "a",
        &turned,
        &tokens.access,
        &format!("{} ", tokens.refresh),
        &tokens.refresh[1..],
        &"A".repeat(64),
        "\u{1F511}",
    ] {
        assert_eq!(refusal(&server.refresh(wrong).await), "The refresh token is invalid", "{wrong}");
    }
    // As an access token it is good for nothing.
    assert_eq!(refusal(&server.get("/users/me", &tokens.refresh).await), "The access token is invalid");
    server.refresh(&tokens.refresh).await.expect(StatusCode::OK);
    // A token that never was, in a family that is: whoever makes that up knows half of a token.
    assert!(refusal(&server.refresh(&other_half).await).contains("used before"));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_gets_the_same_successor(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    const NEXT: &str = "Jb0wVr7eKq2ZxN5uTs8yLd1mHf6gCa3pXi9oEk4RvYtQ";
    let start = Start::on(kind);
    let mut server = start.start().await;
    server.register("ada").await;
    let first = server.login_tokens("ada").await.refresh;
    let second = Tokens::of(&server.refresh(&first).await).refresh;
    let again = |server: &Server| {
        let request = server.request(Method::POST, "/auth/refresh").json(&json!({ "refresh_token": first }));
        async move { Tokens::of(&Answer::of(request).await.expect(StatusCode::OK)).refresh }
    };
    assert_eq!(again(&server).await, second, "here");
    let other = start.start().await;
    assert_eq!(again(&other).await, second, "at another instance");
    server.kill().await;
    let start = start.with("JWT_SECRET_KEY", NEXT).with("JWT_PREVIOUS_SECRET_KEYS", SECRET);
    let server = start.start().await;
    assert_eq!(again(&server).await, second, "after a crash, with another key");
    // Who comes late in a chain is brought to its end.
    let third = Tokens::of(&server.refresh(&second).await).refresh;
    let fourth = Tokens::of(&other.refresh(&third).await).refresh;
    for late in [&first, &second, &third] {
        assert_eq!(Tokens::of(&server.refresh(late).await).refresh, fourth);
    }
    server.refresh(&fourth).await.expect(StatusCode::OK);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_refreshes_at_once_all_get_the_same_successor(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let start = Start::on(kind);
    let servers = [start.start().await, start.start().await];
    servers[0].register("ada").await;
    let mut token = servers[0].login_tokens("ada").await.refresh;
    for round in 0..rounds() {
        let answers = join_all((0..64).map(|at| servers[at % 2].refresh(&token))).await;
        let successors: BTreeSet<_> =
            answers.into_iter().map(|answer| Tokens::of(&answer.expect(StatusCode::OK)).refresh).collect();
        assert_eq!(successors.len(), 1, "round {round}");
        let successor = successors.into_iter().next().unwrap();
        assert_ne!(successor, token);
        token = successor;
    }
    let last = Tokens::of(&servers[1].refresh(&token).await.expect(StatusCode::OK));
    assert_eq!(sessions(&servers[1], &last.access).await.len(), 1);
    let refreshes = servers[0].query("SELECT count(*) FROM events WHERE kind = 'refresh'");
    assert_eq!(refreshes, (rounds() + 1).to_string(), "one for each round");
    assert_eq!(servers[0].query("SELECT count(*) FROM events WHERE kind = 'refresh_token_reused'"), "0");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_used_later_ends_the_session(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind);
    let (here, there) = (start.start().await, start.start().await);
    here.register("ada").await;
    let (witness, stolen) = (here.login_tokens("ada").await, here.login_tokens("ada").await);
    let mut tokens = stolen.clone();
    for _ in 0..3 {
        tokens = Tokens::of(&here.refresh(&tokens.refresh).await);
    }
    end_grace(&here, kind);
    let sentence = "The refresh token was used before, so its session has ended";
    assert_eq!(refusal(&there.refresh(&stolen.refresh).await), sentence);
    // It is dead in the same answer: the newest tokens, too, and everywhere.
    for server in [&here, &there] {
        assert_eq!(refusal(&server.get("/notes", &tokens.access).await), "The access token was revoked");
        assert_eq!(refusal(&server.get("/notes", &stolen.access).await), "The access token was revoked");
        let after = "The session ended because one of its refresh tokens was used twice";
        assert_eq!(refusal(&server.refresh(&tokens.refresh).await), after);
        assert_eq!(refusal(&server.refresh(&stolen.refresh).await), after);
    }
    let told = events(&there, &witness.access).await;
    let expected = [
        "register",
        "login",
        "login",
        "refresh",
        "refresh",
        "refresh",
        "refresh_token_reused",
        "session_ended: refresh_token_reused",
    ];
    assert_eq!(told, expected);
    assert!(there.log().contains("refresh_token_reused"), "{}", there.log());
    assert_eq!(sessions(&here, &witness.access).await.len(), 1);
    here.refresh(&witness.refresh).await.expect(StatusCode::OK);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_is_told_what_ended_the_session(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let [own, logged_out, deleted, other] = [
        server.login_tokens("ada").await,
        server.login_tokens("ada").await,
        server.login_tokens("ada").await,
        server.login_tokens("ada").await,
    ];
    logout(&server, "/auth/logout", &logged_out.access).await;
    assert_eq!(refusal(&server.refresh(&logged_out.refresh).await), "The session was logged out");
    let path = format!("/auth/sessions/{}", claims_of(&deleted.access)["sid"]);
    server.delete(&path, &own.access).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(refusal(&server.refresh(&deleted.refresh).await), "The session was ended by its user");
    server.delete(&path, &own.access).await.expect_detail(StatusCode::NOT_FOUND, "Session not found");
    let change = json!({ "current_password": PASSWORD, "new_password": "another8word" });
    server.post("/auth/password", &own.access, &change).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(
        refusal(&server.refresh(&other.refresh).await),
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
    assert_eq!(refusal(&server.get("/notes", &own.access).await), "The access token was revoked");
    let told = refusal(&server.refresh(&own.refresh).await);
    assert!(
        ["The session was logged out", "The session was ended by its user"].contains(&told.as_str()),
        "{told}"
    );
    let body = json!({ "current_password": "another8word" });
    let last = Tokens::of(&server.login_form(&[("username", "ada"), ("password", "another8word")]).await);
    server.send(Method::DELETE, "/users/me", &last.access, &body).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(refusal(&server.refresh(&last.refresh).await), "The refresh token is invalid");
    assert_eq!(server.query("SELECT count(*) FROM sessions"), "0");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_not_used_expires(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    // The clock of the test is the database's; the access tokens do not age with it.
    pass(50 * 60);
    let used = Tokens::of(&server.refresh(&used.refresh).await.expect(StatusCode::OK));
    pass(20 * 60);
    assert_eq!(refusal(&server.refresh(&unused.refresh).await), "The session expired");
    assert_eq!(refusal(&server.get("/notes", &unused.access).await), "The access token was revoked");
    assert_eq!(sessions(&server, &used.access).await.len(), 1);
    // A request counts as a use as much as a refresh does.
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
    eventually("the use is written down", is_written).await;
    // Nothing makes it live longer than it may in all.
    pass(50 * 60);
    let used = Tokens::of(&server.refresh(&used.refresh).await.expect(StatusCode::OK));
    let listed = sessions(&server, &used.access).await;
    let left = expiry()
        - std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    assert!((29 * 60..=30 * 60).contains(&left), "{left} {listed:?}");
    pass(31 * 60);
    assert_eq!(refusal(&server.refresh(&used.refresh).await), "The session expired");
    // The next login sweeps them away.
    server.login("ada").await;
    assert_eq!(server.query("SELECT count(*) FROM sessions"), "1");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_in_use_outlives_a_short_idle_time(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_SESSION_IDLE", "1m").start().await;
    let token = server.user("ada").await;
    let pass = |seconds| {
        for column in ["created_at", "last_used_at", "expires_at"] {
            turn_back(&server, kind, "sessions", column, seconds);
        }
    };
    // A second that passes meanwhile is no minute.
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
        eventually("the use is written down", is_written).await;
    }
    pass(60);
    assert_eq!(refusal(&server.get("/notes", &token).await), "The access token was revoked");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_the_account_are_events_too(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    server.patch("/users/me", &token, &json!({})).await.expect(StatusCode::OK);
    server
        .patch("/users/me", &token, &json!({ "email": "countess@example.com" }))
        .await
        .expect(StatusCode::OK);
    let wrong = json!({ "current_password": "wrong1word", "new_password": "another8word" });
    server.post("/auth/password", &token, &wrong).await.expect(StatusCode::FORBIDDEN);
    let told = || async {
        events(&server, &token).await == ["register", "login", "account_changed", "confirmation_failed"]
    };
    eventually("all is told", told).await;
    let listed = server.get("/auth/events", &token).await.json();
    let session = claims_of(&token)["sid"].clone();
    let inside: Vec<_> =
        listed.as_array().unwrap().iter().map(|event| event["session_id"] == session).collect();
    assert_eq!(inside, [true, true, true, false], "all but the registration happened in it");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_deleted_while_its_sessions_are_renewed(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    for round in 0..12 {
        let name = format!("user{round}");
        server.register(&name).await;
        let mut renewing = Vec::new();
        for _ in 0..4 {
            renewing.push(server.login_tokens(&name).await);
        }
        let own = server.login(&name).await;
        let renew = join_all(renewing.into_iter().map(|mut tokens| {
            let server = &server;
            async move {
                loop {
                    let answer = server.refresh(&tokens.refresh).await;
                    if answer.status != 200 {
                        return refusal(&answer);
                    }
                    tokens = Tokens::of(&answer);
                }
            }
        }));
        let delete = async {
            let body = json!({ "current_password": PASSWORD });
            server.send(Method::DELETE, "/users/me", &own, &body).await.expect(StatusCode::NO_CONTENT);
        };
        let (refusals, ()) = tokio::join!(renew, delete);
        assert!(refusals.iter().all(|refusal| refusal == "The refresh token is invalid"), "{refusals:?}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_too_many_ends_the_session_that_is_needed_least(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Start::on(kind).with("DAYBOOK_SESSIONS_PER_USER", "3").start().await;
    server.register("ada").await;
    let kept = server.login_tokens("ada").await;
    let in_use = || async {
        server.get("/notes", &kept.access).await.expect(StatusCode::OK);
        server.query("SELECT count(*) FROM sessions WHERE last_used_at > created_at") == "1"
    };
    eventually("the use is written down", in_use).await;
    let mut logins = Vec::new();
    for _ in 0..4 {
        logins.push(server.login_tokens("ada").await);
    }
    for pushed_out in &logins[..2] {
        assert_eq!(refusal(&server.get("/notes", &pushed_out.access).await), "The access token was revoked");
        assert_eq!(
            refusal(&server.refresh(&pushed_out.refresh).await),
            "The session ended to make room for a newer one"
        );
    }
    for stays in [&kept, &logins[2], &logins[3]] {
        server.get("/notes", &stays.access).await.expect(StatusCode::OK);
    }
    assert_eq!(sessions(&server, &kept.access).await.len(), 3);
    let told = events(&server, &kept.access).await;
    assert_eq!(told.iter().filter(|event| *event == "session_ended: too_many_sessions").count(), 2);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_their_users_own(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    // One can end the session that one is in.
    server.delete(&path, &ada.access).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(refusal(&server.get("/notes", &ada.access).await), "The access token was revoked");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_without_a_session_logs_out_too(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
        assert!(sessions(&server, &one).await.iter().all(|session| session["current"] == false));
        logout(&server, path, &one).await;
        for token in [&one, &two] {
            assert_eq!(refusal(&server.get("/notes", token).await), "The access token was revoked");
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
async fn the_database_has_no_token_that_is_good_for_anything(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let mut all = Vec::new();
    let mut tokens = server.login_tokens("ada").await;
    for _ in 0..3 {
        all.extend([tokens.access.clone(), tokens.refresh.clone()]);
        tokens = Tokens::of(&server.refresh(&tokens.refresh).await);
    }
    all.extend([tokens.access.clone(), tokens.refresh.clone()]);
    let column = |query: &str| {
        let text = server.query(&match kind {
            Kind::Sqlite => format!("SELECT group_concat(hex(v), ' ') FROM ({query})"),
            Kind::Postgres => format!("SELECT string_agg(encode(v, 'hex'), ' ') FROM ({query}) AS t"),
        });
        text.split(' ').map(hex).collect::<Vec<Vec<u8>>>()
    };
    let dump = match kind {
        // The file and its log as they are, whatever SQLite would show of them.
        Kind::Sqlite => {
            let read = |name: &str| std::fs::read(server.folder().join(name)).unwrap_or_default();
            [read("day.db"), read("day.db-wal")].concat()
        }
        Kind::Postgres => {
            let tables = ["users", "sessions", "rotations", "events"];
            let rows = tables
                .map(|table| server.query(&format!("SELECT string_agg(t::text, ' ') FROM {table} AS t")));
            rows.concat().into_bytes()
        }
    };
    assert!(contains(&dump, b"ada@example.com"), "it is the database");
    for token in &all {
        assert!(!contains(&dump, token.as_bytes()));
        let whole = URL_SAFE_NO_PAD.decode(token.rsplit('.').next().unwrap()).unwrap();
        for part in [&whole[..], &whole[whole.len() / 2..], &whole[..24.min(whole.len())]] {
            assert!(!contains(&dump, part), "the bytes of a token, or half of them");
            let digits: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!contains(&dump, digits.as_bytes()));
        }
    }
    // Nor does what is there make one.
    let families = column("SELECT family AS v FROM sessions");
    let rest = [
        column("SELECT refresh_token AS v FROM sessions"),
        column("SELECT refresh_token AS v FROM rotations"),
        column("SELECT salt AS v FROM rotations"),
    ]
    .concat();
    assert_eq!((families.len(), rest.len()), (1, 7));
    for head in families.iter().chain(&rest) {
        for tail in families.iter().chain(&rest) {
            let made: Vec<u8> = head.iter().chain(tail).chain(head).copied().take(48).collect();
            assert_eq!(server.refresh(&URL_SAFE_NO_PAD.encode(made)).await.status, 401);
        }
    }
    server.refresh(&tokens.refresh).await.expect(StatusCode::OK);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_user_reads_what_happened(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let mut tokens = server.login_tokens("ada").await;
    server
        .login_form(&[("username", "ada"), ("password", "wrong1word")])
        .await
        .expect(StatusCode::UNAUTHORIZED);
    let is_told = || async { events(&server, &tokens.access).await.contains(&"login_failed".to_owned()) };
    eventually("the failed login is written down", is_told).await;
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
    // The operator reads the same in the log.
    for kind in ["register", "login", "login_failed", "refresh"] {
        assert!(
            server.log().contains(&format!("event={kind}")) || server.log().contains(&format!("\"{kind}\"")),
            "{kind}: {}",
            server.log()
        );
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_under_load_without_a_token_refused(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    const NEXT: &str = "Jb0wVr7eKq2ZxN5uTs8yLd1mHf6gCa3pXi9oEk4RvYtQ";
    let start = Start::on(kind);
    let mut servers = [start.start().await, start.start().await];
    servers[0].register("ada").await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(servers[0].login_tokens("ada").await);
    }
    // First every instance learns the new key, then they sign with it, then they forget the old one once its tokens are gone.
    let steps = [(SECRET, ""), (SECRET, NEXT), (NEXT, SECRET)];
    let mut signers = BTreeSet::new();
    for (current, previous) in steps {
        let start = start.clone().with("JWT_SECRET_KEY", current).with("JWT_PREVIOUS_SECRET_KEYS", previous);
        for at in 0..2 {
            let successor = start.start().await;
            let replaced = std::mem::replace(&mut servers[at], successor);
            for round in 0..6 {
                let load = clients.iter_mut().enumerate().map(|(number, tokens)| {
                    let server = &servers[(number + round) % 2];
                    let other = &servers[(number + round + 1) % 2];
                    async move {
                        for server in [server, other] {
                            server.get("/notes", &tokens.access).await.expect(StatusCode::OK);
                        }
                        if (number + round) % 3 == 0 {
                            *tokens =
                                Tokens::of(&server.refresh(&tokens.refresh).await.expect(StatusCode::OK));
                        }
                    }
                });
                join_all(load).await;
            }
            drop(replaced);
        }
        signers.extend(clients.iter().map(|tokens| header_of(&tokens.access)["kid"].to_string()));
    }
    assert_eq!(signers.len(), 2, "both keys have signed");
    for _ in 0..2 {
        for tokens in &mut clients {
            *tokens = Tokens::of(&servers[0].refresh(&tokens.refresh).await.expect(StatusCode::OK));
        }
    }
    let last = start.clone().with("JWT_SECRET_KEY", NEXT).start().await;
    for tokens in &clients {
        last.get("/notes", &tokens.access).await.expect(StatusCode::OK);
    }
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
