//! Authentication: valid and invalid access tokens, for every operation.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use daybook_auth::{Secret, TokenKeys};
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::jwt::{claims_of, forge, header_of};
use crate::harness::operations::{assert_complete, operations};
use crate::harness::{Answer, Kind, PASSWORD, SECRET, Server, Start, TEST_TIMEOUT};

const OTHER_SECRET: &str = "Jb0wVr7eKq2ZxN5uTs8yLd1mHf6gCa3pXi9oEk4RvYtQ";

const NOT_AUTHENTICATED: &str = r#"{"detail":"Not authenticated"}"#;
const NOT_VALID: &str = r#"{"detail":"Could not validate credentials"}"#;

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn keys(secret: &str) -> TokenKeys {
    TokenKeys::new(Secret::parse(secret).unwrap())
}

/// Returns a token for the same user and session, issued at this time and signed with this secret.
fn like(token: &str, secret: &str, issued_at: i64) -> String {
    let claims = claims_of(token);
    let user = claims["user_id"].as_str().unwrap().parse().unwrap();
    keys(secret).issue(user, claims["sid"].as_i64().unwrap(), issued_at).unwrap()
}

/// Returns a token in the format of the FastAPI service.
pub(crate) fn legacy(secret: &str, user: i64, issued_at: i64) -> String {
    let claims = json!({ "user_id": user.to_string(), "iat": issued_at, "exp": issued_at + 1800 });
    forge(secret, &json!({ "alg": "HS256", "typ": "JWT" }), &claims)
}

/// Fails unless the response is a 401 that rejects the token for this reason.
#[track_caller]
fn assert_rejected(name: &str, answer: &Answer, reason: &str) {
    assert_eq!((answer.status, answer.text.as_str()), (401, NOT_VALID), "{name}");
    let challenge = format!(r#"Bearer error="invalid_token", error_description="The access token {reason}""#);
    assert_eq!(answer.header("www-authenticate"), challenge, "{name}");
}

/// Fails unless the response is the 401 for a request without a token.
#[track_caller]
fn assert_unauthenticated(name: &str, answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (401, NOT_AUTHENTICATED), "{name}");
    assert_eq!(answer.header("www-authenticate"), "Bearer", "{name}");
}

/// Sends `GET /users/me` with this value of `Authorization`.
async fn with_authorization(server: &Server, value: &str) -> Answer {
    Answer::of(server.request(Method::GET, "/users/me").header("authorization", value)).await
}

