//! Accounts that were moved from another service with their password hashes.

use futures_util::future::join_all;
use reqwest::StatusCode;
use rstest::rstest;
use serde_json::json;

use crate::harness::jwt::forge;
use crate::harness::{Kind, PASSWORD, SECRET, Server, Start, TEST_TIMEOUT};
use crate::login::{log_in, stored_hash};

const OLD_PASSWORD: &str = "pässwörd 1 \u{1F511}";

/// Hashes of [`OLD_PASSWORD`] by Werkzeug 3.1, Python's bcrypt and pwdlib.
const HASHES: [(&str, &str); 4] = [
    (
        "scrypt",
        "scrypt:32768:8:1$j6yOXTN5lheB9rf4$\
         0a95d5f649a6ab9e4bd222401671488aad16846d2bb273204fb65f2b5731a62d\
         e613948368c7f0b51c900d7217494d3afcaf58d906b348300ee8d455d3235005",
    ),
    (
        "pbkdf2",
        "pbkdf2:sha256:600000$QnGj1HHX0WPDuz1B$\
         fd613337061bc1f0978d86d2a637eabc30e2b6024d874b48e15c7acccd49c3c2",
    ),
    ("bcrypt", "$2a$05$6GCW0LksXQVLSM24mAJLzevHTOTm9UPsJ06CCzbldd.DShxCYgh26"),
    (
        "argon2",
        "$argon2id$v=19$m=65536,t=3,p=4$MyeaZPHUU1vE52HLLsFTfA$3hB0wOuu/o33qP+Jtg/+RAa35nB5I4HahrN+A+SuIos",
    ),
];

/// Hashes that cost too much to verify, and texts that are not a supported hash.
const REJECTED: [&str; 7] = [
    "scrypt:1048576:8:1$j6yOXTN5lheB9rf4$\
     0a95d5f649a6ab9e4bd222401671488aad16846d2bb273204fb65f2b5731a62d\
     e613948368c7f0b51c900d7217494d3afcaf58d906b348300ee8d455d3235005",
    "pbkdf2:sha256:4000000000$QnGj1HHX0WPDuz1B$\
     fd613337061bc1f0978d86d2a637eabc30e2b6024d874b48e15c7acccd49c3c2",
    "$2b$31$6GCW0LksXQVLSM24mAJLzevHTOTm9UPsJ06CCzbldd.DShxCYgh26",
    "$argon2id$v=19$m=4194304,t=3,p=4$MyeaZPHUU1vE52HLLsFTfA$3hB0wOuu/o33qP+Jtg/+RAa35nB5I4HahrN+A+SuIos",
    "$argon2id$v=19$m=65536,t=4000000000,p=4$MyeaZPHUU1vE52HLLsFTfA$\
     3hB0wOuu/o33qP+Jtg/+RAa35nB5I4HahrN+A+SuIos",
    "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
    "",
];

