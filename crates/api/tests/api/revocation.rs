//! A revoked session is revoked on every instance, whether Redis works or not. Most tests use two
//! instances on one database.

use std::time::{Duration, Instant};

use daybook_auth::{Secret, TokenKeys};
use daybook_test_servers::{Postgres, Redis};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::json;

use crate::harness::jwt::claims_of;
use crate::harness::operations::operations;
use crate::harness::{Answer, Kind, PASSWORD, SECRET, Server, Start, TEST_TIMEOUT, Tokens, eventually};

/// If a request takes longer, it has waited for Redis.
const REDIS_LIMIT: Duration = Duration::from_millis(500);

/// Returns the Redis stream of the instances that sign with this secret.
fn stream(secret: &str) -> String {
    let keys = TokenKeys::new(Secret::parse(secret).unwrap());
    format!("daybook:{}:ended-sessions", keys.key_id())
}

/// Starts two instances on one database.
async fn two_on(kind: Kind, redis: &Redis) -> [Server; 2] {
    let start = Start::on(kind).with("REDIS_URL", &redis.url());
    [start.start().await, start.start().await]
}

#[track_caller]
pub(crate) fn assert_revoked(what: &str, answer: &Answer) {
    assert_eq!(answer.status, 401, "{what}: {answer:?}");
    let challenge = answer.header("www-authenticate");
    assert!(challenge.contains("was revoked"), "{what}: {challenge}");
}

/// Fails unless both instances accept all good tokens and reject all revoked ones. They must not
/// wait for Redis.
async fn assert_all(what: &str, servers: &[Server; 2], good: &[Tokens], revoked: &[Tokens]) {
    for server in servers {
        for tokens in good {
            server.get("/notes", &tokens.access).await.expect(StatusCode::OK);
        }
        for tokens in revoked {
            assert_revoked(what, &server.get("/notes", &tokens.access).await);
            assert_revoked(what, &server.post("/notes", &tokens.access, &json!({})).await);
            assert_eq!(server.refresh(&tokens.refresh).await.status, 401, "{what}");
        }
        let mut fastest = Duration::MAX;
        // One request may be slow on a busy machine. A service that waits for Redis is always slow.
        for _ in 0..5 {
            let began = Instant::now();
            server.get("/notes", &good[0].access).await.expect(StatusCode::OK);
            fastest = fastest.min(began.elapsed());
        }
        assert!(fastest < REDIS_LIMIT, "{what}: {fastest:?}");
    }
}

