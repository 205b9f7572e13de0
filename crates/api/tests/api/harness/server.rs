//! Runs the real binary in a temporary folder with a database of its own.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use daybook_test_servers::{Postgres, PostgresSession, TestDatabase, free_port};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};

use super::{Answer, PASSWORD, eventually};

/// The secret that signs access tokens.
pub(crate) const SECRET: &str = "xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6";

/// Limits that no test reaches.
const UNREACHED_LIMITS: &str = "account=100000/1s,address=100000/1s,\
    write=1000000/1s,summary=100000/1s,weather=100000/1s,refresh=100000/1s";

/// The key that [`Start::with_provider`] sets.
pub(crate) const PROVIDER_KEY: &str = "sk-test-4711";

/// The timeout for the end of an idle service. It is less than the grace period of the service, and
/// much more than an idle service needs.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// The database that a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Returns the URL of a PostgreSQL server that does not run.
pub(crate) fn unreachable_postgres() -> String {
    format!("postgres://postgres@127.0.0.1:{}/nothing", free_port())
}

/// The configuration of a service. A clone uses the same database.
#[derive(Clone)]
pub(crate) struct Start {
    folder: Arc<TempDir>,
    database: Option<Arc<TestDatabase>>,
    variables: Vec<(String, String)>,
    /// The limit of open files of the service.
    open_files: Option<u32>,
    /// A command that runs the service, such as `nsenter`. Empty if the service runs directly.
    wrapper: Vec<String>,
}

