//! PostgreSQL servers that are killed, hang, lock a row or require TLS.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use daybook_test_servers::Postgres;
use futures_util::future::join_all;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Answer, Kind, PASSWORD, Server, Start, eventually};
use crate::resilience::{BUSY, sessions, titles, write};

/// Starts a service on a new database of this server.
async fn start(postgres: &Postgres, parameters: &str) -> Server {
    let database = postgres.create_database();
    Start::on(Kind::Sqlite).with("DATABASE_URL", &format!("{}{parameters}", database.url())).start().await
}

/// The service responds within two seconds, even if its database hangs. The rest is for a slow
/// machine.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(3_500);

/// Sends a request. Fails if the response takes too long.
async fn send(request: reqwest::RequestBuilder) -> Answer {
    Answer::of(request.timeout(RESPONSE_TIMEOUT)).await
}

/// The tokens of a login, and a note of its user.
struct Client {
    access: String,
    refresh: String,
    note: String,
}

impl Client {
    /// Registers `ada` and creates a note.
    async fn new(server: &Server) -> Self {
        server.register("ada").await;
        let login = server.login_form(&[("username", "ada"), ("password", PASSWORD)]).await;
        let login = login.expect(StatusCode::OK).json();
        let text = |name: &str| login[name].as_str().unwrap().to_owned();
        let (access, refresh) = (text("access_token"), text("refresh_token"));
        let note = write(server, &access, "first").await.expect(StatusCode::CREATED);
        Self { access, refresh, note: note.header("location").to_owned() }
    }
}

/// Returns a request of each kind that reads the database.
fn reads(server: &Server, client: &Client) -> Vec<reqwest::RequestBuilder> {
    let paths =
        ["/notes", &client.note, "/tasks", "/users/me", "/users/me/usage", "/auth/events", "/auth/sessions"];
    paths.iter().map(|path| server.request(Method::GET, path).bearer_auth(&client.access)).collect()
}

/// Returns a request of each kind that changes the database. A hung server carries some of them out
/// when it continues, so they leave the note and the session as they are.
fn writes(server: &Server, client: &Client) -> Vec<reqwest::RequestBuilder> {
    let form = format!("username=ada&password={PASSWORD}");
    let login = server.request(Method::POST, "/auth/login").body(form);
    let note = json!({ "title": "lost", "content": "c" });
    let registration = json!({ "email": "bob@example.com", "username": "bob", "password": PASSWORD });
    let refresh = json!({ "refresh_token": client.refresh });
    let request = |method, path: &str| server.request(method, path).bearer_auth(&client.access);
    vec![
        request(Method::POST, "/notes").json(&note),
        request(Method::PATCH, &client.note).json(&json!({ "content": "changed" })),
        request(Method::DELETE, "/notes/999"),
        server.request(Method::POST, "/auth/register").json(&registration),
        server.request(Method::POST, "/auth/refresh").json(&refresh),
        login.header("content-type", "application/x-www-form-urlencoded"),
    ]
}

