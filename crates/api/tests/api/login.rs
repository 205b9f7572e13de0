//! `POST /auth/login`: encodings, tokens, and the replacement of outdated hashes.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::jwt::{claims_of, header_of};
use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT};

/// The hash of [`PWDLIB_PASSWORD`] by pwdlib 0.3.
const PWDLIB_HASH: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$MyeaZPHUU1vE52HLLsFTfA$3hB0wOuu/o33qP+Jtg/+RAa35nB5I4HahrN+A+SuIos";
const PWDLIB_PASSWORD: &str = "pässwörd 1 \u{1F511}";

/// Sends a login with this name and password.
pub(crate) async fn log_in(server: &Server, name: &str, password: &str) -> Answer {
    server.login_form(&[("username", name), ("password", password)]).await
}

/// Reads the account of the token.
pub(crate) async fn me(server: &Server, token: &str) -> Value {
    server.get("/users/me", token).await.expect(StatusCode::OK).json()
}

/// Returns the password hash in the database.
pub(crate) fn stored_hash(server: &Server, username: &str) -> String {
    server.query(&format!("SELECT password_hash FROM users WHERE username = '{username}'"))
}

/// Returns all parts of a response that a client could compare with another response.
fn shape(answer: &Answer) -> (u16, String, Vec<(String, String)>) {
    let changes = ["date", "x-request-id"];
    let headers = answer.headers.iter().map(|(name, value)| {
        let value = if changes.contains(&name.as_str()) { "…" } else { value.to_str().unwrap() };
        (name.to_string(), value.to_owned())
    });
    let headers: BTreeSet<_> = headers.collect();
    (answer.status, answer.text.clone(), headers.into_iter().collect())
}

fn seconds_since_1970() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_accepts_email_or_username_in_both_encodings(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let id = server.register("ada").await;
    let check = async |answer: Answer| {
        let token = answer.expect(StatusCode::OK).json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(me(&server, &token).await["id"], id);
    };
    for name in ["ada", "ADA", "ada@example.com", "Ada@Example.COM"] {
        check(log_in(&server, name, PASSWORD).await).await;
    }
    let form = [
        ("grant_type", "password"),
        ("username", "ada"),
        ("password", PASSWORD),
        ("scope", "notes tasks"),
        ("client_id", "app"),
        ("client_secret", "s3cret"),
        ("remember", "yes"),
    ];
    check(server.login_form(&form).await).await;
    let empty = [("grant_type", ""), ("username", "ada"), ("password", PASSWORD), ("client_secret", "")];
    check(server.login_form(&empty).await).await;
    let part = |(name, value): (&str, &str)| {
        format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = form.map(part).concat() + "--limit--\r\n";
    let multipart = server.request(Method::POST, "/auth/login");
    let multipart = multipart.header("content-type", "multipart/form-data; boundary=limit").body(body);
    check(Answer::of(multipart).await).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_fails_alike_for_a_wrong_password_and_an_unknown_user(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let wrong = log_in(&server, "ada", "wrong1word").await;
    let wrong = wrong.expect_detail(StatusCode::UNAUTHORIZED, "Incorrect username or password");
    assert_eq!(wrong.header("www-authenticate"), "Bearer");
    for name in ["ada", "nobody", "nobody@example.com", "ada@example.com", "a b", "@", "x"] {
        let answer = log_in(&server, name, "wrong1word").await;
        assert_eq!(shape(&answer), shape(&wrong), "{name}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_compares_every_character_of_the_password(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let password = format!(" Pässwörd\u{0}1 {}", "🔑".repeat(100));
    let body = json!({ "email": "ada@example.com", "username": "ada", "password": password });
    server.post("/auth/register", "", &body).await.expect(StatusCode::CREATED);
    log_in(&server, "ada", &password).await.expect(StatusCode::OK);
    let wrong = [
        password.trim().to_owned(),
        password.to_lowercase(),
        password.replace('ä', "a\u{308}"),
        password.replace('\0', ""),
        password[..password.len() - 4].to_owned(),
        format!("{password} "),
    ];
    for wrong in wrong {
        log_in(&server, "ada", &wrong).await.expect(StatusCode::UNAUTHORIZED);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_returns_a_token_valid_for_half_an_hour(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let id = server.register("ada").await;
    let before = seconds_since_1970();
    let answer = log_in(&server, "ada", PASSWORD).await.expect(StatusCode::OK);
    let after = seconds_since_1970();
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    let json = answer.json();
    assert_eq!((&json["token_type"], &json["expires_in"]), (&json!("bearer"), &json!(1800)));
    let token = json["access_token"].as_str().unwrap();

    let header = header_of(token);
    let kid = header["kid"].as_str().unwrap();
    assert!(!kid.is_empty());
    assert_eq!(header, json!({ "alg": "HS256", "typ": "JWT", "kid": kid }));
    let claims = claims_of(token);
    let names: BTreeSet<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["exp", "iat", "jti", "sid", "user_id"]));
    assert_eq!(claims["user_id"], id.to_string());
    let issued_at = claims["iat"].as_i64().unwrap();
    assert!((before..=after).contains(&issued_at), "{claims}");
    assert_eq!(claims["exp"], issued_at + 1800);
    assert!(claims["sid"].as_i64().unwrap() > 0 && claims["jti"].as_str().unwrap().len() >= 22);

    let other = claims_of(&server.login("ada").await);
    assert_ne!((&other["sid"], &other["jti"]), (&claims["sid"], &claims["jti"]));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_rehashes_if_the_parameters_changed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind);
    let mut server = start.start().await;
    let token = server.user("ada").await;
    let weak = stored_hash(&server, "ada");
    assert!(weak.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{weak}");
    server.kill().await;

    let server = start.with("DAYBOOK_ARGON2", "m=20480,t=3,p=2").start().await;
    log_in(&server, "ada", "wrong1word").await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(stored_hash(&server, "ada"), weak, "a wrong password does not replace the hash");
    server.login("ada").await;
    let strong = stored_hash(&server, "ada");
    assert!(strong.starts_with("$argon2id$v=19$m=20480,t=3,p=2$"), "{strong}");
    server.login("ada").await;
    assert_eq!(stored_hash(&server, "ada"), strong, "the hash is up to date");
    // The password is the same, so the sessions stay valid.
    me(&server, &token).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_rehashes_a_pwdlib_hash(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    server.execute(&format!("UPDATE users SET password_hash = '{PWDLIB_HASH}'"));
    log_in(&server, "ada", PASSWORD).await.expect(StatusCode::UNAUTHORIZED);
    log_in(&server, "ada", PWDLIB_PASSWORD).await.expect(StatusCode::OK);
    let replaced = stored_hash(&server, "ada");
    assert!(replaced.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{replaced}");
    log_in(&server, "ada", PWDLIB_PASSWORD).await.expect(StatusCode::OK);
}
