//! What must not bring the service down, nor lose anything.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use daybook_test_servers::Postgres;
use futures_util::future::join_all;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Answer, Kind, PASSWORD, Server, Start, TEST_TIMEOUT, eventually};

const BUSY: &str = "The service is busy, try again shortly";

/// Connections of one process with two workers: a pool of 8 for writes, and one for each worker's reads.
const CONNECTIONS: i64 = 8 + 2;

/// Sessions of the service at PostgreSQL, of the kind that the condition describes.
fn sessions(server: &Server, condition: &str) -> i64 {
    let ours = "datname = current_database() AND application_name = 'daybook'";
    let count = server.query(&format!("SELECT count(*) FROM pg_stat_activity WHERE {ours} AND {condition}"));
    count.parse().unwrap()
}

/// A note with this title, and the answer to it.
async fn write(server: &Server, token: &str, title: &str) -> Answer {
    server.post("/notes", token, &json!({ "title": title, "content": "c" })).await
}

/// The titles of all notes.
async fn titles(server: &Server, token: &str) -> BTreeSet<String> {
    let mut titles = BTreeSet::new();
    let mut path = "/notes?limit=100".to_owned();
    loop {
        let page = server.get(&path, token).await.expect(StatusCode::OK);
        for note in page.json().as_array().unwrap() {
            titles.insert(note["title"].as_str().unwrap().to_owned());
        }
        let link = page.header("link");
        let Some((target, _)) = link.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            return titles;
        };
        path = target.strip_prefix(&server.url).unwrap_or(target).to_owned();
    }
}

