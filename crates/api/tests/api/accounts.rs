//! Accounts: registration, changes, password changes and deletion.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT, timestamp};
use crate::login::{log_in, me};

const TAKEN_EMAIL: &str = "Email already registered";
const TAKEN_USERNAME: &str = "Username already taken";
const REVOKED: &str = r#"Bearer error="invalid_token", error_description="The access token was revoked""#;

fn registration(email: &str, username: &str) -> Value {
    json!({ "email": email, "username": username, "password": PASSWORD })
}

async fn register(server: &Server, email: &str, username: &str) -> Answer {
    server.post("/auth/register", "", &registration(email, username)).await
}

async fn delete_account(server: &Server, token: &str, password: &str) -> Answer {
    let body = json!({ "current_password": password });
    server.send(Method::DELETE, "/users/me", token, &body).await
}

async fn change_password(server: &Server, token: &str, current: &str, new: &str) -> Answer {
    let body = json!({ "current_password": current, "new_password": new });
    server.post("/auth/password", token, &body).await
}

/// Fails unless the response rejects a token as revoked.
#[track_caller]
fn assert_revoked(answer: Answer) {
    let answer = answer.expect_detail(StatusCode::UNAUTHORIZED, "Could not validate credentials");
    assert_eq!(answer.header("www-authenticate"), REVOKED);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_creates_an_account(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let mut body = registration("ada@example.com", "Ada");
    body["confirm_password"] = json!(PASSWORD);
    body["is_admin"] = json!(true);
    let answer = server.post("/auth/register", "", &body).await.expect(StatusCode::CREATED);
    let id = answer.json()["id"].as_i64().unwrap();
    assert!(id > 0);
    assert_eq!(answer.json(), json!({ "id": id, "email": "ada@example.com", "username": "Ada" }));
    let token = server.login("Ada").await;
    let account = server.get(answer.header("location"), &token).await.expect(StatusCode::OK).json();
    timestamp(&account["created_at"]);
    let whole = json!({
        "id": id, "email": "ada@example.com", "username": "Ada", "created_at": account["created_at"]
    });
    assert_eq!(account, whole);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_rejects_a_taken_email_or_username(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    register(&server, "ada@example.com", "Ärger").await.expect(StatusCode::CREATED);
    for email in ["ada@example.com", "ADA@EXAMPLE.COM", " ada@example.com", "Ada <Ada@example.com>"] {
        register(&server, email, "other").await.expect_detail(StatusCode::CONFLICT, TAKEN_EMAIL);
    }
    for username in ["Ärger", "ärger", "ÄRGER", "A\u{308}rger"] {
        let answer = register(&server, "other@example.com", username).await;
        answer.expect_detail(StatusCode::CONFLICT, TAKEN_USERNAME);
    }
    let both = register(&server, "ada@example.com", "ärger").await.expect(StatusCode::CONFLICT);
    assert!([TAKEN_EMAIL, TAKEN_USERNAME].map(Value::from).contains(&both.json()["detail"]), "{both:?}");
    register(&server, "other@example.com", "other").await.expect(StatusCode::CREATED);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_accepts_one_of_sixteen_concurrent_requests(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    // One address may not have sixteen hashes at once.
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "off").start().await;
    let one_of = async |email: &dyn Fn(usize) -> String, username: &dyn Fn(usize) -> String, sentence| {
        let requests = (0..16).map(|number| {
            let body = registration(&email(number), &username(number));
            let request = server.request(Method::POST, "/auth/register").json(&body);
            tokio::spawn(Answer::of(request))
        });
        let answers = join_all(requests.collect::<Vec<_>>()).await;
        let mut opened = 0;
        for answer in answers {
            let answer = answer.unwrap();
            if answer.status == 201 {
                opened += 1;
            } else {
                answer.expect_detail(StatusCode::CONFLICT, sentence);
            }
        }
        assert_eq!(opened, 1);
    };
    let case = |number: usize, text: &str| {
        if number.is_multiple_of(2) { text.to_uppercase() } else { text.to_owned() }
    };
    one_of(&|n| format!("a{n}@example.com"), &|n| case(n, "countess"), TAKEN_USERNAME).await;
    one_of(&|n| case(n, "b@example.com"), &|n| format!("baron{n}"), TAKEN_EMAIL).await;
    assert_eq!(server.query("SELECT count(*) FROM users"), "2");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patch_account_changes_only_the_fields_sent(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    server.register("bob").await;
    let token = server.user("ada").await;
    let account = me(&server, &token).await;
    let patched = async |patch: Value| server.patch("/users/me", &token, &patch).await;

    let empty = [json!({}), json!({ "email": null, "username": null }), json!({ "id": 7, "colour": "red" })];
    for patch in empty {
        assert_eq!(patched(patch).await.expect(StatusCode::OK).json(), account);
    }
    let renamed = patched(json!({ "username": "Countess", "current_password": PASSWORD }))
        .await
        .expect(StatusCode::OK)
        .json();
    let mut expected = account.clone();
    expected["username"] = json!("Countess");
    assert_eq!(renamed, expected);
    let moved = json!({ "email": "countess@example.com", "current_password": PASSWORD });
    let moved = patched(moved).await.expect(StatusCode::OK).json();
    expected["email"] = json!("countess@example.com");
    assert_eq!(moved, expected);
    assert_eq!(me(&server, &token).await, expected);
    for name in ["countess", "countess@example.com"] {
        log_in(&server, name, PASSWORD).await.expect(StatusCode::OK);
    }
    for name in ["ada", "ada@example.com"] {
        log_in(&server, name, PASSWORD).await.expect(StatusCode::UNAUTHORIZED);
    }
    // The account's own address and name in another case are no conflict, and need no password.
    let same = json!({ "email": "COUNTESS@example.com", "username": "COUNTESS" });
    let same = patched(same).await.expect(StatusCode::OK).json();
    assert_eq!(same["username"], "COUNTESS");
    // The former address and name are free again.
    register(&server, "ada@example.com", "ada").await.expect(StatusCode::CREATED);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patch_account_changes_nothing_on_conflict_or_invalid_field(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    server.register("bob").await;
    let token = server.user("ada").await;
    let account = me(&server, &token).await;
    let conflicts = [
        (json!({ "email": "Bob@example.com" }), TAKEN_EMAIL),
        (json!({ "username": "BOB" }), TAKEN_USERNAME),
        (json!({ "email": "new@example.com", "username": "bob" }), TAKEN_USERNAME),
        (json!({ "email": "bob@example.com", "username": "new" }), TAKEN_EMAIL),
    ];
    for (mut patch, sentence) in conflicts {
        // Without the password, the answer does not show what is taken.
        for wrong in [json!(null), json!("wrong1word")] {
            patch["current_password"] = wrong;
            let answer = server.patch("/users/me", &token, &patch).await;
            answer.expect_detail(StatusCode::FORBIDDEN, "Incorrect password");
        }
        patch["current_password"] = json!(PASSWORD);
        let answer = server.patch("/users/me", &token, &patch).await;
        answer.expect_detail(StatusCode::CONFLICT, sentence);
    }
    let wrong = json!({ "email": "new@example.com", "username": "ab" });
    let issues = server.patch("/users/me", &token, &wrong).await.issues();
    let short = "String should have at least 3 characters";
    assert_eq!(issues, [("string_too_short".into(), "body.username".into(), short.into())]);
    let issues = server.patch("/users/me", &token, &json!({ "email": "x", "username": 7 })).await.issues();
    let locations: Vec<_> =
        issues.iter().map(|(kind, location, _)| (kind.as_str(), location.as_str())).collect();
    assert_eq!(locations, [("value_error", "body.email"), ("string_type", "body.username")]);
    assert_eq!(me(&server, &token).await, account);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_account_deletes_all_its_data(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let bob = server.user("bob").await;
    let id = server.register("ada").await;
    let (token, second) = (server.login("ada").await, server.login("ada").await);
    let note = json!({ "title": "t", "content": "c" });
    let task = json!({ "title": "t", "content": "c", "city": "Lisbon" });
    for owner in [&token, &bob] {
        server.post("/notes", owner, &note).await.expect(StatusCode::CREATED);
        server.post("/tasks", owner, &task).await.expect(StatusCode::CREATED);
    }
    let refused = delete_account(&server, &token, "wrong1word").await;
    refused.expect_detail(StatusCode::FORBIDDEN, "Incorrect password");
    let missing = server.send(Method::DELETE, "/users/me", &token, &json!({})).await.issues();
    assert_eq!(missing, [("missing".into(), "body.current_password".into(), "Field required".into())]);
    assert_eq!(me(&server, &token).await["id"], id);

    let gone = delete_account(&server, &token, PASSWORD).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(gone.text, "");
    assert_revoked(server.get("/users/me", &token).await);
    assert_revoked(delete_account(&server, &token, PASSWORD).await);
    assert_revoked(server.get("/notes", &second).await);
    log_in(&server, "ada", PASSWORD).await.expect(StatusCode::UNAUTHORIZED);
    for table in ["users", "notes", "tasks", "sessions"] {
        assert_eq!(
            server.query(&format!("SELECT count(*) FROM {table}")),
            "1",
            "{table}: only the row of bob remains"
        );
    }
    assert_eq!(server.get("/notes", &bob).await.json().as_array().unwrap().len(), 1);

    let again = server.register("ada").await;
    assert!(again > id, "the id of the deleted account is not reused: {again} after {id}");
    assert_revoked(server.get("/users/me", &token).await);
    let fresh = server.login("ada").await;
    assert_eq!(server.get("/notes", &fresh).await.expect(StatusCode::OK).json(), json!([]));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_password_revokes_the_other_sessions(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    const NEW: &str = "another8word";
    let server = Server::on(kind).await;
    let bob = server.user("bob").await;
    server.register("ada").await;
    let (token, other) = (server.login("ada").await, server.login("ada").await);
    let refused = change_password(&server, &token, "wrong1word", NEW).await;
    refused.expect_detail(StatusCode::FORBIDDEN, "Incorrect password");
    let long = "1".repeat(129);
    let wrong = [
        ("a1", "string_too_short", "String should have at least 6 characters"),
        (long.as_str(), "string_too_long", "String should have at most 128 characters"),
        ("abcdefgh", "value_error", "Value error, Password must include one digit"),
    ];
    for (new, kind, sentence) in wrong {
        let answer = change_password(&server, &token, PASSWORD, new).await;
        assert_eq!(answer.issues(), [(kind.into(), "body.new_password".into(), sentence.into())]);
        assert!(!answer.text.contains(new), "{answer:?}");
    }
    // The rejected requests did not change the account.
    for token in [&token, &other] {
        me(&server, token).await;
    }
    log_in(&server, "ada", PASSWORD).await.expect(StatusCode::OK);

    let changed = change_password(&server, &token, PASSWORD, NEW).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(changed.text, "");
    me(&server, &token).await;
    assert_revoked(server.get("/users/me", &other).await);
    assert_revoked(server.post("/notes", &other, &json!({ "title": "t", "content": "c" })).await);
    log_in(&server, "ada", PASSWORD).await.expect(StatusCode::UNAUTHORIZED);
    log_in(&server, "ada", NEW).await.expect(StatusCode::OK);
    me(&server, &bob).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nist_policy_rejects_short_common_and_personal_passwords(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Start::on(kind).with("DAYBOOK_PASSWORD_POLICY", "nist").start().await;
    let register_with = async |password: &str| {
        let body = json!({ "email": "lovelace@example.com", "username": "countess", "password": password });
        server.post("/auth/register", "", &body).await
    };
    let common = "Value error, Password is too common or follows a simple pattern";
    let personal =
        "Value error, Password is too close to your email address, your username or the name of this service";
    let table = [
        (PASSWORD, "string_too_short", "String should have at least 15 characters"),
        ("passwordpassword123", "value_error", common),
        ("lovelace countess 1", "value_error", personal),
    ];
    for (password, kind, sentence) in table {
        let issues = register_with(password).await.issues();
        assert_eq!(issues, [(kind.into(), "body.password".into(), sentence.into())], "{password}");
    }
    let good = "no digit in this one";
    register_with(good).await.expect(StatusCode::CREATED);
    let login = log_in(&server, "countess", good).await.expect(StatusCode::OK).json();
    let token = login["access_token"].as_str().unwrap();
    let issues = change_password(&server, token, good, "lovelace countess 1").await.issues();
    assert_eq!(issues, [("value_error".into(), "body.new_password".into(), personal.into())]);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn register_is_rejected_alike_for_every_body_if_registration_is_closed(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let start = Start::on(kind);
    start.start().await.register("ada").await;
    let server = start.with("DAYBOOK_REGISTRATION", "closed").start().await;
    let bodies = [
        registration("new@example.com", "new"),
        registration("ada@example.com", "ada"),
        registration("not an address", "a"),
        json!({}),
        json!([]),
    ];
    let closed = "Registration is closed";
    for body in bodies {
        let answer = server.post("/auth/register", "", &body).await;
        answer.expect_detail(StatusCode::FORBIDDEN, closed);
    }
    for (media_type, body) in [("application/json", "{"), ("text/plain", "ada"), ("application/json", "")] {
        let request = server.request(Method::POST, "/auth/register").header("content-type", media_type);
        Answer::of(request.body(body)).await.expect_detail(StatusCode::FORBIDDEN, closed);
    }
    assert_eq!(server.query("SELECT count(*) FROM users"), "1");
    let token = server.login("ada").await;
    let patch = json!({ "username": "countess", "current_password": PASSWORD });
    server.patch("/users/me", &token, &patch).await.expect(StatusCode::OK);
    let document = Answer::of(server.request(Method::GET, "/openapi.json")).await.json();
    let response = &document["paths"]["/auth/register"]["post"]["responses"]["403"]["$ref"];
    assert_eq!(response, "#/components/responses/RegistrationClosed");
}
