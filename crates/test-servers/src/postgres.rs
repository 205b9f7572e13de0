//! PostgreSQL.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{free_port, guarded, is_running, signal, state};

const MISSING: &str = "PostgreSQL's server is not installed. Debian and Ubuntu: apt-get install postgresql";

/// Safe against nothing, since nobody needs the data afterwards, and with room for many small services at once.
const OPTIONS: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=500 -c shared_buffers=128MB";

/// $1 folder, $2 bin folder, $3 port, $4 options, $5 the user to run as. The job becomes the server and is not its parent, as
/// `runuser` would be: that one stops with a server that is stopped, and then the whole group is hung up on.
const SCRIPT: &str = r#"
"$5" "$2/postgres" -D "$1/data" -p "$3" -k "$1" -h 127.0.0.1 $4 &
server=$!
cat
kill -INT "$(head -n 1 "$1/data/postmaster.pid")"
wait $server
rm -rf "$1"
"#;

/// A PostgreSQL server that ends with this process.
pub struct Postgres {
    port: u16,
    bin: PathBuf,
    folder: PathBuf,
    options: String,
    next: AtomicU32,
    // Its standard input is what keeps the server alive.
    guard: Mutex<Option<Child>>,
}

/// A database that one test has to itself.
pub struct TestDatabase {
    url: String,
}

impl TestDatabase {
    /// `postgres://postgres@127.0.0.1:port/name`
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Postgres {
    /// The server that all tests of this process share.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(""))
    }

    /// Starts a server of one's own, with more options, for a test that breaks it.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed, with the command that installs it, or does not start.
    #[must_use]
    pub fn start(options: &str) -> Self {
        Self::start_with_files(options, &[])
    }

    /// The same, with files (a name and a content) that are put into its data folder before, as a certificate has to be.
    ///
    /// # Panics
    ///
    /// As [`Postgres::start`].
    #[must_use]
    pub fn start_with_files(options: &str, files: &[(&str, &str)]) -> Self {
        let bin = bin_folder();
        let folder = tempfile::Builder::new().prefix("daybook-pg-").tempdir().expect("a folder").keep();
        prepare(&folder);
        let data = folder.join("data");
        let mut initdb = as_postgres(&bin.join("initdb"));
        initdb.args([
            "--auth=trust",
            "--username=postgres",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
        ]);
        run(initdb.arg(&data));
        for (name, content) in files {
            let path = data.join(name);
            fs::write(&path, content).expect("a file in the data folder");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
            if is_root() {
                run(Command::new("chown").arg("postgres").arg(&path));
            }
        }
        let server = Self {
            port: free_port(),
            bin,
            folder,
            options: format!("{OPTIONS} {options}"),
            next: AtomicU32::new(0),
            guard: Mutex::default(),
        };
        server.start_again();
        server
    }

