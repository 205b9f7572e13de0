//! Strangers behind one address cannot keep out the users that daybook knows there.

use daybook_test_servers::Redis;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;

use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT};

const OFFICE: &str = "203.0.113.9";
const HOME: &str = "192.0.2.1";

async fn login(server: &Server, from: &str, form: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = server.request(Method::POST, "/auth/login").header("x-forwarded-for", from);
    Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

async fn right(server: &Server, from: &str, name: &str) -> Answer {
    login(server, from, &[("username", name), ("password", PASSWORD)]).await
}

async fn wrong(server: &Server, from: &str, name: &str) -> u16 {
    login(server, from, &[("username", name), ("password", "wrong1")]).await.status
}

/// Registers an account from this address.
async fn register(server: &Server, from: &str, name: &str) {
    let body = json!({ "email": format!("{name}@example.com"), "username": name, "password": PASSWORD });
    let request = server.request(Method::POST, "/auth/register").header("x-forwarded-for", from);
    Answer::of(request.json(&body)).await.expect(StatusCode::CREATED);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_of_a_known_client_is_admitted_at_a_limited_address(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(false, true)] shared: bool,
) {
    let redis = shared.then(Redis::start);
    let start = Start::on(kind)
        .with("DAYBOOK_RATE_LIMIT", "account=3/10m,address=5/10m")
        .with("DAYBOOK_TRUSTED_PROXIES", "127.0.0.1")
        .with("REDIS_URL", &redis.as_ref().map(Redis::url).unwrap_or_default());
    let server = start.start().await;
    register(&server, OFFICE, "ada").await;
    register(&server, HOME, "bob").await;
    let bob = right(&server, HOME, "bob").await.json();
    for victim in 0..10 {
        wrong(&server, OFFICE, &format!("victim{victim}")).await;
    }
    assert_eq!(wrong(&server, OFFICE, "victim").await, 429);
    assert_eq!(right(&server, OFFICE, "ada").await.status, 200, "she was registered from there");
    assert_eq!(right(&server, OFFICE, "bob").await.status, 429, "he was never there");
    let token = bob["refresh_token"].as_str().unwrap();
    let form = [("username", "bob"), ("password", PASSWORD), ("refresh_token", token)];
    assert_eq!(login(&server, OFFICE, &form).await.status, 200, "the refresh token makes him known");
    assert_eq!(right(&server, OFFICE, "bob").await.status, 200, "now he was there");
    // Known clients have the limit of an account, and no more.
    for _ in 0..3 {
        assert_eq!(wrong(&server, OFFICE, "ada").await, 429, "as for strangers");
    }
    assert_eq!(right(&server, OFFICE, "ada").await.status, 429);
    // A user who is logged in can confirm with the password, too.
    let access = bob["access_token"].as_str().unwrap();
    let change = json!({ "current_password": PASSWORD, "username": "robert" });
    let request = server.request(Method::PATCH, "/users/me").header("x-forwarded-for", OFFICE);
    Answer::of(request.bearer_auth(access).json(&change)).await.expect(StatusCode::OK);
}
