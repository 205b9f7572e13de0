//! The binary from its command line to its exit code.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use daybook_test_servers::free_port;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::ResponseTemplate;

use crate::harness::{Answer, Kind, Server, Start, TEST_TIMEOUT, eventually, provider, weather};

/// Less than the grace period that a service with nothing to finish must not take, and much more than it needs.
const SOON: Duration = Duration::from_secs(20);

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A PostgreSQL that nobody runs.
fn dead_database() -> String {
    format!("postgres://postgres@127.0.0.1:{}/nothing", free_port())
}

/// The migrations that the repository has for this database.
fn migrations(kind: Kind) -> usize {
    let name = if kind == Kind::Sqlite { "sqlite" } else { "postgres" };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(name);
    fs::read_dir(folder).unwrap().count()
}

const APPLIED: &str = "SELECT count(*) FROM __diesel_schema_migrations";

#[tokio::test]
async fn the_version_and_the_help_are_printed() {
    let start = Start::on(Kind::Sqlite);
    let version = start.run(&["--version"]).await;
    assert!(version.status.success());
    assert_eq!(text(&version.stdout).trim(), concat!("daybook ", env!("CARGO_PKG_VERSION")));
    let help = start.run(&["--help"]).await;
    assert!(help.status.success());
    for command in ["serve", "migrate", "check", "openapi", "healthcheck"] {
        assert!(text(&help.stdout).contains(command), "{command}");
    }
    for unknown in ["dance", "--dance"] {
        let output = start.run(&[unknown]).await;
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    }
    assert_eq!(fs::read_dir(start.folder()).unwrap().count(), 0, "none of these touches anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openapi_prints_what_the_service_serves() {
    // It needs no configuration, not even a good one.
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
async fn migrate_brings_the_schema_and_does_nothing_else(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
    assert!(!server.log().contains("\"migrated\""), "there was nothing left to do: {}", server.log());
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tells_whether_all_is_well(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (provider, weather) = (provider::summarizing("A list.").await, weather::of_lisbon().await);
    let good = || {
        Start::on(kind)
            .with("OPENAI_SECRET_KEY", "sk-test")
            .with("OPENAI_BASE_URL", &format!("{}/v1", provider.uri()))
            .with("WEATHER_BASE_URL", &weather.uri())
            .with("GEOCODING_BASE_URL", &weather.uri())
    };
    let start = good();
    let output = start.run(&["check"]).await;
    assert!(output.status.success(), "{output:?}");
    let told = text(&output.stdout);
    for line in ["configuration: ok", "database: ok", "AI provider: ok", "geocoding: ok", "weather: ok"] {
        assert!(told.contains(line), "{told}");
    }
    if kind == Kind::Sqlite {
        assert_eq!(fs::read_dir(start.folder()).unwrap().count(), 0, "a check makes no database");
    }
    for (name, value, line) in [
        ("DATABASE_URL", dead_database(), "database: "),
        ("WEATHER_BASE_URL", format!("http://127.0.0.1:{}", free_port()), "weather: "),
        ("GEOCODING_BASE_URL", format!("http://127.0.0.1:{}", free_port()), "geocoding: "),
        ("OPENAI_BASE_URL", format!("http://127.0.0.1:{}", free_port()), "AI provider: "),
    ] {
        let output = good().with(name, &value).run(&["check"]).await;
        assert_eq!(output.status.code(), Some(1), "{name}: {output:?}");
        let told = text(&output.stdout);
        for other in ["database: ", "AI provider: ", "geocoding: ", "weather: "] {
            assert_eq!(told.contains(&format!("{other}ok")), other != line, "{name}: {told}");
        }
    }
    let bad = good().with("DAYBOOK_WORKERS", "none").run(&["check"]).await;
    assert!(!bad.status.success() && bad.stdout.is_empty(), "{bad:?}");
    assert!(text(&bad.stderr).contains("DAYBOOK_WORKERS"));
    // Without the AI provider a service is complete.
    assert!(good().with("OPENAI_SECRET_KEY", "").run(&["check"]).await.status.success());
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthcheck_asks_a_running_service(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind);
    let mut server = start.start().await;
    // What else is wrong does not matter: the check asks and knows nothing itself.
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
async fn the_probes_tell_how_it_is(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    for (path, checks) in [("/health/live", json!({})), ("/health/ready", json!({ "database": "ok" }))] {
        let answer = Answer::of(server.request(Method::GET, path)).await.expect(StatusCode::OK);
        assert_eq!(answer.json(), json!({ "status": "ok", "checks": checks }));
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_that_start_at_once_migrate_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    // On SQLite without a secret: they also have to agree on the one that the first of them makes.
    let secret = if kind == Kind::Sqlite { "" } else { crate::harness::SECRET };
    let start = Start::on(kind).with("JWT_SECRET_KEY", secret).with("DAYBOOK_WORKERS", "1");
    let servers = join_all((0..8).map(|_| start.start())).await;
    let urls: BTreeSet<_> = servers.iter().map(|server| &server.url).collect();
    assert_eq!(urls.len(), 8, "each has a port of its own");
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
async fn a_signal_lets_begun_requests_end(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    for signal in ["TERM", "INT"] {
        let slow = ResponseTemplate::new(200)
            .set_body_json(provider::completed("Late."))
            .set_delay(Duration::from_secs(2));
        let provider = provider::answering(slow).await;
        let start = Start::on(kind)
            .with("OPENAI_SECRET_KEY", "sk-test")
            .with("OPENAI_BASE_URL", &format!("{}/v1", provider.uri()));
        let mut server = start.start().await;
        let token = server.user("ada").await;
        let note = server.post("/notes", &token, &json!({ "title": "t", "content": "c" })).await;
        let path = format!("{}/summarize", note.header("location"));
        let summary = tokio::spawn(Answer::of(server.request(Method::POST, &path).bearer_auth(&token)));
        eventually("a question to the provider", || async {
            provider.received_requests().await.unwrap().len() == 1
        })
        .await;
        // A second one, while a request is under way, does not hurt.
        server.signal(signal);
        server.signal(signal);
        let address = server.address().to_owned();
        eventually("a refused connection", || async { TcpStream::connect(&address).await.is_err() }).await;
        assert!(!summary.is_finished(), "{signal}: the mock did not wait");
        let answer = summary.await.unwrap().expect(StatusCode::OK);
        assert_eq!(answer.json()["text"], "Late.");
        assert_eq!(server.exit_code(SOON).await, Some(0), "{signal}: {}", server.log());
        // And what it stored is there.
        let server = start.start().await;
        let read = server.get(note.header("location"), &token).await.expect(StatusCode::OK).json();
        assert_eq!(read["summary"]["text"], "Late.", "{signal}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_under_way_ends_well(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    // Slow enough to be under way when the signal comes.
    let start = Start::on(kind).with("DAYBOOK_ARGON2", "m=131072,t=10,p=1");
    let mut server = start.start().await;
    server.register("ada").await;
    let form = format!("username=ada&password={}", crate::harness::PASSWORD);
    let request = server.request(Method::POST, "/auth/login").body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let login = tokio::spawn(Answer::of(request));
    eventually("the login", || async { server.metric("http_requests_in_flight").await >= 2.0 }).await;
    server.signal("TERM");
    assert!(login.await.unwrap().expect(StatusCode::OK).json()["access_token"].is_string());
    assert_eq!(server.exit_code(SOON).await, Some(0), "{}", server.log());
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_nothing_to_do_stops_soon(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    for signal in ["TERM", "INT"] {
        let mut server = Server::on(kind).await;
        // One that was never used, one in the midst of a head, and some between two requests.
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
        assert_eq!(server.exit_code(SOON).await, Some(0), "{signal}: {}", server.log());
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_turns_readiness_off(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let slow = ResponseTemplate::new(200)
        .set_body_json(provider::completed("Late."))
        .set_delay(Duration::from_secs(3));
    let provider = provider::answering(slow).await;
    let mut server = Start::on(kind)
        .with("OPENAI_SECRET_KEY", "sk-test")
        .with("OPENAI_BASE_URL", &format!("{}/v1", provider.uri()))
        .start()
        .await;
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
    eventually("a question to the provider", || async {
        provider.received_requests().await.unwrap().len() == 1
    })
    .await;
    server.signal("TERM");
    eventually("the log of the stop", || async { server.log().contains("\"stopping\"") }).await;
    // A probe over a connection that it has kept: it is told, or it finds the connection closed, but never that all is well.
    let sent = idle.write_all(PROBE).await;
    let length = if sent.is_ok() { idle.read(&mut answer).await.unwrap_or(0) } else { 0 };
    let told = text(&answer[..length]);
    assert!(length == 0 || told.starts_with("HTTP/1.1 503"), "{told}");
    summary.await.unwrap().expect(StatusCode::OK);
    assert_eq!(server.exit_code(SOON).await, Some(0));
}

/// Wrong in every way at once.
fn wrong(kind: Kind) -> (Start, [&'static str; 10]) {
    let start = Start::on(kind)
        .with("DATABASE_URL", "postgres://user:canary1@host/name?sslmode=canary2")
        .with("JWT_SECRET_KEY", "canary3")
        .with("JWT_PREVIOUS_SECRET_KEYS", "canary4,canary5")
        .with("DAYBOOK_BIND", "nowhere")
        .with("DAYBOOK_WORKERS", "0")
        .with("DAYBOOK_PASSWORD_POLICY", "none")
        .with("DAYBOOK_ARGON2", "m=1,t=1,p=1")
        .with("DAYBOOK_ACCEPT_LEGACY_TOKENS", "perhaps")
        .with("OPENAI_SECRET_KEY", "sk-canary6\u{7f}canary7")
        .with("OPENAI_BASE_URL", "http://user:canary8@host/v1");
    let names = [
        "DATABASE_URL",
        "JWT_SECRET_KEY",
        "JWT_PREVIOUS_SECRET_KEYS",
        "DAYBOOK_BIND",
        "DAYBOOK_WORKERS",
        "DAYBOOK_PASSWORD_POLICY",
        "DAYBOOK_ARGON2",
        "DAYBOOK_ACCEPT_LEGACY_TOKENS",
        "OPENAI_SECRET_KEY",
        "OPENAI_BASE_URL",
    ];
    (start, names)
}

#[tokio::test]
async fn all_problems_of_the_configuration_are_told_at_once() {
    for arguments in [&[][..], &["serve"], &["check"], &["migrate"]] {
        let (start, names) = wrong(Kind::Sqlite);
        let output = start.run(arguments).await;
        assert!(!output.status.success(), "{output:?}");
        // What listens says so there.
        assert_eq!(text(&output.stdout), "");
        let told = text(&output.stderr);
        for name in names {
            assert!(told.contains(&format!("\n  {name} ")), "{name} is missing in {told}");
        }
        assert!(!told.contains("canary"), "{told}");
        assert_eq!(fs::read_dir(start.folder()).unwrap().count(), 0, "nothing was begun");
    }
}

#[tokio::test]
async fn check_finds_what_serve_would_stumble_over() {
    for (name, value) in [
        ("WEATHER_BASE_URL", "http://127.0.0.1:9/?key=1"),
        ("WEATHER_BASE_URL", "http://user@127.0.0.1:9/"),
        ("GEOCODING_BASE_URL", "http://127.0.0.1:9/#there"),
        ("OPENAI_BASE_URL", "http://user@127.0.0.1:9/v1"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1#there"),
    ] {
        let start = Start::on(Kind::Sqlite).with("OPENAI_SECRET_KEY", "sk-test").with(name, value);
        for arguments in [&["serve"][..], &["check"], &["migrate"]] {
            let output = start.run(arguments).await;
            assert!(
                !output.status.success() && output.stdout.is_empty(),
                "{name}={value} {arguments:?}: {output:?}"
            );
            let told = text(&output.stderr);
            assert!(told.contains(&format!("\n  {name} ")), "{name}={value} {arguments:?}: {told}");
        }
    }
}

#[tokio::test]
async fn what_cannot_work_ends_before_it_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "this is a text and no database, and long enough to be looked at as if it were one")
        .unwrap();
    for (name, value, told) in [
        ("DATABASE_URL", dead_database(), "database"),
        ("DATABASE_URL", format!("sqlite://{}/below/day.db", file.display()), "database"),
        ("DATABASE_URL", format!("sqlite://{}", file.display()), "database"),
        ("DAYBOOK_BIND", taken.clone(), "cannot listen"),
        ("DAYBOOK_BIND", "192.0.2.1:8080".to_owned(), "cannot listen"),
    ] {
        let output = Start::on(Kind::Sqlite).with(name, &value).run(&[]).await;
        assert!(!output.status.success(), "{value}: {output:?}");
        assert_eq!(text(&output.stdout), "", "{value}");
        let error = text(&output.stderr);
        assert!(
            error.lines().last().unwrap().starts_with("daybook: ") && error.contains(told),
            "{value}: {error}"
        );
    }
    drop(listener);
    let output = Start::on(Kind::Postgres).with("JWT_SECRET_KEY", "").run(&[]).await;
    assert!(
        !output.status.success() && text(&output.stderr).contains("JWT_SECRET_KEY must be set"),
        "{output:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dot_env_is_read_and_never_overrides() {
    let start = Start::on(Kind::Sqlite);
    fs::write(
        start.folder().join(".env"),
        "# strict\nexport DAYBOOK_PASSWORD_POLICY=\"nist\"\nDAYBOOK_WORKERS=1\n",
    )
    .unwrap();
    let body = |name: &str| json!({ "email": format!("{name}@example.com"), "username": name, "password": crate::harness::PASSWORD });
    let server = start.start().await;
    server.post("/auth/register", "", &body("ada")).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let server = start.with("DAYBOOK_PASSWORD_POLICY", "basic").start().await;
    server.post("/auth/register", "", &body("ada")).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_broken_dot_env_is_refused_without_being_quoted() {
    for broken in ["JWT_SECRET_KEY=\"canary", "JWT_SECRET_KEY canary", "OPENAI_SECRET_KEY='canary"] {
        let start = Start::on(Kind::Sqlite);
        fs::write(start.folder().join(".env"), broken).unwrap();
        let output = start.run(&[]).await;
        assert!(!output.status.success() && output.stdout.is_empty(), "{broken}: {output:?}");
        let told = text(&output.stderr);
        assert!(told.contains(".env") && !told.contains("canary"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_secret_one_is_made_and_kept() {
    let start = Start::on(Kind::Sqlite).with("JWT_SECRET_KEY", "");
    let mut server = start.start().await;
    let file = start.folder().join("day.db.jwt-secret");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read_to_string(&file).unwrap();
    assert!(secret.len() >= 32, "{secret}");
    assert!(!server.log().contains(&secret));
    let token = server.user("ada").await;
    server.signal("TERM");
    assert_eq!(server.exit_code(SOON).await, Some(0));

    let server = start.start().await;
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
    server.get("/notes", &token).await.expect(StatusCode::OK);
    // It is this file that decides, unless a secret is configured.
    fs::remove_file(&file).unwrap();
    let other = start.start().await;
    assert_ne!(fs::read_to_string(&file).unwrap(), secret);
    other.get("/notes", &token).await.expect(StatusCode::UNAUTHORIZED);
    let configured = start.with("JWT_SECRET_KEY", &secret).start().await;
    configured.get("/notes", &token).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn port_0_is_a_port_that_is_told() {
    let server = Server::on(Kind::Sqlite).await;
    let (host, port) = server.address().rsplit_once(':').unwrap();
    assert_eq!(host, "127.0.0.1");
    assert_ne!(port.parse::<u16>().unwrap(), 0);
    Answer::of(server.request(Method::GET, "/")).await.expect(StatusCode::OK);
    let chosen = free_port();
    let server = Start::on(Kind::Sqlite).with("DAYBOOK_BIND", &format!("127.0.0.1:{chosen}")).start().await;
    assert_eq!(server.address(), format!("127.0.0.1:{chosen}"));
}
