//! `POST /auth/refresh`: rotation of refresh tokens, retries, reuse and key rotation.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;

use crate::harness::jwt::{claims_of, header_of};
use crate::harness::{Answer, Kind, PASSWORD, SECRET, Server, Start, TEST_TIMEOUT, Tokens};
use crate::sessions::{error_description, events, sessions, turn_back};

/// Returns the number of rounds. `just prove` runs 100.
fn rounds() -> usize {
    std::env::var("DAYBOOK_ROUNDS").map_or(25, |rounds| rounds.parse().expect("a number"))
}

/// Sends a refresh with this media type and body.
async fn refresh_as(server: &Server, media_type: &str, body: &str) -> Answer {
    let request = server.request(Method::POST, "/auth/refresh").header("content-type", media_type);
    Answer::of(request.body(body.to_owned())).await
}

/// Ends the grace period of all replaced refresh tokens.
fn end_grace(server: &Server, kind: Kind) {
    turn_back(server, kind, "rotations", "rotated_at", 31);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_returns_new_tokens_in_every_encoding(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
                let head = "--x\r\nContent-Disposition: form-data; name=\"refresh_token\"\r\n\r\n";
                let part = format!("{head}{token}\r\n--x--\r\n");
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
        assert!(seen.insert(tokens.refresh.clone()), "every refresh token is new");
        assert_eq!(claims_of(&tokens.access)["sid"], session);
        server.get("/users/me", &tokens.access).await.expect(StatusCode::OK);
    }
    // A refresh does not revoke earlier access tokens.
    server.get("/users/me", &login.access).await.expect(StatusCode::OK);
    assert_eq!(sessions(&server, &tokens.access).await.len(), 1);
    assert_eq!(events(&server, &tokens.access).await[2..], ["refresh"; 8]);
}

