//! The command line, migrations at the start, the health endpoints and the shutdown.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use daybook_test_servers::free_port;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{
    Answer, Kind, PASSWORD, SECRET, SHUTDOWN_TIMEOUT, Server, Start, TEST_TIMEOUT, eventually, provider,
    text, unreachable_postgres, weather,
};

/// Returns the number of migrations in the repository for this database.
fn migrations(kind: Kind) -> usize {
    let name = if kind == Kind::Sqlite { "sqlite" } else { "postgres" };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(name);
    fs::read_dir(folder).unwrap().count()
}

const APPLIED: &str = "SELECT count(*) FROM __diesel_schema_migrations";

#[tokio::test]
async fn version_and_help_create_no_file() {
    let start = Start::on(Kind::Sqlite);
    let version = start.run(&["--version"]).await;
    assert!(version.status.success());
    assert_eq!(text(&version.stdout).trim(), concat!("daybook ", env!("CARGO_PKG_VERSION")));
    let help = start.run(&["--help"]).await;
    assert!(help.status.success());
    for command in ["serve", "migrate", "vacuum", "check", "openapi", "healthcheck"] {
        assert!(text(&help.stdout).contains(command), "{command}");
    }
    for unknown in ["dance", "--dance"] {
        let output = start.run(&[unknown]).await;
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    }
    assert_eq!(fs::read_dir(start.folder()).unwrap().count(), 0, "no command creates a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openapi_prints_the_served_document() {
    // The command ignores an invalid configuration.
    let bad = Start::on(Kind::Sqlite).with("DATABASE_URL", "nonsense").with("JWT_SECRET_KEY", "short");
    let printed = bad.run(&["openapi"]).await;
    assert!(printed.status.success(), "{printed:?}");
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert!(printed["openapi"].as_str().unwrap().starts_with("3.1"));
    let server = Server::on(Kind::Sqlite).await;
    let served = Answer::of(server.request(Method::GET, "/openapi.json")).await.expect(StatusCode::OK);
    assert_eq!(served.json(), printed);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrate_creates_the_schema_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind);
    let first = start.run(&["migrate"]).await;
    assert!(first.status.success(), "{first:?}");
    assert!(text(&first.stdout).contains(&format!("{} migrations applied", migrations(kind))), "{first:?}");
    let second = start.run(&["migrate"]).await;
    assert!(second.status.success(), "{second:?}");
    assert!(text(&second.stdout).contains(" 0 migrations applied"), "{second:?}");
    let server = start.start().await;
    assert_eq!(server.query(APPLIED), migrations(kind).to_string());
    server.user("ada").await;
    assert!(!server.log().contains("\"migrated\""), "the schema was up to date: {}", server.log());
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vacuum_runs_beside_the_service(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind);
    let server = start.start().await;
    let token = server.user("ada").await;
    let note = server.post("/notes", &token, &json!({ "title": "t", "content": "c" })).await;
    let output = start.run(&["vacuum"]).await;
    assert!(output.status.success(), "{output:?}");
    let said = if kind == Kind::Sqlite { ": rebuilt" } else { ": PostgreSQL needs no rebuild" };
    assert!(text(&output.stdout).contains(said), "{output:?}");
    server.get(note.header("location"), &token).await.expect(StatusCode::OK);
    server.post("/notes", &token, &json!({ "title": "t", "content": "c" })).await.expect(StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_truncates_the_write_ahead_log() {
    let mut server = Server::on(Kind::Sqlite).await;
    let token = server.user("ada").await;
    // Leaves idle connections for reads.
    server.get("/notes", &token).await.expect(StatusCode::OK);
    let log = server.folder().join("day.db-wal");
    let length = || fs::metadata(&log).map_or(0, |found| found.len());
    assert!(length() > 0);
    server.signal("TERM");
    assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0), "{}", server.log());
    assert_eq!(length(), 0, "bytes of the log");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_reports_each_dependency(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (provider, weather) = (provider::summarizing("A list.").await, weather::of_lisbon().await);
    let good = || Start::on(kind).with_provider(&provider.uri()).with_weather(&weather.uri(), &weather.uri());
    let start = good();
    let output = start.run(&["check"]).await;
    assert!(output.status.success(), "{output:?}");
    let printed = text(&output.stdout);
    for line in ["configuration: ok", "database: ok", "AI provider: ok", "geocoding: ok", "weather: ok"] {
        assert!(printed.contains(line), "{printed}");
    }
    if kind == Kind::Sqlite {
        assert_eq!(fs::read_dir(start.folder()).unwrap().count(), 0, "the command creates no database");
    }
    for (name, value, line) in [
        ("DATABASE_URL", unreachable_postgres(), "database: "),
        ("WEATHER_BASE_URL", format!("http://127.0.0.1:{}", free_port()), "weather: "),
        ("GEOCODING_BASE_URL", format!("http://127.0.0.1:{}", free_port()), "geocoding: "),
        ("OPENAI_BASE_URL", format!("http://127.0.0.1:{}", free_port()), "AI provider: "),
    ] {
        let output = good().with(name, &value).run(&["check"]).await;
        assert_eq!(output.status.code(), Some(1), "{name}: {output:?}");
        let printed = text(&output.stdout);
        for other in ["database: ", "AI provider: ", "geocoding: ", "weather: "] {
            assert_eq!(printed.contains(&format!("{other}ok")), other != line, "{name}: {printed}");
        }
    }
    let bad = good().with("DAYBOOK_WORKERS", "none").run(&["check"]).await;
    assert!(!bad.status.success() && bad.stdout.is_empty(), "{bad:?}");
    assert!(text(&bad.stderr).contains("DAYBOOK_WORKERS"));
    // The AI provider is optional.
    assert!(good().with("OPENAI_SECRET_KEY", "").run(&["check"]).await.status.success());
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthcheck_fails_unless_the_service_runs(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind);
    let mut server = start.start().await;
    // The command only needs the address, so it ignores an invalid database URL.
    let check = Start::on(kind).with("DAYBOOK_BIND", server.address()).with("DATABASE_URL", "nonsense");
    let output = check.run(&["healthcheck"]).await;
    assert!(output.status.success(), "{output:?}");
    let everywhere = format!("0.0.0.0:{}", server.address().rsplit_once(':').unwrap().1);
    assert!(check.with("DAYBOOK_BIND", &everywhere).run(&["healthcheck"]).await.status.success());
    let dead = Start::on(kind).with("DAYBOOK_BIND", server.address());
    server.kill().await;
    let output = dead.run(&["healthcheck"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_endpoints_report_ok(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    for (path, checks) in [("/health/live", json!({})), ("/health/ready", json!({ "database": "ok" }))] {
        let answer = Answer::of(server.request(Method::GET, path)).await.expect(StatusCode::OK);
        assert_eq!(answer.json(), json!({ "status": "ok", "checks": checks }));
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_migrates_once_if_eight_instances_start_at_once(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    // On SQLite no secret is set, so all instances must use the same generated secret.
    let secret = if kind == Kind::Sqlite { "" } else { SECRET };
    let start = Start::on(kind).with("JWT_SECRET_KEY", secret).with("DAYBOOK_WORKERS", "1");
    let servers = join_all((0..8).map(|_| start.start())).await;
    let urls: BTreeSet<_> = servers.iter().map(|server| &server.url).collect();
    assert_eq!(urls.len(), 8, "each instance has a port of its own");
    let migrated = servers.iter().filter(|server| server.log().contains("\"migrated\"")).count();
    assert_eq!((migrated, servers[0].query(APPLIED)), (1, migrations(kind).to_string()));
    let token = servers[0].user("ada").await;
    for server in &servers {
        server
            .post("/notes", &token, &json!({ "title": "t", "content": "c" }))
            .await
            .expect(StatusCode::CREATED);
    }
    assert_eq!(servers[7].get("/notes", &token).await.json().as_array().unwrap().len(), 8);
    for server in &servers {
        assert!(!server.log().contains("\"ERROR\""), "{}", server.log());
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_finishes_requests_in_flight(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    for signal in ["TERM", "INT"] {
        let provider = provider::summarizing_after(Duration::from_secs(2), "Late.").await;
        let start = Start::on(kind).with_provider(&provider.uri());
        let mut server = start.start().await;
        let token = server.user("ada").await;
        let note = server.post("/notes", &token, &json!({ "title": "t", "content": "c" })).await;
        let path = format!("{}/summarize", note.header("location"));
        let summary = tokio::spawn(Answer::of(server.request(Method::POST, &path).bearer_auth(&token)));
        eventually("a call to the provider", || async {
            provider.received_requests().await.unwrap().len() == 1
        })
        .await;
        // A second signal during the shutdown changes nothing.
        server.signal(signal);
        server.signal(signal);
        let address = server.address().to_owned();
        eventually("a refused connection", || async { TcpStream::connect(&address).await.is_err() }).await;
        assert!(!summary.is_finished(), "{signal}: the summary was finished too early");
        let answer = summary.await.unwrap().expect(StatusCode::OK);
        assert_eq!(answer.json()["text"], "Late.");
        assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0), "{signal}: {}", server.log());
        // The summary was stored.
        let server = start.start().await;
        let read = server.get(note.header("location"), &token).await.expect(StatusCode::OK).json();
        assert_eq!(read["summary"]["text"], "Late.", "{signal}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_finishes_a_login_in_flight(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    // With slow parameters, the login is in flight when the signal arrives.
    let start = Start::on(kind).with("DAYBOOK_ARGON2", "m=131072,t=10,p=1");
    let mut server = start.start().await;
    server.register("ada").await;
    let form = format!("username=ada&password={PASSWORD}");
    let request = server.request(Method::POST, "/auth/login").body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let login = tokio::spawn(Answer::of(request));
    eventually("the login", || async { server.metric("http_requests_in_flight").await >= 2.0 }).await;
    server.signal("TERM");
    assert!(login.await.unwrap().expect(StatusCode::OK).json()["access_token"].is_string());
    assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0), "{}", server.log());
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_of_an_idle_service_is_quick(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    for signal in ["TERM", "INT"] {
        let mut server = Server::on(kind).await;
        // The connections are silent, have sent half a head, or are idle after a request.
        let _silent = TcpStream::connect(server.address()).await.unwrap();
        let mut half = TcpStream::connect(server.address()).await.unwrap();
        half.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
        let mut idle = Vec::new();
        for _ in 0..5 {
            let mut socket = TcpStream::connect(server.address()).await.unwrap();
            socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            let mut head = [0; 15];
            socket.read_exact(&mut head).await.unwrap();
            assert_eq!(&head, b"HTTP/1.1 200 OK");
            idle.push(socket);
        }
        server.signal(signal);
        assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0), "{signal}: {}", server.log());
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_makes_the_service_not_ready(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = provider::summarizing_after(Duration::from_secs(3), "Late.").await;
    let mut server = Start::on(kind).with_provider(&provider.uri()).start().await;
    let token = server.user("ada").await;
    let note = server.post("/notes", &token, &json!({ "title": "t", "content": "c" })).await;
    let mut idle = TcpStream::connect(server.address()).await.unwrap();
    const PROBE: &[u8] = b"GET /health/ready HTTP/1.1\r\nHost: a\r\n\r\n";
    idle.write_all(PROBE).await.unwrap();
    let mut answer = [0; 4096];
    let length = idle.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"));
    let path = format!("{}/summarize", note.header("location"));
    let summary = tokio::spawn(Answer::of(server.request(Method::POST, &path).bearer_auth(&token)));
    eventually("a call to the provider", || async { provider.received_requests().await.unwrap().len() == 1 })
        .await;
    server.signal("TERM");
    eventually("the log of the stop", || async { server.log().contains("\"stopping\"") }).await;
    // A probe on an open connection gets a 503, or the connection is closed. It never gets a 200.
    let sent = idle.write_all(PROBE).await;
    let length = if sent.is_ok() { idle.read(&mut answer).await.unwrap_or(0) } else { 0 };
    let answer = text(&answer[..length]);
    assert!(length == 0 || answer.starts_with("HTTP/1.1 503"), "{answer}");
    summary.await.unwrap().expect(StatusCode::OK);
    assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0));
}