async fn register_with_hash(server: &Server, name: &str, hash: &str) {
    server.register(name).await;
    server.execute(&format!("UPDATE users SET password_hash = '{hash}' WHERE username = '{name}'"));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_verifies_and_replaces_a_legacy_hash(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    for (name, hash) in HASHES {
        register_with_hash(&server, name, hash).await;
        for wrong in [PASSWORD, "pässwörd 1", "pässwörd 1 \u{1F510}", "PÄSSWÖRD 1 \u{1F511}", ""] {
            let answer = log_in(&server, name, wrong).await;
            assert!([401, 422].contains(&answer.status), "{name} {wrong}: {answer:?}");
        }
        assert_eq!(stored_hash(&server, name), hash, "a wrong password does not replace the hash");
        log_in(&server, name, OLD_PASSWORD).await.expect(StatusCode::OK);
        let renewed = stored_hash(&server, name);
        assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{name}: {renewed}");
        log_in(&server, name, OLD_PASSWORD).await.expect(StatusCode::OK);
        assert_eq!(stored_hash(&server, name), renewed, "replaced only once");
        log_in(&server, name, PASSWORD).await.expect(StatusCode::UNAUTHORIZED);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_succeeds_concurrently_with_a_legacy_hash(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    for (name, hash) in HASHES {
        register_with_hash(&server, name, hash).await;
        let answers = join_all((0..8).map(|_| log_in(&server, name, OLD_PASSWORD))).await;
        for answer in answers {
            answer.expect(StatusCode::OK);
        }
        assert!(stored_hash(&server, name).starts_with("$argon2id$"), "{name}");
        assert_eq!(
            server.query(&format!(
                "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE username = '{name}'"
            )),
            "8"
        );
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_password_wins_over_a_concurrent_rehash(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let (_, hash) = HASHES[0];
    server.execute(&format!("UPDATE users SET password_hash = '{hash}'"));
    let change = json!({ "current_password": OLD_PASSWORD, "new_password": "another8word" });
    let (login, change) =
        tokio::join!(log_in(&server, "ada", OLD_PASSWORD), server.post("/auth/password", &token, &change));
    change.expect(StatusCode::NO_CONTENT);
    // The login may come before or after the change. Its session must not outlive the old password.
    if login.status == 200 {
        let token = login.json()["access_token"].as_str().unwrap().to_owned();
        server.get("/notes", &token).await.expect(StatusCode::UNAUTHORIZED);
    } else {
        login.expect(StatusCode::UNAUTHORIZED);
    }
    log_in(&server, "ada", OLD_PASSWORD).await.expect(StatusCode::UNAUTHORIZED);
    log_in(&server, "ada", "another8word").await.expect(StatusCode::OK);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_rejects_an_expensive_or_unsupported_hash(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    for (number, hash) in REJECTED.iter().enumerate() {
        let name = format!("user{number}");
        register_with_hash(&server, &name, hash).await;
        let answer = log_in(&server, &name, OLD_PASSWORD).await;
        assert_eq!(answer.status, 401, "{hash}: {answer:?}");
        assert_eq!(stored_hash(&server, &name), *hash);
    }
    let logged = server.log().matches("the stored password hash is of a kind or a cost").count();
    assert_eq!(logged, REJECTED.len(), "the log has the reason: {}", server.log());
    assert!(!server.log().contains("j6yOXTN5lheB9rf4"), "the log does not have the hash");
    register_with_hash(&server, "others", HASHES[2].1).await;
    log_in(&server, "others", OLD_PASSWORD).await.expect(StatusCode::OK);
}

/// Returns the SQL statements of docs/moving.md for this database.
fn move_users(kind: Kind) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/moving.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks: Vec<&str> =
        text.split("```sql").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let block = if kind == Kind::Postgres { blocks[0] } else { blocks[1] };
    block.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(ToOwned::to_owned).collect()
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sql_statements_of_moving_md_copy_the_users(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind).with("DAYBOOK_ACCEPT_LEGACY_TOKENS", "true");
    assert!(start.run(&["migrate"]).await.status.success());
    let server = start.start().await;
    server.execute(
        "CREATE TABLE old_users (id INTEGER PRIMARY KEY, email TEXT, username TEXT, hashed_password TEXT, \
         created_at TIMESTAMP)",
    );
    for (id, (name, hash)) in HASHES.iter().enumerate() {
        let row = format!(
            "({}, '{name}@Example.com', '{}', '{hash}', '2025-03-04 05:06:07')",
            10 + id,
            name.to_uppercase()
        );
        server.execute(&format!("INSERT INTO old_users VALUES {row}"));
    }
    for statement in move_users(kind) {
        server.execute(&statement);
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (id, (name, _)) in (10..).zip(HASHES) {
        let claims = json!({ "user_id": id.to_string(), "iat": now - 60, "exp": now + 1740 });
        let token = forge(SECRET, &json!({ "alg": "HS256", "typ": "JWT" }), &claims);
        let account = server.get("/users/me", &token).await.expect(StatusCode::OK).json();
        assert_eq!((&account["id"], &account["username"]), (&json!(id), &json!(name.to_uppercase())));
        assert_eq!(account["created_at"], "2025-03-04T05:06:07.000000Z");
        log_in(&server, &format!("{name}@example.com"), OLD_PASSWORD).await.expect(StatusCode::OK);
        server.get("/users/me", &token).await.expect(StatusCode::OK);
    }
    assert_eq!(server.register("late").await, 14);
}
