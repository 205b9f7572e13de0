//! `daybook secret` and `daybook token explain`.

use std::collections::BTreeSet;
use std::process::Stdio;

use daybook_auth::{Secret, TokenKeys};
use reqwest::StatusCode;
use rstest::rstest;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::harness::jwt::{claims_of, forge, header_of};
use crate::harness::{Kind, SECRET, Start, TEST_TIMEOUT};

const OTHER_SECRET: &str = "Jb0wVr7eKq2ZxN5uTs8yLd1mHf6gCa3pXi9oEk4RvYtQ";

/// Runs `token explain`. Returns true if the token is good, and the output.
async fn explain(start: &Start, token: &str) -> (bool, String) {
    let output = start.run(&["token", "explain", token]).await;
    let explanation = String::from_utf8(output.stdout).unwrap();
    let good = output.status.code() == Some(0);
    assert_eq!(
        output.status.code(),
        Some(i32::from(!good)),
        "{explanation}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(explanation.lines().last(), Some(if good { "good" } else { "not good" }), "{explanation}");
    for secret in [SECRET, OTHER_SECRET] {
        assert!(!explanation.contains(secret));
    }
    if let Some((_, signature)) = token.rsplit_once('.').filter(|(_, signature)| signature.len() > 9) {
        assert!(!explanation.contains(signature), "the output has the signature: {explanation}");
    }
    (good, explanation)
}

#[track_caller]
fn assert_explained((good, explanation): (bool, String), expected: (bool, &[&str])) {
    assert_eq!(good, expected.0, "{explanation}");
    for line in expected.1 {
        assert!(explanation.contains(line), "no {line:?} in:\n{explanation}");
    }
}

#[tokio::test]
async fn secret_prints_a_new_valid_secret_each_time() {
    // The command ignores an invalid configuration and creates no file.
    let start = Start::on(Kind::Sqlite).with("DATABASE_URL", "nonsense").with("JWT_SECRET_KEY", "short");
    let mut seen = BTreeSet::new();
    for _ in 0..10 {
        let output = start.run(&["secret"]).await;
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let secret = printed.strip_suffix('\n').unwrap();
        assert!(
            secret.len() >= 43 && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        Secret::parse(secret).expect("the service accepts the secret");
        assert!(seen.insert(secret.to_owned()));
    }
    assert_eq!(std::fs::read_dir(start.folder()).unwrap().count(), 0);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_explain_reports_signature_expiry_and_session(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let start = Start::on(kind).with("DAYBOOK_ACCEPT_LEGACY_TOKENS", "true");
    let server = start.start().await;
    let id = server.register("ada").await;
    server.execute(match kind {
        Kind::Sqlite => "UPDATE users SET password_changed_at = password_changed_at - 3600000000",
        Kind::Postgres => "UPDATE users SET password_changed_at = password_changed_at - interval '1 hour'",
    });
    let (token, ended) = (server.login("ada").await, server.login("ada").await);
    let (header, claims) = (header_of(&token), claims_of(&token));
    let (iat, session) = (claims["iat"].as_i64().unwrap(), claims["sid"].as_i64().unwrap());
    let again = |secret: &str, issued_at| {
        TokenKeys::new(Secret::parse(secret).unwrap()).issue(id, session, issued_at).unwrap()
    };

    let lives = format!("session: {session} lives, opened 20");
    assert_explained(
        explain(&start, &token).await,
        (true, &["signature: by JWT_SECRET_KEY", "token: valid for 1", &lives]),
    );
    server.post("/auth/logout", &ended, &json!({})).await.expect(StatusCode::NO_CONTENT);
    let over = format!("session: {} has ended or expired, or its user is gone", claims_of(&ended)["sid"]);
    assert_explained(explain(&start, &ended).await, (false, &["token: valid for 1", &over]));
    assert_explained(
        explain(&start, &again(SECRET, iat - 2_000)).await,
        (false, &["signature: by JWT_SECRET_KEY", "expires: 20", "token: the token has expired"]),
    );
    assert_explained(
        explain(&start, &again(OTHER_SECRET, iat)).await,
        (false, &["signature: by none of the configured keys", "token: "]),
    );
    let rotated = start.clone().with("JWT_SECRET_KEY", OTHER_SECRET).with("JWT_PREVIOUS_SECRET_KEYS", SECRET);
    assert_explained(
        explain(&rotated, &token).await,
        (true, &["signature: by one of JWT_PREVIOUS_SECRET_KEYS", &lives]),
    );

    let legacy = json!({ "user_id": id.to_string(), "iat": iat, "exp": iat + 1_800 });
    let legacy = forge(SECRET, &json!({ "alg": "HS256", "typ": "JWT" }), &legacy);
    assert_explained(explain(&start, &legacy).await, (true, &["session: none, and nothing has ended it"]));
    assert_explained(
        explain(&start.clone().with("DAYBOOK_ACCEPT_LEGACY_TOKENS", ""), &legacy).await,
        (false, &["token: "]),
    );

    // The text in a forged header does not add lines to the output.
    let mut loud = header.clone();
    loud["crit"] = json!(["\ngood\n\u{1b}[2J"]);
    let (good, explanation) = explain(&start, &forge(SECRET, &loud, &claims)).await;
    assert!(
        !good
            && !explanation.contains('\u{1b}')
            && explanation.lines().filter(|line| *line == "good").count() == 0,
        "{explanation}"
    );
    for garbage in
        ["", "a", "a.b.c", "....", "Bearer x", &"a".repeat(5_000), &token[1..], &format!("{token}x")]
    {
        let (good, explanation) = explain(&start, garbage).await;
        assert!(!good, "{garbage}: {explanation}");
    }

    // The command also reads the token from standard input. The token is then not in the history of
    // the shell.
    let mut command = start.command(&["token", "explain"]);
    let mut process = command.stdin(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(format!("  {token}\n").as_bytes()).await.unwrap();
    let output = process.wait_with_output().await.unwrap();
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).ends_with("\ngood\n"),
        "{output:?}"
    );
    assert!(!String::from_utf8_lossy(&output.stdout).contains(token.rsplit('.').next().unwrap()));
}

#[tokio::test]
async fn token_explain_generates_no_secret() {
    let start = Start::on(Kind::Sqlite).with("JWT_SECRET_KEY", "");
    let output = start.run(&["token", "explain", "a.b.c"]).await;
    assert!(!output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("day.db.jwt-secret cannot be read"),
        "{output:?}"
    );
    assert_eq!(std::fs::read_dir(start.folder()).unwrap().count(), 0);
}
