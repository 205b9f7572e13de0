//! PostgreSQL.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{free_port, guarded};

const MISSING: &str = "PostgreSQL's server is not installed. Debian and Ubuntu: apt-get install postgresql";

/// Safe against nothing, since nobody needs the data afterwards, and with room for many small services at once.
const OPTIONS: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=500 -c shared_buffers=128MB";

/// $1 folder, $2 bin folder, $3 port, $4 options. `setpriv`-like change of user happens in $5, empty when not needed.
const SCRIPT: &str = r#"
"$5" "$2/postgres" -D "$1/data" -p "$3" -k "$1" -h 127.0.0.1 $4 &
server=$!
cat
kill -INT $server
wait $server
rm -rf "$1"
"#;

/// A PostgreSQL server that ends with this process.
pub struct Postgres {
    port: u16,
    bin: PathBuf,
    folder: PathBuf,
    next: AtomicU32,
    // Its standard input is what keeps the server alive.
    _guard: Child,
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
        let bin = bin_folder();
        let folder = tempfile::Builder::new().prefix("daybook-pg-").tempdir().expect("a folder").keep();
        prepare(&folder);
        let data = folder.join("data");
        let mut initdb = as_postgres(&bin.join("initdb"));
        initdb.args(["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"]);
        run(initdb.arg(&data));
        let port = free_port();
        let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        let options = format!("{OPTIONS} {options}");
        let (script, user) =
            if is_root() { (SCRIPT.replace("\"$5\"", "runuser -u \"$5\" --"), "postgres") } else { (SCRIPT.replace("\"$5\" ", ""), "") };
        let guard = guarded(&script, &[&text(&folder), &text(&bin), &port.to_string(), &options, user]);
        let server = Self { port, bin, folder, next: AtomicU32::new(0), _guard: guard };
        server.wait_until_ready();
        server
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
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1"]);
        let output = run(psql.args(["-d", database, "-c", statement]));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
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

/// Where Debian keeps the newest server, or wherever the PATH has one.
fn bin_folder() -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
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