/// A thief could otherwise use up the limit, and keep the stolen session.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_with_a_reused_token_ends_the_session_even_at_the_limit(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "refresh=3/10m").start().await;
    server.register("ada").await;
    let owner = server.login_tokens("ada").await;
    let mut thief = owner.clone();
    for _ in 0..3 {
        thief = Tokens::of(&server.refresh(&thief.refresh).await.expect(StatusCode::OK));
    }
    server.refresh(&thief.refresh).await.expect(StatusCode::TOO_MANY_REQUESTS);
    end_grace(&server, kind);
    let reused = server.refresh(&owner.refresh).await.expect(StatusCode::UNAUTHORIZED);
    assert!(error_description(&reused).contains("used before"), "{reused:?}");
    server.refresh(&thief.refresh).await.expect(StatusCode::UNAUTHORIZED);
    server.get("/notes", &thief.access).await.expect(StatusCode::UNAUTHORIZED);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_rejects_everything_but_a_refresh_token(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    server.register("ada").await;
    let tokens = server.login_tokens("ada").await;
    let other_half = format!("{}{}", &tokens.refresh[..32], "A".repeat(32));
    let issue = |kind: &str, location: &str, sentence: &str| {
        vec![(kind.to_owned(), location.to_owned(), sentence.to_owned())]
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
        assert_eq!(
            error_description(&server.refresh(wrong).await),
            "The refresh token is invalid",
            "{wrong}"
        );
    }
    // A refresh token is not accepted as an access token.
    assert_eq!(
        error_description(&server.get("/users/me", &tokens.refresh).await),
        "The access token is invalid"
    );
    server.refresh(&tokens.refresh).await.expect(StatusCode::OK);
    // A forged token with the first half of a real one counts as reuse: that half has leaked.
    assert!(error_description(&server.refresh(&other_half).await).contains("used before"));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_is_idempotent_within_the_grace_period(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    assert_eq!(again(&server).await, second, "on the same instance");
    let other = start.start().await;
    assert_eq!(again(&other).await, second, "on another instance");
    server.kill().await;
    let start = start.with("JWT_SECRET_KEY", NEXT).with("JWT_PREVIOUS_SECRET_KEYS", SECRET);
    let server = start.start().await;
    assert_eq!(again(&server).await, second, "after a crash, with another signing secret");
    // For every earlier token, the service returns the newest successor.
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
async fn concurrent_refreshes_return_the_same_successor(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    assert_eq!(refreshes, (rounds() + 1).to_string(), "one event for each round");
    assert_eq!(servers[0].query("SELECT count(*) FROM events WHERE kind = 'refresh_token_reused'"), "0");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_token_reuse_ends_the_session(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    assert_eq!(error_description(&there.refresh(&stolen.refresh).await), sentence);
    // After the response, every token of the session is revoked on every instance.
    for server in [&here, &there] {
        assert_eq!(
            error_description(&server.get("/notes", &tokens.access).await),
            "The access token was revoked"
        );
        assert_eq!(
            error_description(&server.get("/notes", &stolen.access).await),
            "The access token was revoked"
        );
        let after = "The session ended because one of its refresh tokens was used twice";
        assert_eq!(error_description(&server.refresh(&tokens.refresh).await), after);
        assert_eq!(error_description(&server.refresh(&stolen.refresh).await), after);
    }
    let recorded = events(&there, &witness.access).await;
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
    assert_eq!(recorded, expected);
    there.wait_for_log("refresh_token_reused").await;
    assert_eq!(sessions(&here, &witness.access).await.len(), 1);
    here.refresh(&witness.refresh).await.expect(StatusCode::OK);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_account_during_refreshes_ends_all_sessions(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let server = Server::on(kind).await;
    for round in 0..12 {
        let name = format!("user{round}");
        server.register(&name).await;
        let mut refreshing = Vec::new();
        for _ in 0..4 {
            refreshing.push(server.login_tokens(&name).await);
        }
        let own = server.login(&name).await;
        let refreshes = join_all(refreshing.into_iter().map(|mut tokens| {
            let server = &server;
            async move {
                loop {
                    let answer = server.refresh(&tokens.refresh).await;
                    if answer.status != 200 {
                        return error_description(&answer);
                    }
                    tokens = Tokens::of(&answer);
                }
            }
        }));
        let delete = async {
            let body = json!({ "current_password": PASSWORD });
            server.send(Method::DELETE, "/users/me", &own, &body).await.expect(StatusCode::NO_CONTENT);
        };
        let (errors, ()) = tokio::join!(refreshes, delete);
        assert!(errors.iter().all(|error| error == "The refresh token is invalid"), "{errors:?}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_stores_no_usable_token(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
        let values = text.split(' ').map(|digits| HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).unwrap());
        values.collect::<Vec<Vec<u8>>>()
    };
    let dump = match kind {
        // Reads the raw files, because deleted rows may remain in them.
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
    assert!(contains(&dump, b"ada@example.com"), "the dump does not have the account");
    for token in &all {
        assert!(!contains(&dump, token.as_bytes()));
        let whole = URL_SAFE_NO_PAD.decode(token.rsplit('.').next().unwrap()).unwrap();
        for part in [&whole[..], &whole[whole.len() / 2..], &whole[..24.min(whole.len())]] {
            assert!(!contains(&dump, part), "the database has the bytes of a token, or half of them");
            assert!(!contains(&dump, HEXLOWER.encode(part).as_bytes()));
        }
    }
    // No combination of the stored values is a token.
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
async fn key_rotation_under_load_rejects_no_token(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    const NEXT: &str = "Jb0wVr7eKq2ZxN5uTs8yLd1mHf6gCa3pXi9oEk4RvYtQ";
    let start = Start::on(kind);
    let mut servers = [start.start().await, start.start().await];
    servers[0].register("ada").await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(servers[0].login_tokens("ada").await);
    }
    // In the second step every instance accepts the new key. In the third step every instance signs
    // with it. The test removes the old key after that.
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
    assert_eq!(signers.len(), 2, "each key must have signed tokens");
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

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
