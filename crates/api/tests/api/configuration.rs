//! The configuration: its errors, the file `.env`, and the generated secret.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use daybook_test_servers::free_port;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, Kind, PASSWORD, SHUTDOWN_TIMEOUT, Server, Start, text, unreachable_postgres};

/// Returns a configuration with ten problems, and the names of their variables.
fn invalid(kind: Kind) -> (Start, [&'static str; 10]) {
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
async fn serve_reports_all_configuration_problems_at_once() {
    for arguments in [&[][..], &["serve"], &["check"], &["migrate"]] {
        let (start, names) = invalid(Kind::Sqlite);
        let output = start.run(arguments).await;
        assert!(!output.status.success(), "{output:?}");
        // Standard output has only the address, and only after the start.
        assert_eq!(text(&output.stdout), "");
        let error = text(&output.stderr);
        for name in names {
            assert!(error.contains(&format!("\n  {name} ")), "{name} is missing in {error}");
        }
        assert!(!error.contains("canary"), "{error}");
        assert_eq!(fs::read_dir(start.folder()).unwrap().count(), 0, "no file was created");
    }
}

#[tokio::test]
async fn check_reports_the_same_problems_as_serve() {
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
            let error = text(&output.stderr);
            assert!(error.contains(&format!("\n  {name} ")), "{name}={value} {arguments:?}: {error}");
        }
    }
}