impl Start {
    /// Returns a configuration with a new database.
    pub(crate) fn on(kind: Kind) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let database = (kind == Kind::Postgres).then(|| Arc::new(Postgres::shared().create_database()));
        let url = match &database {
            Some(database) => database.url().to_owned(),
            None => format!("sqlite://{}", folder.path().join("day.db").display()),
        };
        let start = Self { folder, database, variables: Vec::new(), open_files: None, wrapper: Vec::new() };
        start
            .with("DATABASE_URL", &url)
            .with("JWT_SECRET_KEY", SECRET)
            .with("DAYBOOK_BIND", "127.0.0.1:0")
            .with("DAYBOOK_WORKERS", "2")
            // The weakest parameters that the service accepts, because most tests log in.
            .with("DAYBOOK_ARGON2", "m=19456,t=2,p=1")
            // The tests log in thousands of times from one address.
            .with("DAYBOOK_RATE_LIMIT", UNREACHED_LIMITS)
            // No process listens on port 9, so no test calls the real providers.
            .with_weather("http://127.0.0.1:9", "http://127.0.0.1:9")
    }

    /// Sets an environment variable. An empty value unsets it.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the AI provider and its key.
    pub(crate) fn with_provider(self, origin: &str) -> Self {
        self.with("OPENAI_SECRET_KEY", PROVIDER_KEY).with("OPENAI_BASE_URL", &format!("{origin}/v1"))
    }

    /// Sets the geocoder and the forecast.
    pub(crate) fn with_weather(self, geocoding: &str, forecast: &str) -> Self {
        self.with("GEOCODING_BASE_URL", geocoding).with("WEATHER_BASE_URL", forecast)
    }

    /// Sets the limit of files that the service may open.
    pub(crate) fn with_open_files(self, limit: u32) -> Self {
        Self { open_files: Some(limit), ..self }
    }

    /// Runs the service by this command, which gets the binary and its arguments appended.
    pub(crate) fn wrapped(self, wrapper: Vec<String>) -> Self {
        Self { wrapper, ..self }
    }

    /// Returns the command that runs the binary with this configuration.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        // Measurements set DAYBOOK_BIN to a release build.
        let binary =
            std::env::var("DAYBOOK_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_daybook").to_owned());
        let mut command = match self.open_files {
            Some(limit) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\""), &binary]);
                shell
            }
            None => match self.wrapper.split_first() {
                Some((program, rest)) => {
                    let mut command = Command::new(program);
                    command.args(rest).arg(&binary);
                    command
                }
                None => Command::new(binary),
            },
        };
        command.args(arguments).current_dir(self.folder.path());
        command.env_clear().envs(self.variables.iter().filter(|(_, value)| !value.is_empty()).cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Returns the value of an environment variable, or an empty text if it is not set.
    pub(crate) fn variable(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Opens a session in the database on the shared PostgreSQL, for example for a transaction that
    /// holds a lock.
    pub(crate) fn postgres_session(&self) -> PostgresSession {
        let (_, database) = self.variable("DATABASE_URL").rsplit_once('/').expect("a database");
        Postgres::shared().session(database)
    }

    /// Runs a subcommand of the binary and waits until it ends. Fails after a minute.
    pub(crate) async fn run(&self, arguments: &[&str]) -> std::process::Output {
        let output = tokio::time::timeout(Duration::from_secs(60), self.command(arguments).output()).await;
        output.expect("the command ends within a minute").expect("the binary")
    }

    /// Returns the folder that the service runs in.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Starts the service and waits until it prints its address. A second call starts another
    /// instance on the same database.
    pub(crate) async fn start(&self) -> Server {
        let mut process = self.command(&[]).spawn().expect("the binary");
        let log = Arc::new(Mutex::new(String::new()));
        let mut errors = BufReader::new(process.stderr.take().expect("standard error")).lines();
        let log_reader = Arc::new(tokio::sync::Mutex::new(()));
        let (kept, turn) = (Arc::clone(&log), Arc::clone(&log_reader));
        let reader = tokio::spawn(async move {
            while let Ok(Some(line)) = errors.next_line().await {
                let _turn = turn.lock().await;
                let mut kept = kept.lock().expect("the log");
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let mut lines = BufReader::new(process.stdout.take().expect("standard output")).lines();
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await;
        let line = line.expect("the service starts within a minute").expect("standard output");
        let url = line.as_deref().and_then(|line| line.strip_prefix("daybook listens on "));
        let Some(url) = url.map(ToOwned::to_owned) else {
            // The log is complete once the process has ended.
            let _ = tokio::time::timeout(Duration::from_secs(60), reader).await;
            let log = log.lock().expect("the log").clone();
            panic!("the service did not start: {log}");
        };
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .no_proxy()
            .build()
            .expect("a client");
        let (folder, database) = (Arc::clone(&self.folder), self.database.clone());
        Server { url, client, process, log, log_reader, folder, database }
    }
}

/// The tokens of a login or a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    pub(crate) fn of(answer: &Answer) -> Self {
        let json = answer.json();
        let text =
            |name: &str| json[name].as_str().unwrap_or_else(|| panic!("no {name}: {answer:?}")).to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

/// A running service.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    pub(crate) process: Child,
    log: Arc<Mutex<String>>,
    /// Locked for each line that is read.
    log_reader: Arc<tokio::sync::Mutex<()>>,
    folder: Arc<TempDir>,
    database: Option<Arc<TestDatabase>>,
}

impl Server {
    /// Starts a service with the default configuration and a new database.
    pub(crate) async fn on(kind: Kind) -> Self {
        Start::on(kind).start().await
    }

    /// Returns `127.0.0.1:port`, for a raw socket.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("http")
    }

    /// Returns the folder that the service runs in. With SQLite it has the file `day.db`.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Returns the log of the service so far. A thread of its own writes it, so the last lines may
    /// be missing. A test that expects a text calls [`Server::wait_for_log`].
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// Waits until the log has this text. Returns the log.
    pub(crate) async fn wait_for_log(&self, text: &str) -> String {
        eventually(&format!("{text:?} in the log"), || async { self.log().contains(text) }).await;
        self.log()
    }

    /// Waits until the log has the last line of the request with this answer.
    pub(crate) async fn wait_until_logged(&self, answer: &Answer) {
        let id = answer.header("x-request-id");
        let is_last = |line: &str| line.contains(id) && line.contains("\"answered\"");
        eventually("the last line of a request", || async { self.log().lines().any(is_last) }).await;
    }

    /// Returns the lines of the log so far. Fails unless each is JSON.
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        self.log().lines().map(parse).collect()
    }

    /// Stops reading the log until the guard is dropped.
    pub(crate) async fn stop_reading_log(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.log_reader).lock_owned().await
    }

    /// Returns a client with the address 127.0.0.`number`, for requests to [`Server::url`].
    pub(crate) fn client_from(&self, number: u8) -> reqwest::Client {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy();
        client.local_address(std::net::IpAddr::from([127, 0, 0, number])).build().expect("a client")
    }

    /// Connects from the address 127.0.0.`number`, with a small buffer for received bytes.
    pub(crate) async fn connect_from(&self, number: u8) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, number], 0).into())?;
        socket.set_recv_buffer_size(16 * 1024)?;
        socket.connect(self.address().parse().expect("an address")).await
    }

    /// Builds a request. [`Answer::of`] sends it.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Sends a GET request.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).bearer_auth(token)).await
    }

    /// Sends a DELETE request.
    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path).bearer_auth(token)).await
    }

    /// Sends a request with a JSON body, without a token if `token` is empty.
    pub(crate) async fn send(&self, method: Method, path: &str, token: &str, body: &Value) -> Answer {
        let request = self.request(method, path).json(body);
        Answer::of(if token.is_empty() { request } else { request.bearer_auth(token) }).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, token, body).await
    }

    pub(crate) async fn patch(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, token, body).await
    }

    pub(crate) async fn put(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, token, body).await
    }

    /// Registers the account `name` with `name@example.com` and [`PASSWORD`]. Returns its id.
    pub(crate) async fn register(&self, name: &str) -> i64 {
        let body = json!({ "email": format!("{name}@example.com"), "username": name, "password": PASSWORD });
        let answer = self.post("/auth/register", "", &body).await.expect(reqwest::StatusCode::CREATED);
        answer.json()["id"].as_i64().expect("an id")
    }

    /// Sends a login with these form fields.
    pub(crate) async fn login_form(&self, form: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.request(Method::POST, "/auth/login");
        Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    /// Logs in with [`PASSWORD`]. Returns the access token.
    pub(crate) async fn login(&self, name: &str) -> String {
        self.login_tokens(name).await.access
    }

    /// Logs in with [`PASSWORD`]. Returns both tokens.
    pub(crate) async fn login_tokens(&self, name: &str) -> Tokens {
        let answer = self.login_form(&[("username", name), ("password", PASSWORD)]).await;
        Tokens::of(&answer.expect(reqwest::StatusCode::OK))
    }

    /// Sends a refresh.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post("/auth/refresh", "", &json!({ "refresh_token": refresh_token })).await
    }

    /// Registers an account and logs in. Returns the access token.
    pub(crate) async fn user(&self, name: &str) -> String {
        self.register(name).await;
        self.login(name).await
    }

    /// Queries the database directly. Returns the first column of the first row as text.
    pub(crate) fn query(&self, statement: &str) -> String {
        if let Some(database) = &self.database {
            let (_, name) = database.url().rsplit_once('/').expect("a name");
            return Postgres::shared().query(name, statement);
        }
        const SCRIPT: &str =
            "import sqlite3, sys\nprint(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])";
        let mut python = std::process::Command::new("python3");
        python.args(["-c", SCRIPT]).arg(self.folder.path().join("day.db")).arg(statement);
        let output = python.output().expect("python3");
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Executes a statement on the database directly.
    pub(crate) fn execute(&self, statement: &str) {
        if self.database.is_some() {
            self.query(statement);
            return;
        }
        const SCRIPT: &str = "\
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None).execute(sys.argv[2])";
        let mut python = std::process::Command::new("python3");
        python.args(["-c", SCRIPT]).arg(self.folder.path().join("day.db")).arg(statement);
        let output = python.output().expect("python3");
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Sends these bytes on a new connection and reads until the service closes it. Fails after
    /// half a minute.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let exchange = async {
            let mut socket = tokio::net::TcpStream::connect(self.address()).await.expect("a connection");
            // The service may respond and close the connection before it has read everything.
            let _ = socket.write_all(bytes).await;
            let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
            while let Ok(length @ 1..) = socket.read(&mut buffer).await {
                answer.extend_from_slice(&buffer[..length]);
            }
            Answer::parse(&String::from_utf8(answer).expect("text"))
        };
        tokio::time::timeout(Duration::from_secs(30), exchange).await.expect("the connection is closed")
    }

    /// Returns the value of a metric without labels.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = Answer::of(self.request(Method::GET, "/metrics")).await.text;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().expect("a number")
    }

    /// Returns the number of open connections of the service, from the kernel's table.
    pub(crate) fn open_connections(&self) -> usize {
        let (_, port) = self.address().rsplit_once(':').expect("a port");
        let port = format!(":{:04X}", port.parse::<u16>().expect("a number"));
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
        // The first four fields are a number, the local address, the remote address and the state.
        // State 01 is ESTABLISHED. State 08 is CLOSE_WAIT, after the client has closed its side.
        let is_open = |line: &&str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields[1].ends_with(&port) && ["01", "08"].contains(&fields[3])
        };
        table.lines().filter(is_open).count()
    }

    /// Waits until the process has ended, and returns its exit code. Returns `None` if a signal
    /// ended it. Fails after the timeout.
    pub(crate) async fn exit_code(&mut self, timeout: Duration) -> Option<i32> {
        let status = tokio::time::timeout(timeout, self.process.wait()).await;
        status
            .unwrap_or_else(|_| panic!("the service did not end within {timeout:?}:\n{}", self.log()))
            .expect("a status")
            .code()
    }

    /// Kills the process with SIGKILL, like a power cut.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.expect("the process runs");
    }

    /// Sends a signal by name: `TERM`, `INT`, `KILL`, `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().expect("the process runs");
        let status = std::process::Command::new("kill").args([format!("-{name}"), id.to_string()]).status();
        assert!(status.expect("kill").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let log = self.log();
        if !std::thread::panicking() {
            assert!(!log.contains("panicked"), "the service panicked:\n{log}");
        }
    }
}