/// Fails unless all requests get a 503.
async fn assert_503(requests: Vec<reqwest::RequestBuilder>) {
    for answer in join_all(requests.into_iter().map(send)).await {
        let answer = answer.expect_detail(StatusCode::SERVICE_UNAVAILABLE, BUSY);
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

/// Fails unless every kind of request gets a 503. The service must report that it is live but not
/// ready.
async fn assert_unavailable(server: &Server, client: &Client) {
    let mut requests = reads(server, client);
    requests.extend(writes(server, client));
    assert_503(requests).await;
    send(server.request(Method::GET, "/health/live")).await.expect(StatusCode::OK);
    let ready = send(server.request(Method::GET, "/health/ready")).await;
    let ready = ready.expect(StatusCode::SERVICE_UNAVAILABLE).json();
    assert_eq!(ready["status"], "unavailable");
    assert_ne!(ready["checks"]["database"], "ok");
}

/// Waits until the service is ready again and serves every request.
async fn assert_recovers(server: &Server, token: &str) {
    eventually("a ready service", || async {
        Answer::of(server.request(Method::GET, "/health/ready")).await.status == 200
    })
    .await;
    // Each worker has a connection of its own, and the pool has several. All must work again.
    eventually("twenty good responses in a row", || async {
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
async fn requests_succeed_again_after_postgres_restarts() {
    let postgres = Postgres::start("");
    let server = start(&postgres, "").await;
    let client = Client::new(&server).await;
    let token = client.access.clone();
    // Opens many connections, which the kill closes.
    join_all((0..39).map(|_| write(&server, &token, "before"))).await;
    for round in 0..2 {
        let over = AtomicBool::new(false);
        // Before, during and after the kill, each response is a 201 or a 503.
        let load = join_all((0..8).map(|_| async {
            while !over.load(Ordering::Relaxed) {
                let answer = write(&server, &token, "meanwhile").await;
                assert!([201, 503].contains(&answer.status), "{answer:?}");
            }
        }));
        let kill = async {
            tokio::task::block_in_place(|| postgres.kill());
            assert_unavailable(&server, &client).await;
            over.store(true, Ordering::Relaxed);
        };
        tokio::join!(load, kill);
        tokio::task::block_in_place(|| postgres.start_again());
        assert_recovers(&server, &token).await;
        assert!(titles(&server, &token).await.contains("first"), "{round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_get_503_while_postgres_hangs() {
    let postgres = Postgres::start("");
    let server = start(&postgres, "").await;
    let client = Client::new(&server).await;
    join_all((0..20).map(|_| write(&server, &client.access, "before"))).await;
    for _ in 0..2 {
        let hung = postgres.suspend();
        // The first requests detect that the server hangs. The later ones do not wait for it.
        assert_unavailable(&server, &client).await;
        assert_unavailable(&server, &client).await;
        assert_503((0..20).flat_map(|_| reads(&server, &client)).collect()).await;
        drop(hung);
        let ready = eventually("a ready service", || async {
            Answer::of(server.request(Method::GET, "/health/ready")).await.status == 200
        });
        tokio::time::timeout(RESPONSE_TIMEOUT, ready).await.expect("the service recovers");
        assert_recovers(&server, &client.access).await;
        assert!(titles(&server, &client.access).await.contains("first"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_get_503_while_postgres_is_read_only() {
    let postgres = Postgres::start("");
    let server = start(&postgres, "").await;
    let client = Client::new(&server).await;
    // The state of a standby after a failover.
    postgres.query("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    postgres.query("postgres", "SELECT pg_reload_conf()");
    eventually("a rejected write", || async {
        write(&server, &client.access, "early").await.status == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    assert_503(writes(&server, &client)).await;
    for answer in join_all(reads(&server, &client).into_iter().map(send)).await {
        answer.expect(StatusCode::OK);
    }
    postgres.query("postgres", "ALTER SYSTEM RESET default_transaction_read_only");
    postgres.query("postgres", "SELECT pg_reload_conf()");
    assert_recovers(&server, &client.access).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_get_503_while_a_row_is_locked() {
    let start = Start::on(Kind::Postgres).with("DAYBOOK_RATE_LIMIT", "off");
    let server = start.start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let note = write(&server, &ada, "mine").await.header("location").to_owned();
    let mut session = start.postgres_session();
    session.run(
        "BEGIN; SELECT id FROM users WHERE username = 'ada' FOR UPDATE; SELECT id FROM notes FOR UPDATE",
    );
    // There are more requests than connections.
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

/// Returns a certificate authority: its certificate, and the issuer that signs with it.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    (certificate.pem(), Issuer::new(parameters, key))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sslmode_decides_which_servers_are_accepted() {
    let (root, issuer) = authority();
    let (other_root, _) = authority();
    let key = KeyPair::generate().unwrap();
    // The certificate is valid for the name but not for the address.
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let files = [
        ("server.crt", certificate.pem()),
        ("server.key", key.serialize_pem()),
        // Connections without TLS are accepted only over the Unix socket.
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
        // The system does not trust this authority.
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
            let rows = "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                        WHERE application_name = 'daybook' AND datname =";
            let query = |what: &str| postgres.query("postgres", &format!("SELECT {what} {rows} '{name}'"));
            assert_eq!(query("bool_and(ssl)"), "t", "{host}{parameters}");
            assert!(query("count(*)").parse::<i64>().unwrap() >= 2, "connections for reads and for writes");
        } else {
            let output = start.run(&[]).await;
            assert!(!output.status.success() && output.stdout.is_empty(), "{host}{parameters}: {output:?}");
            let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
            assert_eq!(postgres.query(name, tables), "0", "{host}{parameters}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sslmode_require_rejects_a_server_without_tls() {
    let postgres = Postgres::shared();
    for (parameters, works) in
        [("", true), ("?sslmode=disable", true), ("?sslmode=prefer", true), ("?sslmode=require", false)]
    {
        let url = format!("{}{parameters}", postgres.create_database().url());
        let output = Start::on(Kind::Sqlite).with("DATABASE_URL", &url).run(&["migrate"]).await;
        assert_eq!(output.status.success(), works, "{parameters}: {output:?}");
    }
}
