//! No secret appears in the log, in a response or in the output of a command.

use std::sync::Mutex;

use daybook_test_servers::Redis;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;

use crate::harness::{Answer, Kind, SECRET, Start, TEST_TIMEOUT, Tokens, provider};

const KEY: &str = "sk-canaryKeyOfTheProvider";
const PREVIOUS: &str = "kY7wq2LrT9vBn4XcZ6mJ8sHd3FgP5aQeU1oRiCanaryOld";
/// The password.
const WORD: &str = "canaryPassword1";
const FORM: &str = "application/x-www-form-urlencoded";

/// Texts that must not appear anywhere.
const CANARIES: [&str; 8] =
    [WORD, KEY, SECRET, "CanaryOld", "canaryOfTheDatabase", "canaryOfRedis", "canaryOfNoToken", "$argon2"];

#[track_caller]
fn assert_without(text: &str, secrets: &[String]) {
    for secret in secrets {
        let line = text.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{secret} was found");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_logged_or_returned(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = provider::summarizing("A list.").await;
    let redis = Redis::start();
    redis.query(&["CONFIG", "SET", "requirepass", "canaryOfRedis"]);
    let start = Start::on(kind)
        // This is the most verbose log.
        .with("RUST_LOG", "trace,tokio_postgres=trace,tokio_postgres::query=trace")
        .with("REDIS_URL", &redis.url().replace("127.0.0.1", ":canaryOfRedis@127.0.0.1"))
        .with("OPENAI_SECRET_KEY", KEY)
        .with("OPENAI_BASE_URL", &format!("{}/v1", provider.uri()))
        .with("JWT_PREVIOUS_SECRET_KEYS", PREVIOUS);
    // This PostgreSQL trusts every connection, so any password works.
    let url = start.variable("DATABASE_URL").replace("postgres@127", "postgres:canaryOfTheDatabase@127");
    let start = start.with("DATABASE_URL", &url);
    let server = start.start().await;
    // Collects all responses, except those that return tokens.
    let answered = Mutex::new(String::new());
    let keep = |answer: Answer| {
        let mut answered = answered.lock().unwrap();
        answered.push_str(&format!("{:?}\n{}\n", answer.headers, answer.text));
        answer
    };
    let register =
        json!({ "email": "ada@example.com", "username": "ada", "password": WORD, "confirm_password": WORD });
    keep(server.post("/auth/register", "", &register).await).expect(StatusCode::CREATED);
    keep(server.post("/auth/register", "", &register).await).expect(StatusCode::CONFLICT);
    let mismatch =
        json!({ "email": "x", "username": "ada", "password": format!("{WORD}!"), "confirm_password": WORD });
    keep(server.post("/auth/register", "", &mismatch).await).expect(StatusCode::UNPROCESSABLE_ENTITY);
    let raw = async |path: &str, media_type: &str, body: String| {
        let request = server.request(Method::POST, path).header("content-type", media_type).body(body);
        keep(Answer::of(request).await).status
    };
    assert_eq!(raw("/auth/register", "application/json", format!("{{\"password\":\"{WORD}\",")).await, 422);
    assert_eq!(raw("/auth/login", FORM, format!("password={WORD}")).await, 422);
    assert_eq!(raw("/auth/login", "application/json", json!({ "password": WORD }).to_string()).await, 422);
    let wrong = format!("{WORD}Wrong");
    for (name, password) in [("ada", wrong.as_str()), ("nobody", WORD), (WORD, WORD)] {
        keep(server.login_form(&[("username", name), ("password", password)]).await)
            .expect(StatusCode::UNAUTHORIZED);
    }

    let login = [("username", "ada"), ("password", WORD), ("client_secret", WORD)];
    let first = Tokens::of(&server.login_form(&login).await);
    let known = [("username", "ada"), ("password", WORD), ("refresh_token", &first.refresh)];
    let other = Tokens::of(&server.login_form(&known).await);
    let second = Tokens::of(&server.refresh(&first.refresh).await);
    let third = Tokens::of(&server.refresh(&second.refresh).await);
    let tokens = [first, second, third, other];
    let [first, _, third, other] = &tokens;
    for body in [
        json!({ "refresh_token": first.refresh, "grant_type": "password" }),
        json!({ "refresh_token": [first.refresh] }),
    ] {
        assert_eq!(raw("/auth/refresh", "application/json", body.to_string()).await, 422);
    }
    assert_eq!(
        raw("/auth/refresh", "application/json", format!("{{\"refresh_token\":\"{}\"", first.refresh)).await,
        422
    );
    keep(server.refresh("canaryOfNoToken").await).expect(StatusCode::UNAUTHORIZED);
    keep(server.refresh(&third.access).await).expect(StatusCode::UNAUTHORIZED);
    for token in [&format!("{}x", third.access), "canaryOfNoToken", &third.refresh] {
        keep(server.get("/users/me", token).await).expect(StatusCode::UNAUTHORIZED);
    }
    let note = server.post("/notes", &third.access, &json!({ "title": "t", "content": "c" })).await;
    let summary = format!("{}/summarize", note.header("location"));
    keep(server.post(&summary, &third.access, &json!({})).await).expect(StatusCode::OK);
    for path in ["/users/me", "/auth/sessions", "/auth/events", "/notes", "/health/ready", "/metrics"] {
        keep(server.get(path, &third.access).await).expect(StatusCode::OK);
    }
    let change = json!({ "current_password": wrong, "new_password": format!("{WORD}New") });
    keep(server.post("/auth/password", &third.access, &change).await).expect(StatusCode::FORBIDDEN);
    let change = json!({ "current_password": WORD, "new_password": format!("{WORD}New") });
    keep(server.post("/auth/password", &third.access, &change).await).expect(StatusCode::NO_CONTENT);
    keep(server.refresh(&other.refresh).await).expect(StatusCode::UNAUTHORIZED);
    server.execute(match kind {
        Kind::Sqlite => "UPDATE rotations SET rotated_at = rotated_at - 60000000",
        Kind::Postgres => "UPDATE rotations SET rotated_at = rotated_at - interval '1 minute'",
    });
    let reused = keep(server.refresh(&first.refresh).await).expect(StatusCode::UNAUTHORIZED);

    let hash = server.query("SELECT password_hash FROM users");
    let mut secrets = vec![hash];
    secrets.extend(CANARIES.map(ToOwned::to_owned));
    for Tokens { access, refresh } in &tokens {
        let signature = access.rsplit_once('.').unwrap().1;
        secrets.extend([
            signature.to_owned(),
            refresh.clone(),
            refresh[..32].to_owned(),
            refresh[32..].to_owned(),
        ]);
    }
    server.wait_until_logged(&reused).await;
    let log = server.log();
    for logged in ["\"TRACE\"", "\"path\":\"/auth/refresh\"", "refresh_token_reused", "login_failed"] {
        assert!(log.contains(logged), "{logged}");
    }
    assert_without(&log, &secrets);
    assert_without(&answered.lock().unwrap(), &secrets);
    let check = start.run(&["check"]).await;
    assert_without(&format!("{check:?}"), &secrets);
    redis.kill();
    let check = start.run(&["check"]).await;
    assert_without(&format!("{check:?}"), &secrets);
    let explained = start.run(&["token", "explain", &other.access]).await;
    assert_without(&format!("{explained:?}"), &secrets);
}

#[tokio::test]
async fn serve_does_not_quote_a_rejected_configuration() {
    let bad = [
        ("REDIS_URL", "http://:canaryOfRedis@127.0.0.1"),
        ("REDIS_URL", "redis://:canaryOfRedis@[::"),
        ("DATABASE_URL", "mysql://daybook:canaryOfTheDatabase@127.0.0.1/day"),
        ("DATABASE_URL", "postgres://daybook:canaryOfTheDatabase@127.0.0.1:port/day"),
        ("JWT_SECRET_KEY", "CanaryOld"),
        ("JWT_PREVIOUS_SECRET_KEYS", "CanaryOld"),
    ];
    let secrets = CANARIES.map(ToOwned::to_owned);
    for (name, value) in bad {
        let output = Start::on(Kind::Sqlite).with(name, value).run(&["serve"]).await;
        assert!(!output.status.success(), "{name}={value}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(name), "{name}={value}: {error}");
        assert_without(&format!("{error}{}", String::from_utf8_lossy(&output.stdout)), &secrets);
    }
}
