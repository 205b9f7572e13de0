//! Usernames: invisible characters, and a username that is the address of another account.

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Kind, PASSWORD, Server, TEST_TIMEOUT};
use crate::login::{log_in, me};

fn registration(email: &str, username: &str, password: &str) -> Value {
    json!({ "email": email, "username": username, "password": password })
}

/// Characters that make a name look like another one, or like none.
const INVISIBLE: [char; 8] =
    ['\n', '\u{1b}', '\u{ad}', '\u{200b}', '\u{200d}', '\u{2028}', '\u{202e}', '\u{2066}'];

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_and_patch_account_reject_names_that_deceive(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let rejected = async |username: &str, sentence: &str| {
        let body = registration("new@example.com", username, PASSWORD);
        let expected = [("value_error".into(), "body.username".into(), format!("Value error, {sentence}"))];
        assert_eq!(server.post("/auth/register", "", &body).await.issues(), expected, "{username:?}");
        let patch = json!({ "username": username, "current_password": PASSWORD });
        assert_eq!(server.patch("/users/me", &token, &patch).await.issues(), expected, "{username:?}");
    };
    for invisible in INVISIBLE {
        let sentence =
            format!("Text must not contain the invisible character U+{:04X}", u32::from(invisible));
        rejected(&format!("a{invisible}da"), &sentence).await;
    }
    rejected(" \u{a0}\u{3000}", "Text must contain a character other than a space").await;
    assert_eq!(me(&server, &token).await["username"], "ada");
    let body = registration("new@example.com", "Ada Lovelace 🎂", PASSWORD);
    server.post("/auth/register", "", &body).await.expect(StatusCode::CREATED);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn account_with_an_older_invisible_name_still_works(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let name = "a\u{202e}d\u{200b}a";
    server.execute(&format!("UPDATE users SET username = '{name}', username_key = '{name}'"));
    let token = server.login(name).await;
    let account = me(&server, &token).await;
    assert_eq!(account["username"], name);
    let patch = json!({ "email": "countess@example.com", "current_password": PASSWORD });
    let moved = server.patch("/users/me", &token, &patch).await.expect(StatusCode::OK).json();
    assert_eq!((&moved["email"], &moved["username"]), (&json!("countess@example.com"), &json!(name)));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_prefers_an_address_to_an_equal_username(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let (of_ada, of_bob) = ("ada's 1 password", "bob's 1 password");
    let body = registration("ada@example.com", "Bob@Example.com", of_ada);
    let ada = server.post("/auth/register", "", &body).await.expect(StatusCode::CREATED).json();
    let log_in_as = async |name: &str, password: &str| {
        let token = log_in(&server, name, password).await.expect(StatusCode::OK).json();
        me(&server, token["access_token"].as_str().unwrap()).await["id"].clone()
    };
    // Without an account of that address, the username finds its account.
    assert_eq!(log_in_as("bob@example.com", of_ada).await, ada["id"]);

    let body = registration("bob@example.com", "bob", of_bob);
    let bob = server.post("/auth/register", "", &body).await.expect(StatusCode::CREATED).json();
    for address in ["bob@example.com", "Bob@Example.com"] {
        assert_eq!(log_in_as(address, of_bob).await, bob["id"]);
        log_in(&server, address, of_ada).await.expect(StatusCode::UNAUTHORIZED);
    }
    // Ada has lost the name as a login, and nothing else.
    let token = log_in(&server, "ada@example.com", of_ada).await.expect(StatusCode::OK).json();
    let account = me(&server, token["access_token"].as_str().unwrap()).await;
    assert_eq!((&account["id"], &account["username"]), (&ada["id"], &json!("Bob@Example.com")));
    let body = registration("new@example.com", "bob@example.com", of_bob);
    let taken = server.post("/auth/register", "", &body).await;
    taken.expect_detail(StatusCode::CONFLICT, "Username already taken");
}