#[tokio::test]
async fn serve_fails_before_it_listens_if_a_dependency_is_unusable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    // The file is long enough that SQLite checks its header.
    fs::write(&file, "not a database ".repeat(10)).unwrap();
    for (name, value, reason) in [
        ("DATABASE_URL", unreachable_postgres(), "database"),
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
            error.lines().last().unwrap().starts_with("daybook: ") && error.contains(reason),
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

#[tokio::test]
async fn serve_and_check_reject_too_little_memory_for_one_hash() {
    let start = Start::on(Kind::Sqlite).with("DAYBOOK_ARGON2", "").with("DAYBOOK_HASHING_MEMORY", "63MiB");
    let problem = "one password hash takes 64 MiB (DAYBOOK_ARGON2), but DAYBOOK_HASHING_MEMORY is 63 MiB";
    let output = start.run(&["serve"]).await;
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(text(&output.stderr).ends_with(&format!("daybook: {problem}\n")), "{output:?}");
    let output = start.run(&["check"]).await;
    assert!(!output.status.success(), "{output:?}");
    assert!(text(&output.stdout).contains(&format!("password hashing: {problem}\n")), "{output:?}");
    // This command hashes nothing.
    let output = start.run(&["migrate"]).await;
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_logs_the_limits_of_hashing_and_starts_no_more_threads_than_fit() {
    let start = Start::on(Kind::Sqlite).with("DAYBOOK_ARGON2", "").with("DAYBOOK_HASHING_MEMORY", "191MiB");
    let server = start.clone().with("DAYBOOK_HASHING_THREADS", "3").start().await;
    server.wait_for_log("DAYBOOK_HASHING_THREADS is more than the memory has room for").await;
    let log = server.wait_for_log("\"threads\":2,\"memory_mib\":191,\"queue\":32").await;
    assert!(!log.contains("DAYBOOK_HASHING_MEMORY is"), "{log}");
    let tasks = fs::read_dir(format!("/proc/{}/task", server.process.id().unwrap())).unwrap();
    let names = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap());
    assert_eq!(names.filter(|name| name == "password-hash\n").count(), 2);
    server.user("ada").await;

    for (threads, queue) in [("1", 16), ("2", 32)] {
        let server = start.clone().with("DAYBOOK_HASHING_THREADS", threads).start().await;
        let limits = format!("\"threads\":{threads},\"memory_mib\":191,\"queue\":{queue}");
        let log = server.wait_for_log(&limits).await;
        assert!(!log.contains("DAYBOOK_HASHING_THREADS"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_warns_of_more_memory_for_hashing_than_the_machine_has() {
    let server = Start::on(Kind::Sqlite).with("DAYBOOK_HASHING_MEMORY", "1TiB").start().await;
    let sentence = "DAYBOOK_HASHING_MEMORY is more than the memory limit";
    let log = server.wait_for_log(sentence).await;
    let warning = log.lines().find(|line| line.contains(sentence));
    let warning: Value = serde_json::from_str(warning.unwrap()).unwrap();
    assert_eq!(warning["mib"], 1_048_576);
    let memory = fs::read_to_string("/proc/meminfo").unwrap();
    let memory_kib: u64 = memory.split_whitespace().nth(1).unwrap().parse().unwrap();
    // A container may have less than the machine, but not less than 1 GiB.
    assert!((1_024..=memory_kib / 1024).contains(&warning["limit"].as_u64().unwrap()), "{warning}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dot_env_is_read_and_does_not_override_the_environment() {
    let start = Start::on(Kind::Sqlite);
    fs::write(
        start.folder().join(".env"),
        "# strict\nexport DAYBOOK_PASSWORD_POLICY=\"nist\"\nDAYBOOK_WORKERS=1\n",
    )
    .unwrap();
    let body = json!({ "email": "ada@example.com", "username": "ada", "password": PASSWORD });
    let server = start.start().await;
    server.post("/auth/register", "", &body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let server = start.with("DAYBOOK_PASSWORD_POLICY", "basic").start().await;
    server.post("/auth/register", "", &body).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn dot_env_with_a_syntax_error_is_rejected_without_quoting_it() {
    for broken in ["JWT_SECRET_KEY=\"canary", "JWT_SECRET_KEY canary", "OPENAI_SECRET_KEY='canary"] {
        let start = Start::on(Kind::Sqlite);
        fs::write(start.folder().join(".env"), broken).unwrap();
        let output = start.run(&[]).await;
        assert!(!output.status.success() && output.stdout.is_empty(), "{broken}: {output:?}");
        let error = text(&output.stderr);
        assert!(error.contains(".env") && !error.contains("canary"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dot_env_of_another_service_is_read_with_warnings() {
    let start = Start::on(Kind::Sqlite).with("JWT_SECRET_KEY", "");
    let secret = "pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6xvXM9Z8$abc";
    let file = format!(
        "\u{feff}DAYBOOK_WORKERS=1\r\n\r\nPROJECT_NAME=My Project canary\r\nJWT_SECRET_KEY='{secret}'\r\n"
    );
    fs::write(start.folder().join(".env"), file).unwrap();
    let server = start.start().await;
    let token = server.user("ada").await;
    server.get("/notes", &token).await.expect(StatusCode::OK);
    assert!(!start.folder().join("day.db.jwt-secret").exists(), "the secret of .env is not used");
    let log = server.wait_for_log("line 3 of .env cannot be parsed and is skipped").await;
    assert!(!log.contains("canary") && !log.contains(secret), "{log}");
}

#[tokio::test]
async fn dot_env_with_a_setting_of_two_readings_is_rejected_with_file_line_and_name() {
    let start = Start::on(Kind::Sqlite).with("JWT_SECRET_KEY", "");
    let file =
        "A=1\nJWT_SECRET_KEY=pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6xvXM9Z8$abc\nDAYBOOK_BIND=no where\n";
    fs::write(start.folder().join(".env"), file).unwrap();
    let output = start.run(&[]).await;
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    let error = text(&output.stderr);
    let expected = "\n  JWT_SECRET_KEY in line 2 of .env has a $: put the value in single quotes";
    assert!(error.contains(expected) && !error.contains("pQ7Yn"), "{error}");
    assert!(error.contains("\n  DAYBOOK_BIND in line 3 of .env has a space"), "{error}");
}

#[tokio::test]
async fn serve_logs_the_absolute_path_of_the_database() {
    let start = Start::on(Kind::Sqlite).with("DATABASE_URL", "sqlite://below/day.db");
    let server = start.start().await;
    let path = start.folder().canonicalize().unwrap().join("below/day.db");
    assert!(path.exists());
    server.wait_for_log(&format!("\"file\":\"{}\"", path.display())).await;
}

#[tokio::test]
async fn serve_rejects_a_folder_that_does_not_exist_and_names_it() {
    let start = Start::on(Kind::Sqlite).with("JWT_SECRET_KEY", "");
    let missing = start.folder().join("missing");
    let url = format!("sqlite://{}/day.db", missing.display());
    let output = start.with("DATABASE_URL", &url).run(&[]).await;
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    let error = text(&output.stderr);
    assert!(error.contains(&missing.display().to_string()), "{error}");
    assert!(!missing.exists(), "a folder was created for the secret");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_generates_a_missing_secret_and_keeps_it() {
    let start = Start::on(Kind::Sqlite).with("JWT_SECRET_KEY", "");
    let mut server = start.start().await;
    let file = start.folder().join("day.db.jwt-secret");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read_to_string(&file).unwrap();
    assert!(secret.len() >= 32, "{secret}");
    assert!(!server.log().contains(&secret));
    let token = server.user("ada").await;
    server.signal("TERM");
    assert_eq!(server.exit_code(SHUTDOWN_TIMEOUT).await, Some(0));

    let server = start.start().await;
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
    server.get("/notes", &token).await.expect(StatusCode::OK);
    // The service uses the secret of this file only if none is configured.
    fs::remove_file(&file).unwrap();
    let other = start.start().await;
    assert_ne!(fs::read_to_string(&file).unwrap(), secret);
    other.get("/notes", &token).await.expect(StatusCode::UNAUTHORIZED);
    let configured = start.with("JWT_SECRET_KEY", &secret).start().await;
    configured.get("/notes", &token).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn serve_on_port_0_prints_the_chosen_port() {
    let server = Server::on(Kind::Sqlite).await;
    let (host, port) = server.address().rsplit_once(':').unwrap();
    assert_eq!(host, "127.0.0.1");
    assert_ne!(port.parse::<u16>().unwrap(), 0);
    Answer::of(server.request(Method::GET, "/")).await.expect(StatusCode::OK);
    let chosen = free_port();
    let server = Start::on(Kind::Sqlite).with("DAYBOOK_BIND", &format!("127.0.0.1:{chosen}")).start().await;
    assert_eq!(server.address(), format!("127.0.0.1:{chosen}"));
}