    /// Starts the server after [`Postgres::kill`], on the same port and with the same data.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_again(&self) {
        let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        let (script, user) = if is_root() {
            (SCRIPT.replace("\"$5\"", "setpriv --reuid=\"$5\" --regid=\"$5\" --init-groups"), "postgres")
        } else {
            (SCRIPT.replace("\"$5\" ", ""), "")
        };
        let arguments = [&text(&self.folder), &text(&self.bin), &self.port.to_string(), &self.options, user];
        *self.guard.lock().expect("the guard") = Some(guarded(&script, &arguments));
        self.wait_until_ready();
    }

    /// Ends every process of the server at once, as a power cut would, and waits until they are gone.
    ///
    /// # Panics
    ///
    /// When the server does not run.
    pub fn kill(&self) {
        let ids = self.stop();
        signal("KILL", &ids);
        let deadline = Instant::now() + Duration::from_secs(60);
        // The guard takes leave of its child; until then a new server would find the old one's id in use.
        while ids.iter().any(|id| is_running(*id)) || !state(ids[0]).is_empty() {
            assert!(Instant::now() < deadline, "PostgreSQL did not end within a minute");
            thread::sleep(Duration::from_millis(5));
        }
        // It would tidy up behind the server.
        if let Some(mut guard) = self.guard.lock().expect("the guard").take() {
            guard.kill().expect("the guard ends");
            guard.wait().expect("the guard ends");
        }
    }

    /// Stops every process of the server where it is, until what this gives is dropped: its sockets stay open and nothing answers.
    ///
    /// # Panics
    ///
    /// When the server does not run.
    #[must_use]
    pub fn suspend(&self) -> SuspendedPostgres {
        let processes = self.stop();
        signal("STOP", &processes);
        SuspendedPostgres { processes }
    }

    /// Stops the server's own process, so that it starts no others, and gives the ids of all of them.
    fn stop(&self) -> Vec<u32> {
        let server = self.process();
        signal("STOP", &[server]);
        let deadline = Instant::now() + Duration::from_secs(60);
        while !state(server).starts_with('T') {
            assert!(Instant::now() < deadline, "PostgreSQL did not stop within a minute");
            thread::sleep(Duration::from_millis(1));
        }
        self.processes()
    }

    /// The ids of the server's own process and of all that it has started.
    fn processes(&self) -> Vec<u32> {
        let server = self.process();
        let list = run(Command::new("ps").args(["-A", "-o", "pid=,ppid="]));
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let children = list.lines().filter_map(|line| {
            let (id, parent) = line.trim().split_once(' ')?;
            (parent.trim().parse() == Ok(server)).then(|| id.parse().ok()).flatten()
        });
        std::iter::once(server).chain(children).collect()
    }

    /// The port of 127.0.0.1 that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder with its data and its socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The id of the server's own process, to be stopped and killed by.
    ///
    /// # Panics
    ///
    /// When it does not run.
    #[must_use]
    pub fn process(&self) -> u32 {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("the server runs");
        file.lines().next().and_then(|line| line.trim().parse().ok()).expect("a process id")
    }

    /// Makes an empty database.
    ///
    /// # Panics
    ///
    /// When the server does not make it.
    #[must_use]
    pub fn create_database(&self) -> TestDatabase {
        let name = format!("test_{}", self.next.fetch_add(1, Ordering::Relaxed));
        // Two at once would both copy template1, which PostgreSQL does not allow; template0 nobody ever connects to.
        self.query("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        TestDatabase { url: format!("postgres://postgres@127.0.0.1:{}/{name}", self.port) }
    }

    /// Runs a statement and gives what `psql` prints for it, without decoration.
    ///
    /// # Panics
    ///
    /// When the statement fails.
    pub fn query(&self, database: &str, statement: &str) -> String {
        let output = run(self.psql(database).args(["-c", statement]));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Opens a session that stays open, for a transaction that others are to meet. It ends when it is dropped.
    ///
    /// # Panics
    ///
    /// When `psql` cannot be started.
    #[must_use]
    pub fn session(&self, database: &str) -> PostgresSession {
        let mut psql = self.psql(database);
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = psql.spawn().unwrap_or_else(|error| panic!("psql: {error}. {MISSING}"));
        let input = process.stdin.take().expect("standard input");
        let output = BufReader::new(process.stdout.take().expect("standard output"));
        PostgresSession { process, input, output }
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-d", database]);
        psql.args(["-qAtX", "-v", "ON_ERROR_STOP=1"]);
        psql
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let ready = || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
                && Command::new(self.bin.join("pg_isready"))
                    .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                    .status()
                    .is_ok_and(|status| status.success())
        };
        while !ready() {
            assert!(Instant::now() < deadline, "PostgreSQL did not start within a minute");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A [`Postgres`] that is stopped; dropping this lets it go on.
pub struct SuspendedPostgres {
    processes: Vec<u32>,
}

impl Drop for SuspendedPostgres {
    fn drop(&mut self) {
        signal("CONT", &self.processes);
    }
}

/// A session at a [`Postgres`] that stays open.
pub struct PostgresSession {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl PostgresSession {
    /// Runs statements and waits until they are done.
    ///
    /// # Panics
    ///
    /// When one fails.
    pub fn run(&mut self, statements: &str) {
        writeln!(self.input, "{statements};\n\\echo done").expect("the session is open");
        let mut line = String::new();
        while line.trim_end() != "done" {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).expect("an answer"), 0, "{statements} failed");
        }
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where Debian keeps the newest server, or wherever the PATH has one.
fn bin_folder() -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let version = |bin: &PathBuf| -> u32 {
        let name = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        name.and_then(|name| name.parse().ok()).unwrap_or(0)
    };
    let found = debian.chain(std::env::split_paths(&path)).filter(|bin| bin.join("initdb").exists());
    found.max_by_key(version).unwrap_or_else(|| panic!("{MISSING}"))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// A program of PostgreSQL's, as a user that it accepts.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

/// Lets the server's user in.
fn prepare(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("permissions");
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(folder));
    }
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. {MISSING}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