/// Opens two sessions, ends one of them on the first instance, and checks all tokens.
async fn revoke_one(what: &str, servers: &[Server; 2], good: &mut Vec<Tokens>, revoked: &mut Vec<Tokens>) {
    good.push(servers[0].login_tokens("ada").await);
    let ended = servers[0].login_tokens("ada").await;
    let began = Instant::now();
    servers[0].post("/auth/logout", &ended.access, &json!({})).await.expect(StatusCode::NO_CONTENT);
    assert!(began.elapsed() < 10 * REDIS_LIMIT, "{what}: {:?}", began.elapsed());
    // The other instance must know at once.
    assert_revoked(what, &servers[1].get("/notes", &ended.access).await);
    revoked.push(ended);
    assert_all(what, servers, good, revoked).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_tokens_stay_revoked_while_redis_fails_and_recovers(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let redis = Redis::start();
    let servers = two_on(kind, &redis).await;
    servers[0].register("ada").await;
    let (mut good, mut revoked) = (Vec::new(), Vec::new());
    revoke_one("Redis is up", &servers, &mut good, &mut revoked).await;
    let suspended = redis.suspend();
    revoke_one("Redis hangs", &servers, &mut good, &mut revoked).await;
    drop(suspended);
    revoke_one("Redis works again", &servers, &mut good, &mut revoked).await;
    redis.kill();
    revoke_one("Redis is dead", &servers, &mut good, &mut revoked).await;
    redis.start_again();
    assert_all("Redis is back and empty", &servers, &good, &revoked).await;
    revoke_one("Redis is back and empty", &servers, &mut good, &mut revoked).await;
    let written = || async { redis.query(&["XLEN", &stream(SECRET)]) != "0" };
    eventually("an entry in the stream", written).await;
    revoke_one("Redis is used again", &servers, &mut good, &mut revoked).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_sessions_are_revoked_on_every_instance(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let redis = Redis::start();
    let servers = two_on(kind, &redis).await;
    for (round, is_up) in [(0, true), (1, false)] {
        if !is_up {
            redis.kill();
        }
        for cause in ["logout", "logout-all", "delete", "password", "reuse", "account"] {
            let name = format!("{cause}{round}");
            let [here, there] = &servers;
            here.register(&name).await;
            let (own, other) = (here.login_tokens(&name).await, there.login_tokens(&name).await);
            for server in &servers {
                server.get("/notes", &other.access).await.expect(StatusCode::OK);
            }
            let none = json!({});
            let (dead, alive) = match cause {
                "logout" => {
                    here.post("/auth/logout", &other.access, &none).await.expect(StatusCode::NO_CONTENT);
                    (vec![&other], Some(&own))
                }
                "logout-all" => {
                    here.post("/auth/logout-all", &own.access, &none).await.expect(StatusCode::NO_CONTENT);
                    (vec![&other, &own], None)
                }
                "delete" => {
                    let listed = here.get("/auth/sessions", &own.access).await.json();
                    let listed = listed.as_array().unwrap();
                    let id = &listed.iter().find(|session| session["current"] == false).unwrap()["id"];
                    let path = format!("/auth/sessions/{id}");
                    here.delete(&path, &own.access).await.expect(StatusCode::NO_CONTENT);
                    (vec![&other], Some(&own))
                }
                "password" => {
                    let change = json!({ "current_password": PASSWORD, "new_password": "another8word" });
                    here.post("/auth/password", &own.access, &change).await.expect(StatusCode::NO_CONTENT);
                    (vec![&other], Some(&own))
                }
                "reuse" => {
                    there.refresh(&other.refresh).await.expect(StatusCode::OK);
                    here.execute(match kind {
                        Kind::Sqlite => "UPDATE rotations SET rotated_at = rotated_at - 60000000",
                        Kind::Postgres => {
                            "UPDATE rotations SET rotated_at = rotated_at - interval '1 minute'"
                        }
                    });
                    here.refresh(&other.refresh).await.expect(StatusCode::UNAUTHORIZED);
                    (vec![&other], Some(&own))
                }
                _ => {
                    let body = json!({ "current_password": PASSWORD });
                    let gone = here.send(Method::DELETE, "/users/me", &own.access, &body).await;
                    gone.expect(StatusCode::NO_CONTENT);
                    (vec![&other, &own], None)
                }
            };
            for server in [there, here] {
                for tokens in &dead {
                    assert_revoked(&name, &server.get("/notes", &tokens.access).await);
                    assert_eq!(server.refresh(&tokens.refresh).await.status, 401, "{name}");
                }
                if let Some(tokens) = alive {
                    server.get("/notes", &tokens.access).await.expect(StatusCode::OK);
                }
            }
            if let Some(tokens) = alive {
                there.refresh(&tokens.refresh).await.expect(StatusCode::OK);
            }
        }
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recently_checked_session_is_rejected_after_its_revocation(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    // Without Redis, the second instance finds the logout only in the database.
    let start = Start::on(kind);
    let [here, there] = [start.start().await, start.start().await];
    here.register("ada").await;
    for notes in ["none", "one"] {
        if notes == "one" {
            let token = here.login("ada").await;
            here.post("/notes", &token, &json!({ "title": "t", "content": "c" }))
                .await
                .expect(StatusCode::CREATED);
            let task = json!({ "title": "t", "content": "c", "city": "Lisbon" });
            here.post("/tasks", &token, &task).await.expect(StatusCode::CREATED);
        }
        for operation in operations().filter(|operation| operation.secured) {
            let name = format!("{} with {notes}", operation.name());
            let token = there.login("ada").await;
            for _ in 0..2 {
                there.get("/notes", &token).await.expect(StatusCode::OK);
            }
            here.post("/auth/logout", &token, &json!({})).await.expect(StatusCode::NO_CONTENT);
            for id in ["1", "999", "x"] {
                assert_revoked(&name, &Answer::of(operation.request(&there, id).bearer_auth(&token)).await);
            }
            let bad_query = there.request(operation.method.clone(), &format!("{}?limit=x", operation.path));
            assert_revoked(&name, &Answer::of(bad_query.bearer_auth(&token)).await);
        }
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recently_checked_session_is_checked_for_expiry(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind);
    let server = start.start().await;
    let token = server.user("ada").await;
    for _ in 0..2 {
        server.get("/notes", &token).await.expect(StatusCode::OK);
    }
    server.execute(match kind {
        Kind::Sqlite => "UPDATE sessions SET expires_at = 1000000 * unixepoch('now')",
        Kind::Postgres => "UPDATE sessions SET expires_at = now()",
    });
    for path in ["/notes", "/notes/1", "/tasks", "/tasks/1"] {
        assert_revoked(path, &server.get(path, &token).await);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_ready_does_not_depend_on_redis(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let redis = Redis::start();
    let [server, _other] = two_on(kind, &redis).await;
    let ready = || async { Answer::of(server.request(Method::GET, "/health/ready")).await };
    eventually("Redis is up", || async { ready().await.json()["checks"]["redis"] == "ok" }).await;
    redis.kill();
    eventually("Redis is down", || async { ready().await.json()["checks"]["redis"] == "unavailable" }).await;
    assert_eq!(ready().await.expect(StatusCode::OK).json()["status"], "ok");
    redis.start_again();
    eventually("Redis is up again", || async { ready().await.json()["checks"]["redis"] == "ok" }).await;
    assert_eq!(server.log().matches("Redis does not answer").count(), 1, "one line for each failure");
}

/// The purpose of the stream is that an instance knows of a revocation without the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_reports_a_revocation_while_the_database_is_down() {
    let (redis, postgres) = (Redis::start(), Postgres::start(""));
    let database = postgres.create_database();
    let start = Start::on(Kind::Sqlite).with("DATABASE_URL", database.url()).with("REDIS_URL", &redis.url());
    let servers = [start.start().await, start.start().await];
    servers[0].register("ada").await;
    let (good, ended) = (servers[0].login_tokens("ada").await, servers[0].login_tokens("ada").await);
    servers[0].post("/auth/logout", &ended.access, &json!({})).await.expect(StatusCode::NO_CONTENT);
    let written = || async { redis.query(&["XLEN", &stream(SECRET)]) == "1" };
    eventually("the revocation is published", written).await;
    let left: i64 = redis.query(&["TTL", &stream(SECRET)]).parse().unwrap();
    assert!((1..=1_800).contains(&left), "the stream expires after the lifetime of an access token: {left}");
    // An instance that starts later reads the older entries.
    let late = start.start().await;
    postgres.kill();
    for server in [&servers[1], &late] {
        let known = || async { server.get("/notes", &ended.access).await.status == 401 };
        eventually("the revocation is known without the database", known).await;
        assert_eq!(server.get("/notes", &good.access).await.status, 503);
    }
}

/// After an older backup is restored, the database assigns the same ids a second time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_ignores_later_sessions_with_the_same_id() {
    let redis = Redis::start();
    let start = Start::on(Kind::Sqlite).with("REDIS_URL", &redis.url());
    let server = start.start().await;
    let token = server.user("ada").await;
    let session = claims_of(&token)["sid"].to_string();
    let a_minute_ago = format!("{}-0", (claims_of(&token)["iat"].as_i64().unwrap() - 60) * 1_000);
    redis.query(&["XADD", &stream(SECRET), &a_minute_ago, "session", &session]);
    let other = start.start().await;
    // An instance reads the stream in order. If it rejects the marker, it has read all earlier
    // entries.
    let marker = server.login("ada").await;
    redis.query(&["XADD", &stream(SECRET), "*", "session", &claims_of(&marker)["sid"].to_string()]);
    for server in [&server, &other] {
        eventually("the stream is read", || async { server.get("/notes", &marker).await.status == 401 })
            .await;
        server.get("/notes", &token).await.expect(StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_deployments_share_a_redis_without_interference() {
    const OTHER_SECRET: &str = "Jb0wVr7eKq2ZxN5uTs8yLd1mHf6gCa3pXi9oEk4RvYtQ";
    let redis = Redis::start();
    let start = || {
        Start::on(Kind::Sqlite)
            .with("REDIS_URL", &redis.url())
            .with("DAYBOOK_RATE_LIMIT", "account=2/1h,address=100/1h")
    };
    let (here, there) = (start().start().await, start().with("JWT_SECRET_KEY", OTHER_SECRET).start().await);
    let (ended, good) = (here.user("ada").await, there.user("ada").await);
    assert_eq!(claims_of(&ended)["sid"], claims_of(&good)["sid"]);
    here.post("/auth/logout", &ended, &json!({})).await.expect(StatusCode::NO_CONTENT);
    let written = || async { redis.query(&["XLEN", &stream(SECRET)]) == "1" };
    eventually("the revocation is published", written).await;
    let marker = there.login("ada").await;
    there.post("/auth/logout", &marker, &json!({})).await.expect(StatusCode::NO_CONTENT);
    let written = || async { redis.query(&["XLEN", &stream(OTHER_SECRET)]) == "1" };
    eventually("the other revocation is published", written).await;
    there.get("/notes", &good).await.expect(StatusCode::OK);
    for _ in 0..3 {
        here.login_form(&[("username", "ada"), ("password", "wrong1word")]).await;
    }
    there.login("ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_starts_without_a_reachable_redis() {
    let start = Start::on(Kind::Sqlite).with("REDIS_URL", "redis://:canary@127.0.0.1:9");
    let server = start.start().await;
    let token = server.user("ada").await;
    server.get("/notes", &token).await.expect(StatusCode::OK);
    eventually("the failure is logged", || async { server.log().contains("Redis does not answer") }).await;
    assert!(!server.log().contains("canary"));
    let check = start.run(&["check"]).await;
    let report = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(
        report.contains("Redis: ") && !report.contains("Redis: ok") && !report.contains("canary"),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_connection_verifies_the_certificate() {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (redis, url) = Redis::start_with_tls(&certificate.pem(), &key.serialize_pem());
    let start = Start::on(Kind::Sqlite).with("REDIS_URL", &url).with("DAYBOOK_RATE_LIMIT", "on");
    let roots = start.folder().join("roots.pem");
    std::fs::write(&roots, certificate.pem()).unwrap();
    // A service that does not trust the certificate does not connect to this server.
    let stranger = start.start().await;
    eventually("the failure is logged", || async { stranger.log().contains("Redis does not answer") }).await;
    let server = start.with("SSL_CERT_FILE", roots.to_str().unwrap()).start().await;
    let token = server.user("ada").await;
    // Until the service has connected, it counts by itself.
    eventually("the rate limits are in Redis", || async {
        server.login("ada").await;
        redis.query(&["KEYS", "*"]).contains("{daybook:")
    })
    .await;
    server.post("/auth/logout", &token, &json!({})).await.expect(StatusCode::NO_CONTENT);
    eventually("the revocation is published", || async { redis.query(&["XLEN", &stream(SECRET)]) == "1" })
        .await;
    assert!(!server.log().contains("Redis does not answer"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_login_is_retried_after_a_rejection() {
    let redis = Redis::start();
    redis.query(&["CONFIG", "SET", "requirepass", "before"]);
    let url = redis.url().replace("127.0.0.1", ":after@127.0.0.1");
    let server = Start::on(Kind::Sqlite).with("REDIS_URL", &url).start().await;
    eventually("the login is rejected", || async { server.log().contains("Redis does not answer") }).await;
    redis.query(&["-a", "before", "--no-auth-warning", "CONFIG", "SET", "requirepass", "after"]);
    eventually("the login is accepted", || async { server.log().contains("Redis is back") }).await;
}