/// Waits until nothing is under way but the question itself.
async fn quiet(server: &Server) {
    eventually("a service at rest", || async { server.metric("http_requests_in_flight").await == 1.0 }).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_vanish_leave_nothing_behind(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Start::on(kind).with("DAYBOOK_RATE_LIMIT", "off").start().await;
    let token = server.user("ada").await;
    let note = r#"{"title":"half","content":"of a connection"}"#;
    let form = format!("username=ada&password={PASSWORD}");
    let head = |line: &str, rest: &str| {
        format!("{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{rest}\r\n")
    };
    let post =
        head("POST /notes", &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", note.len()));
    let login = head(
        "POST /auth/login",
        &format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", form.len()),
    );
    let get = head("GET /notes", "");
    let get_half = get[..get.len() - 2].to_owned();
    // Where each of them breaks off.
    let cuts = [
        post.clone(),
        format!("{post}{}", &note[..note.len() / 2]),
        format!("{post}{note}"),
        format!("{post}{note}"),
        get_half,
        get.clone(),
        get.clone(),
        login.clone(),
        format!("{login}{}", &form[..form.len() / 2]),
        format!("{login}{form}"),
    ];
    let cuts = Arc::new(cuts);
    let next = Arc::new(AtomicUsize::new(0));
    let clients = (0..32).map(|_| {
        let (cuts, next, address) = (Arc::clone(&cuts), Arc::clone(&next), server.address().to_owned());
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= 1_000 {
                    return;
                }
                let mut socket = TcpStream::connect(&address).await.unwrap();
                socket.set_zero_linger().unwrap();
                socket.write_all(cuts[number % cuts.len()].as_bytes()).await.unwrap();
                // Some vanish at once, some when the service has surely begun.
                if number % 3 == 0 {
                    tokio::time::sleep(Duration::from_millis(number as u64 % 7)).await;
                }
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    quiet(&server).await;
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
    // Not all of them were too fast to be noticed.
    for path in ["/notes", "/auth/login"] {
        assert!(log.matches(&format!("\"path\":\"{path}\"")).count() >= 20, "{path}: {log}");
    }
    for _ in 0..20 {
        write(&server, &token, "whole").await.expect(StatusCode::CREATED);
        server.get("/notes", &token).await.expect(StatusCode::OK);
    }
    server.login("ada").await;
    assert!(
        titles(&server, &token).await.is_subset(&BTreeSet::from(["half".to_owned(), "whole".to_owned()]))
    );
    if kind == Kind::Postgres {
        assert_eq!(sessions(&server, "state LIKE 'idle in transaction%'"), 0);
        assert!(sessions(&server, "true") <= CONNECTIONS, "{}", sessions(&server, "true"));
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_notes_survive_kills(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let kills = std::env::var("DAYBOOK_KILLS").map_or(5, |kills| kills.parse().unwrap());
    let start = Start::on(kind);
    let mut server = start.start().await;
    let token = server.user("ada").await;
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..kills {
        let goal = acknowledged.lock().unwrap().len() + 50;
        let over = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (acknowledged, over) = (Arc::clone(&acknowledged), Arc::clone(&over));
                let (client, url, token) = (server.client.clone(), server.url.clone(), token.clone());
                tokio::spawn(async move {
                    for number in 0.. {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        let title = format!("{round} {writer} {number}");
                        let request = client.post(format!("{url}/notes")).bearer_auth(&token);
                        let request = request.json(&json!({ "title": &title, "content": "x".repeat(2_000) }));
                        match request.send().await {
                            Ok(answer) if answer.status() == StatusCode::CREATED => {
                                acknowledged.lock().unwrap().insert(title);
                            }
                            Ok(answer) => assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE),
                            Err(_) => return,
                        }
                    }
                })
            })
            .collect();
        eventually("a load of writes", || async { acknowledged.lock().unwrap().len() >= goal }).await;
        server.kill().await;
        over.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        server = start.start().await;
        let acknowledged = acknowledged.lock().unwrap().clone();
        let stored = titles(&server, &token).await;
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(
            lost.is_empty(),
            "{} of {} are lost after kill {round}: {lost:?}",
            lost.len(),
            acknowledged.len()
        );
        if kind == Kind::Sqlite {
            assert_eq!(server.query("PRAGMA integrity_check"), "ok", "after kill {round}");
        }
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_do_not_keep_others_out(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let count = if open_files() >= 8_192 { 2_000 } else { 300 };
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let mut slow = Vec::new();
    for number in 0..count {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        let half = match number % 4 {
            0 => "",
            1 => "GET /notes HT",
            2 => "GET /notes HTTP/1.1\r\nHost: a\r\nX-Sl",
            _ => "POST /notes HTTP/1.1\r\nHost: a\r\nX-Slow: ",
        };
        socket.write_all(half.as_bytes()).await.unwrap();
        slow.push(socket);
    }
    let over = Arc::new(AtomicBool::new(false));
    let closed = slow.into_iter().enumerate().map(|(number, mut socket)| {
        tokio::spawn(async move {
            let mut answer = Vec::new();
            // A quarter of them send a byte now and then, which must not buy them time.
            if number % 4 == 3 {
                let mut buffer = [0; 1024];
                loop {
                    let read = tokio::time::timeout(Duration::from_secs(1), socket.read(&mut buffer)).await;
                    match read {
                        Ok(Ok(0) | Err(_)) => return answer,
                        Ok(Ok(length)) => answer.extend_from_slice(&buffer[..length]),
                        Err(_) if socket.write_all(b"x").await.is_err() => return answer,
                        Err(_) => {}
                    }
                }
            }
            let _ = socket.read_to_end(&mut answer).await;
            answer
        })
    });
    let closed: Vec<_> = closed.collect();
    let others = async {
        while !over.load(Ordering::Relaxed) {
            server.get("/notes", &token).await.expect(StatusCode::OK);
            write(&server, &token, "meanwhile").await.expect(StatusCode::CREATED);
        }
    };
    let closed = async {
        let closed = tokio::time::timeout(Duration::from_secs(15), join_all(closed)).await;
        over.store(true, Ordering::Relaxed);
        closed.expect("each is closed within 15 s")
    };
    let (closed, ()) = tokio::join!(closed, others);
    for answer in closed {
        let answer = String::from_utf8(answer.unwrap()).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    quiet(&server).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_body_is_given_up(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let bodies = (0..50).map(|_| async {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        let head = format!(
            "POST /notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{{\"title\":"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    });
    let answers = tokio::time::timeout(Duration::from_secs(20), join_all(bodies)).await;
    for answer in answers.expect("each is closed within 20 s") {
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.ends_with("{\"detail\":\"The request body did not arrive in time\"}"), "{answer}");
    }
    assert!(titles(&server, &token).await.is_empty());
    quiet(&server).await;
}

/// How many files a process may open here.
fn open_files() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default().to_owned();
    line.split_whitespace().next().and_then(|soft| soft.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_on_sqlite_never_find_it_locked() {
    // Two processes with one file: within a process there is one writer.
    let start = Start::on(Kind::Sqlite).with("DAYBOOK_RATE_LIMIT", "off");
    let servers = [start.start().await, start.start().await];
    let token = servers[0].user("ada").await;
    let written = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..64)
        .map(|writer| {
            let server = &servers[writer % 2];
            let (client, url, token) = (server.client.clone(), server.url.clone(), token.clone());
            let written = Arc::clone(&written);
            tokio::spawn(async move {
                for number in 0..15 {
                    let request = |method: Method, path: &str, body: Value| {
                        let request = client.request(method, format!("{url}{path}")).bearer_auth(&token);
                        Answer::of(request.json(&body))
                    };
                    let draft = json!({ "title": format!("{writer} {number}"), "content": "x".repeat(500) });
                    let note = request(Method::POST, "/notes", draft).await;
                    if note.status == 503 {
                        continue;
                    }
                    let note = note.expect(StatusCode::CREATED);
                    written.fetch_add(1, Ordering::Relaxed);
                    let path = note.header("location").to_owned();
                    let patched = request(Method::PATCH, &path, json!({ "content": "y" })).await;
                    assert!([200, 503].contains(&patched.status), "{patched:?}");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(titles(&servers[0], &token).await.len(), written.load(Ordering::Relaxed));
    assert!(written.load(Ordering::Relaxed) > 0);
    for server in &servers {
        assert!(!server.log().contains("database is locked"), "{}", server.log());
    }
}

/// A service at a PostgreSQL of its own.
async fn at(postgres: &Postgres, parameters: &str) -> Server {
    let database = postgres.create_database();
    Start::on(Kind::Sqlite).with("DATABASE_URL", &format!("{}{parameters}", database.url())).start().await
}

/// The answer within the ten seconds that a client might wait.
async fn patient(request: reqwest::RequestBuilder) -> Answer {
    Answer::of(request.timeout(Duration::from_secs(10))).await
}

/// Fails unless every kind of request is refused for now, and the service says that it lives and is not ready.
async fn assert_unavailable(server: &Server, token: &str) {
    let form = format!("username=ada&password={PASSWORD}");
    let login = server.request(Method::POST, "/auth/login").body(form);
    let note = json!({ "title": "lost", "content": "c" });
    let registration = json!({ "email": "bob@example.com", "username": "bob", "password": PASSWORD });
    let requests = [
        server.request(Method::GET, "/notes").bearer_auth(token),
        server.request(Method::POST, "/notes").bearer_auth(token).json(&note),
        server.request(Method::POST, "/auth/register").json(&registration),
        login.header("content-type", "application/x-www-form-urlencoded"),
    ];
    for answer in join_all(requests.map(patient)).await {
        let answer = answer.expect_detail(StatusCode::SERVICE_UNAVAILABLE, BUSY);
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    patient(server.request(Method::GET, "/health/live")).await.expect(StatusCode::OK);
    let ready = patient(server.request(Method::GET, "/health/ready")).await;
    let ready = ready.expect(StatusCode::SERVICE_UNAVAILABLE).json();
    assert_eq!(ready["status"], "unavailable");
    assert_ne!(ready["checks"]["database"], "ok");
}

/// Waits until the service is ready again, and uses it.
async fn assert_recovers(server: &Server, token: &str) {
    eventually("a ready service", || async {
        Answer::of(server.request(Method::GET, "/health/ready")).await.status == 200
    })
    .await;
    // Each worker has connections of its own, and the pool has several: none of them may still be a dead one.
    eventually("twenty good answers in a row", || async {
        let requests = (0..20).map(|number| async move {
            let read = server.get("/notes", token).await.status;
            (read, write(server, token, &format!("after {number}")).await.status)
        });
        join_all(requests).await.into_iter().all(|statuses| statuses == (200, 201))
    })
    .await;
    server.login("ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_killed_and_comes_back_is_used_again() {
    let postgres = Postgres::start("");
    let server = at(&postgres, "").await;
    let token = server.user("ada").await;
    // Many connections, so that many are dead afterwards.
    join_all((0..40).map(|number| write(&server, &token, if number == 0 { "first" } else { "before" })))
        .await;
    for round in 0..2 {
        let over = AtomicBool::new(false);
        // Whatever the moment of the kill, there is no answer but these.
        let load = join_all((0..8).map(|_| async {
            while !over.load(Ordering::Relaxed) {
                let answer = write(&server, &token, "meanwhile").await;
                assert!([201, 503].contains(&answer.status), "{answer:?}");
            }
        }));
        let kill = async {
            tokio::task::block_in_place(|| postgres.kill());
            assert_unavailable(&server, &token).await;
            over.store(true, Ordering::Relaxed);
        };
        tokio::join!(load, kill);
        tokio::task::block_in_place(|| postgres.start_again());
        assert_recovers(&server, &token).await;
        assert!(titles(&server, &token).await.contains("first"), "{round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_hangs_is_not_waited_for() {
    let postgres = Postgres::start("");
    let server = at(&postgres, "").await;
    let token = server.user("ada").await;
    join_all((0..20).map(|_| write(&server, &token, "before"))).await;
    let hung = postgres.suspend();
    assert_unavailable(&server, &token).await;
    drop(hung);
    assert_recovers(&server, &token).await;
    assert!(titles(&server, &token).await.contains("before"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_somebody_holds_is_not_waited_for() {
    let start = Start::on(Kind::Postgres).with("DAYBOOK_RATE_LIMIT", "off");
    let server = start.start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let note = write(&server, &ada, "mine").await.header("location").to_owned();
    let database = start.variable("DATABASE_URL").rsplit_once('/').unwrap().1;
    let mut session = Postgres::shared().session(database);
    session.run(
        "BEGIN; SELECT id FROM users WHERE username = 'ada' FOR UPDATE; SELECT id FROM notes FOR UPDATE",
    );
    // More than there are connections.
    let logins = join_all((0..16).map(|_| server.login_form(&[("username", "ada"), ("password", PASSWORD)])));
    let change = json!({ "title": "changed" });
    let patches = join_all((0..16).map(|_| server.patch(&note, &ada, &change)));
    let reads = async {
        for _ in 0..10 {
            server.get(&note, &ada).await.expect(StatusCode::OK);
            server.get("/notes", &bob).await.expect(StatusCode::OK);
        }
    };
    let (logins, patches, ()) = tokio::join!(logins, patches, reads);
    for answer in logins.into_iter().chain(patches) {
        answer.expect_detail(StatusCode::SERVICE_UNAVAILABLE, BUSY);
    }
    assert_eq!(sessions(&server, "state LIKE 'idle in transaction%'"), 0);
    write(&server, &bob, "others are served").await.expect(StatusCode::CREATED);
    session.run("COMMIT");
    server.login("ada").await;
    server.patch(&note, &ada, &change).await.expect(StatusCode::OK);
}

/// A certificate authority.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    (certificate.pem(), Issuer::new(parameters, key))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sslmode_is_honoured() {
    let (root, issuer) = authority();
    let (other_root, _) = authority();
    let key = KeyPair::generate().unwrap();
    // For the name and not for the address.
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let files = [
        ("server.crt", certificate.pem()),
        ("server.key", key.serialize_pem()),
        // In the clear only over the socket.
        (
            "pg_hba.conf",
            "local all all trust\nhostssl all all all trust\nhostnossl all all all reject\n".to_owned(),
        ),
    ];
    let files = files.each_ref().map(|(name, content)| (*name, content.as_str()));
    let postgres = Postgres::start_with_files("-c ssl=on", &files);
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (folder.path().join("root.pem"), folder.path().join("other.pem"));
    std::fs::write(&right, root).unwrap();
    std::fs::write(&wrong, other_root).unwrap();
    let (right, wrong) = (right.display(), wrong.display());
    for (host, parameters, works) in [
        ("127.0.0.1", String::new(), true),
        ("127.0.0.1", "?sslmode=prefer".to_owned(), true),
        ("127.0.0.1", "?sslmode=require".to_owned(), true),
        ("127.0.0.1", "?sslmode=disable".to_owned(), false),
        ("127.0.0.1", format!("?sslmode=require&sslrootcert={right}"), true),
        ("127.0.0.1", format!("?sslmode=require&sslrootcert={wrong}"), false),
        ("127.0.0.1", format!("?sslmode=verify-ca&sslrootcert={right}"), true),
        ("localhost", format!("?sslmode=verify-ca&sslrootcert={wrong}"), false),
        ("localhost", format!("?sslmode=verify-full&sslrootcert={right}"), true),
        ("localhost", format!("?sslmode=verify-full&sslrootcert={wrong}"), false),
        ("127.0.0.1", format!("?sslmode=verify-full&sslrootcert={right}"), false),
        // The system knows none of them.
        ("localhost", "?sslmode=verify-full".to_owned(), false),
        ("localhost", "?sslmode=verify-full&sslrootcert=/nowhere.pem".to_owned(), false),
    ] {
        let database = postgres.create_database();
        let name = database.url().rsplit_once('/').unwrap().1;
        let url = format!("{}{parameters}", database.url().replace("127.0.0.1", host));
        let start = Start::on(Kind::Sqlite).with("DATABASE_URL", &url);
        if works {
            let server = start.start().await;
            let token = server.user("ada").await;
            write(&server, &token, "t").await.expect(StatusCode::CREATED);
            let of = "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'daybook' AND datname =";
            let query = |what: &str| postgres.query("postgres", &format!("SELECT {what} {of} '{name}'"));
            assert_eq!(query("bool_and(ssl)"), "t", "{host}{parameters}");
            assert!(query("count(*)").parse::<i64>().unwrap() >= 2, "reads and writes");
        } else {
            let output = start.run(&[]).await;
            assert!(!output.status.success() && output.stdout.is_empty(), "{host}{parameters}: {output:?}");
            let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
            assert_eq!(postgres.query(name, tables), "0", "{host}{parameters}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_without_tls_is_refused_unless_that_is_allowed() {
    let postgres = Postgres::shared();
    for (parameters, works) in
        [("", true), ("?sslmode=disable", true), ("?sslmode=prefer", true), ("?sslmode=require", false)]
    {
        let url = format!("{}{parameters}", postgres.create_database().url());
        let output = Start::on(Kind::Sqlite).with("DATABASE_URL", &url).run(&["migrate"]).await;
        assert_eq!(output.status.success(), works, "{parameters}: {output:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_work_than_there_is_room_for_is_refused_and_passes() {
    let start = Start::on(Kind::Sqlite).with("DAYBOOK_RATE_LIMIT", "off");
    let server = start.start().await;
    server.register("ada").await;
    let logins = (0..200).map(|_| server.login_form(&[("username", "ada"), ("password", PASSWORD)]));
    let answers = join_all(logins).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status)), "{answers:?}");
    assert!(!refused.is_empty() && refused.len() < 200, "{} refused", refused.len());
    for answer in refused {
        assert_eq!((answer.json(), answer.header("retry-after")), (json!({ "detail": BUSY }), "1"));
    }
    server.login("ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_provider_does_not_make_its_words_an_error_of_ours() {
    let provider = MockServer::start().await;
    let words =
        ResponseTemplate::new(400).set_body_json(json!({ "error": { "message": "sk-canaryKey is bad" } }));
    Mock::given(wiremock::matchers::any()).respond_with(words).mount(&provider).await;
    let server = Start::on(Kind::Sqlite)
        .with("RUST_LOG", "trace")
        .with("OPENAI_SECRET_KEY", "sk-canaryKey")
        .with("OPENAI_BASE_URL", &provider.uri())
        .start()
        .await;
    let token = server.user("ada").await;
    let note = write(&server, &token, "t").await;
    server
        .post(&format!("{}/summarize", note.header("location")), &token, &json!({}))
        .await
        .expect(StatusCode::BAD_GATEWAY);
    assert!(!server.log().contains("canaryKey"), "the log tells the key that the provider quotes");
}