async fn delete_account(server: &Server, token: &str) {
    let body = json!({ "current_password": PASSWORD });
    server.send(Method::DELETE, "/users/me", token, &body).await.expect(StatusCode::NO_CONTENT);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_without_a_bearer_token_is_rejected(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    assert_unauthenticated("no header", &Answer::of(server.request(Method::GET, "/users/me")).await);
    for value in ["Basic YWRhOnBhc3MxMjN3b3Jk", "Digest a=b", "", "Token", &token, &format!("JWT {token}")] {
        assert_unauthenticated(value, &with_authorization(&server, value).await);
    }
    // A token is accepted only in the header, because URLs appear in logs and histories.
    let path = format!("/users/me?access_token={token}&token={token}");
    assert_unauthenticated("in the URL", &Answer::of(server.request(Method::GET, &path)).await);
    let cookie = server.request(Method::GET, "/users/me").header("cookie", format!("access_token={token}"));
    assert_unauthenticated("in a cookie", &Answer::of(cookie).await);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(with_authorization(&server, &format!("{scheme} {token}")).await.status, 200);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_and_altered_tokens_are_invalid(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let (header, claims) = (header_of(&token), claims_of(&token));
    let changed = |value: &Value, name: &str, new: Value| {
        let mut value = value.clone();
        value[name] = new;
        value
    };
    let parts: Vec<&str> = token.split('.').collect();
    let iat = claims["iat"].as_i64().unwrap();
    let another = forge(SECRET, &header, &changed(&claims, "user_id", json!("2")));
    let table = [
        ("nothing", String::new()),
        ("garbage", "a.b.c".to_owned()),
        ("two tokens", format!("{token} {token}")),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        (
            "another token's signature",
            format!("{}.{}.{}", parts[0], parts[1], another.rsplit('.').next().unwrap()),
        ),
        ("another key, its own id", like(&token, OTHER_SECRET, iat)),
        ("another key, our id", forge(OTHER_SECRET, &header, &claims)),
        ("unknown key id", forge(SECRET, &changed(&header, "kid", json!("AAAAAAAAAAA")), &claims)),
        (
            "alg none",
            format!(
                "{}.{}.",
                forge(SECRET, &json!({ "alg": "none" }), &claims).split('.').next().unwrap(),
                parts[1]
            ),
        ),
        ("alg none, signed", forge(SECRET, &changed(&header, "alg", json!("none")), &claims)),
        ("alg HS512", forge(SECRET, &changed(&header, "alg", json!("HS512")), &claims)),
        ("crit", forge(SECRET, &changed(&header, "crit", json!(["exp"])), &claims)),
        ("another typ", forge(SECRET, &changed(&header, "typ", json!("at+jwt")), &claims)),
        ("from the future", like(&token, SECRET, iat + 3_600)),
        ("not yet valid", forge(SECRET, &header, &changed(&claims, "nbf", json!(iat + 3_600)))),
        ("id is a number", forge(SECRET, &header, &changed(&claims, "user_id", json!(1)))),
        ("session is a text", forge(SECRET, &header, &changed(&claims, "sid", json!("1")))),
        ("no expiry", forge(SECRET, &header, &changed(&claims, "exp", Value::Null))),
        ("legacy, which is off", legacy(SECRET, 1, now())),
        ("over 4 KiB", forge(SECRET, &header, &changed(&claims, "jti", json!("a".repeat(5_000))))),
    ];
    for (name, token) in table {
        assert_rejected(name, &with_authorization(&server, &format!("Bearer {token}")).await, "is invalid");
    }
    let bytes = reqwest::header::HeaderValue::from_bytes(b"Bearer \xe4.b.c").unwrap();
    let request = server.request(Method::GET, "/users/me").header("authorization", bytes);
    assert_rejected("not ASCII", &Answer::of(request).await, "is invalid");
    // The functions that forge these tokens can also build a valid one.
    assert_eq!(
        with_authorization(&server, &format!("Bearer {}", forge(SECRET, &header, &claims))).await.status,
        200
    );
    assert_eq!(
        with_authorization(&server, &format!("Bearer {}", like(&token, SECRET, iat))).await.status,
        200
    );
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_and_revoked_tokens_are_rejected(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let iat = claims_of(&token)["iat"].as_i64().unwrap();
    let (last, first) = (like(&token, SECRET, iat - 1_700), like(&token, SECRET, iat - 1_800));
    assert_eq!(server.get("/users/me", &last).await.status, 200);
    assert_rejected("expired", &server.get("/users/me", &first).await, "expired");
    // A token with the session of another user is rejected.
    server.register("bob").await;
    let mut claims = claims_of(&server.login("bob").await);
    claims["user_id"] = claims_of(&token)["user_id"].clone();
    let mixed = forge(SECRET, &header_of(&token), &claims);
    assert_rejected("another's session", &server.get("/users/me", &mixed).await, "was revoked");
    claims["sid"] = json!(i64::MAX);
    let absent = forge(SECRET, &header_of(&token), &claims);
    assert_rejected("no session", &server.get("/users/me", &absent).await, "was revoked");
    delete_account(&server, &token).await;
    assert_rejected("no account", &server.get("/users/me", &token).await, "was revoked");
    assert_rejected("expired, no account", &server.get("/users/me", &first).await, "expired");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_rotation_keeps_valid_tokens_valid(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind);
    let mut server = start.start().await;
    let old = server.user("ada").await;
    server.kill().await;

    let start = start.with("JWT_SECRET_KEY", OTHER_SECRET).with("JWT_PREVIOUS_SECRET_KEYS", SECRET);
    let mut server = start.start().await;
    server.get("/users/me", &old).await.expect(StatusCode::OK);
    let new = server.login("ada").await;
    assert_ne!(header_of(&new)["kid"], header_of(&old)["kid"]);
    server.get("/users/me", &new).await.expect(StatusCode::OK);
    server.kill().await;

    let server = start.with("JWT_PREVIOUS_SECRET_KEYS", "").start().await;
    server.get("/users/me", &new).await.expect(StatusCode::OK);
    assert_rejected("signed with the old key", &server.get("/users/me", &old).await, "is invalid");
}

/// Secrets that a comma list cannot contain, or that need an escape in JSON or in `.env`.
const AWKWARD_SECRETS: [&str; 6] = [
    "pQ7YnK4mR2wL5bN6hJ3g,F1dS0aT9cE8vP7uO6xvXM9Z8",
    "  pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6 \t",
    "\"pQ7YnK4mR2wL5bN6hJ3g'F1dS0aT9cE8vP7uO6\"",
    "[pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6]",
    "pQ7YnK4mR2wL5b\\N6hJ3gF1dS0aT9cE8vP7uO6\\\\",
    "pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9${cE8}vP7uO6é",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_rotation_accepts_every_secret_in_a_json_array() {
    let start = Start::on(Kind::Sqlite);
    let mut server = start.clone().with("JWT_SECRET_KEY", AWKWARD_SECRETS[0]).start().await;
    let old = server.user("ada").await;
    server.kill().await;

    let array = json!(AWKWARD_SECRETS).to_string();
    let start = start.with("JWT_SECRET_KEY", OTHER_SECRET);
    let from_environment = start.clone().with("JWT_PREVIOUS_SECRET_KEYS", &array).start().await;
    // Programs read a backslash or a quote before another one in `.env` differently.
    let escaped = array.replace("\\\\", r"\u005c").replace('\'', r"\u0027").replace('$', r"\u0024");
    let file = format!("JWT_PREVIOUS_SECRET_KEYS='{escaped}'\n");
    std::fs::write(start.folder().join(".env"), file).unwrap();
    let from_file = start.start().await;
    for server in [from_environment, from_file] {
        server.get("/users/me", &old).await.expect(StatusCode::OK);
        for secret in AWKWARD_SECRETS {
            let token = like(&old, secret, now());
            assert_eq!(server.get("/users/me", &token).await.status, 200, "{secret}");
        }
        let token = like(&old, SECRET, now());
        assert_rejected("not in the array", &server.get("/users/me", &token).await, "is invalid");
        server.get("/users/me", &server.login("ada").await).await.expect(StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_rotation_accepts_a_comma_list_as_before() {
    let secrets = ["pQ7YnK4mR2wL5b\\N6hJ3gF1dS0aT9cE8vP7uO6", "\"xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0\"]"];
    let start = Start::on(Kind::Sqlite);
    let start = start.with("JWT_PREVIOUS_SECRET_KEYS", &format!(" {} ,, {},", secrets[0], secrets[1]));
    let server = start.start().await;
    let token = server.user("ada").await;
    for secret in secrets {
        server.get("/users/me", &like(&token, secret, now())).await.expect(StatusCode::OK);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn legacy_tokens_are_accepted_if_enabled(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind).with("DAYBOOK_ACCEPT_LEGACY_TOKENS", "true");
    let mut server = start.start().await;
    let id = server.register("ada").await;
    // The account must be older than its tokens, like one that was moved.
    server.execute(match kind {
        Kind::Sqlite => "UPDATE users SET password_changed_at = password_changed_at - 3600000000",
        Kind::Postgres => "UPDATE users SET password_changed_at = password_changed_at - interval '1 hour'",
    });
    let token = legacy(SECRET, id, now() - 60);
    assert_eq!(server.get("/users/me", &token).await.expect(StatusCode::OK).json()["id"], id);
    let note = json!({ "title": "t", "content": "c" });
    server.post("/notes", &token, &note).await.expect(StatusCode::CREATED);
    // NumericDate may have a fraction (RFC 7519, section 2).
    let precise = json!({ "user_id": id.to_string(), "iat": now() - 60, "exp": now() as f64 + 1_740.25 });
    let precise = forge(SECRET, &json!({ "alg": "HS256", "typ": "JWT" }), &precise);
    server.get("/users/me", &precise).await.expect(StatusCode::OK);
    let rejected = [
        ("signed with another key", legacy(OTHER_SECRET, id, now()), "is invalid"),
        ("expired", legacy(SECRET, id, now() - 1_801), "expired"),
        ("of an unknown user", legacy(SECRET, id + 1, now()), "was revoked"),
    ];
    for (name, token, reason) in &rejected {
        assert_rejected(name, &server.get("/users/me", token).await, reason);
    }
    let aged = json!({ "user_id": id.to_string(), "iat": now() - 7_200, "exp": now() + 600 });
    let aged = forge(SECRET, &json!({ "alg": "HS256", "typ": "JWT" }), &aged);
    assert_rejected("older than the password", &server.get("/users/me", &aged).await, "was revoked");
    let half = json!({ "user_id": id.to_string(), "iat": now(), "exp": now() + 600, "sid": 1 });
    let half = forge(SECRET, &json!({ "alg": "HS256", "typ": "JWT" }), &half);
    assert_rejected("a session without a token id", &server.get("/users/me", &half).await, "is invalid");
    server.kill().await;

    let server = start.with("DAYBOOK_ACCEPT_LEGACY_TOKENS", "").start().await;
    assert_rejected("switched off", &server.get("/users/me", &token).await, "is invalid");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_password_revokes_legacy_tokens(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_ACCEPT_LEGACY_TOKENS", "true").start().await;
    let id = server.register("ada").await;
    server.execute(match kind {
        Kind::Sqlite => "UPDATE users SET password_changed_at = password_changed_at - 3600000000",
        Kind::Postgres => "UPDATE users SET password_changed_at = password_changed_at - interval '1 hour'",
    });
    let (one, two) = (legacy(SECRET, id, now() - 60), legacy(SECRET, id, now() - 30));
    let session = server.login("ada").await;
    for token in [&one, &two, &session] {
        server.get("/users/me", token).await.expect(StatusCode::OK);
    }
    let change = json!({ "current_password": PASSWORD, "new_password": "another8word" });
    server.post("/auth/password", &one, &change).await.expect(StatusCode::NO_CONTENT);
    for token in [&one, &two, &session] {
        assert_rejected("from before the change", &server.get("/users/me", token).await, "was revoked");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_secured_operation_requires_a_valid_token(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    assert_complete(&server).await;
    let token = server.user("ada").await;
    let note = json!({ "title": "t", "content": "c" });
    server.post("/notes", &token, &note).await.expect(StatusCode::CREATED);
    let task = json!({ "title": "t", "content": "c", "city": "Lisbon" });
    server.post("/tasks", &token, &task).await.expect(StatusCode::CREATED);
    let expired = like(&token, SECRET, now() - 3_600);
    let revoked = server.user("eve").await;
    delete_account(&server, &revoked).await;
    let before = (server.get("/notes", &token).await.text, server.get("/tasks", &token).await.text);
    for operation in operations().filter(|operation| operation.secured) {
        let name = operation.name();
        let request = || operation.request(&server, "1");
        assert_unauthenticated(&name, &Answer::of(request()).await);
        assert_unauthenticated(&name, &Answer::of(request().header("authorization", "Basic YTpi")).await);
        for (token, reason) in [("garbage", "is invalid"), (&expired, "expired"), (&revoked, "was revoked")] {
            assert_rejected(&name, &Answer::of(request().bearer_auth(token)).await, reason);
        }
        // The service checks the token before the rest of the request. The response is therefore
        // the same for a bad body.
        let broken = request().header("content-type", "text/plain").body("{");
        assert_unauthenticated(&name, &Answer::of(broken).await);
    }
    let after = (server.get("/notes", &token).await.text, server.get("/tasks", &token).await.text);
    assert_eq!(after, before, "a rejected request changed the notes or tasks");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resources_of_another_user_are_not_found(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    assert_complete(&server).await;
    let ada = server.user("ada").await;
    let eve = server.user("eve").await;
    let note = json!({ "title": "t", "content": "c" });
    server.post("/notes", &ada, &note).await.expect(StatusCode::CREATED);
    let task = json!({ "title": "t", "content": "c", "city": "Lisbon" });
    server.post("/tasks", &ada, &task).await.expect(StatusCode::CREATED);
    let paths = ["/notes/1", "/tasks/1"];
    let mut before = Vec::new();
    for path in paths {
        before.push(server.get(path, &ada).await.expect(StatusCode::OK).text);
    }
    for operation in operations().filter(|operation| operation.has_id()) {
        let name = operation.name();
        let sentence = match operation.path.split('/').nth(1) {
            Some("notes") => "Note not found",
            Some("tasks") => "Task not found",
            _ => "Session not found",
        };
        let foreign = Answer::of(operation.request(&server, "1").bearer_auth(&eve)).await;
        let missing = Answer::of(operation.request(&server, "999").bearer_auth(&eve)).await;
        let own_missing = Answer::of(operation.request(&server, "999").bearer_auth(&ada)).await;
        let headers = |answer: &Answer| {
            let names: BTreeSet<String> = answer.headers.keys().map(ToString::to_string).collect();
            names
        };
        for answer in [&foreign, &missing, &own_missing] {
            assert_eq!(answer.status, 404, "{name}: {answer:?}");
            assert_eq!(answer.text, json!({ "detail": sentence }).to_string(), "{name}");
            assert_eq!(headers(answer), headers(&foreign), "{name}");
        }
    }
    for list in ["/notes", "/tasks"] {
        assert_eq!(server.get(list, &eve).await.expect(StatusCode::OK).json(), json!([]));
    }
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(server.get(path, &ada).await.text, before);
    }
}
