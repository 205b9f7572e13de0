//! A PostgreSQL server for tests.

mod installation;
mod session;

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use self::installation::{as_postgres, bin_folder, give_to_postgres, is_root, run};
use crate::process::{
    free_port, is_running, is_stopped, kill_watchdog, signal, start_watchdog, state, wait_until,
};

pub use self::session::PostgresSession;

/// The settings switch off durability, since no test reads the data after a power failure. The
/// number of connections is enough for many small services at once.
const OPTIONS: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    -c max_connections=500 -c shared_buffers=128MB";

/// The watchdog: `$1` folder, `$2` bin folder, `$3` port, `$4` options, `$5` user.
///
/// Under root, `setpriv` sets the user and then becomes the server. `runuser` would stay the parent
/// of the server. If the server is suspended, `runuser` would stop too, and the kernel would send
/// `SIGHUP` to both.
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
    next_database: AtomicU32,
    // Holds the standard input. When it ends, the watchdog stops the server.
    watchdog: Mutex<Option<Child>>,
}

/// A database for one test.
pub struct TestDatabase {
    url: String,
}

impl TestDatabase {
    /// Returns `postgres://postgres@127.0.0.1:{port}/{name}`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Postgres {
    /// Returns the server that all tests of this process share, and starts it on the first call.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(""))
    }

    /// Starts a server with more options, for a test that breaks it.
    ///
    /// # Panics
    ///
    /// Panics if PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start(options: &str) -> Self {
        Self::start_with_files(options, &[])
    }

    /// Starts a server with more options and with files in its data folder, such as a certificate.
    ///
    /// Each file is a pair of its name and its content.
    ///
    /// # Panics
    ///
    /// Panics like [`Postgres::start`].
    #[must_use]
    pub fn start_with_files(options: &str, files: &[(&str, &str)]) -> Self {
        let bin = bin_folder();
        let folder = tempfile::Builder::new().prefix("daybook-pg-").tempdir().expect("a folder").keep();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("permissions");
        give_to_postgres(&folder);
        let data = folder.join("data");
        let mut initdb = as_postgres(&bin.join("initdb"));
        initdb.args(["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C"]);
        run(initdb.arg("-D").arg(&data));
        for (name, content) in files {
            let path = data.join(name);
            fs::write(&path, content).expect("a file in the data folder");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
            give_to_postgres(&path);
        }
        let server = Self {
            port: free_port(),
            bin,
            folder,
            options: format!("{OPTIONS} {options}"),
            next_database: AtomicU32::new(0),
            watchdog: Mutex::default(),
        };
        server.start_again();
        server
    }

    /// Starts the server after [`Postgres::kill`], on the same port and with the same data.
    ///
    /// # Panics
    ///
    /// Panics if the server does not start.
    pub fn start_again(&self) {
        let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        let (script, user) = if is_root() {
            (SCRIPT.replace("\"$5\"", "setpriv --reuid=\"$5\" --regid=\"$5\" --init-groups"), "postgres")
        } else {
            (SCRIPT.replace("\"$5\" ", ""), "")
        };
        let arguments = [&text(&self.folder), &text(&self.bin), &self.port.to_string(), &self.options, user];
        *self.watchdog.lock().expect("the watchdog") = Some(start_watchdog(&script, &arguments));
        wait_until("PostgreSQL to start", || self.is_ready());
    }

    fn is_ready(&self) -> bool {
        // A connection is cheaper than a process, so it is tried first.
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
            && Command::new(self.bin.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .is_ok_and(|status| status.success())
    }

    /// Kills all processes of the server, like a power failure, and waits until they have ended.
    ///
    /// # Panics
    ///
    /// Panics if the server does not run.
    pub fn kill(&self) {
        let ids = self.stop();
        signal("KILL", &ids);
        // The watchdog must also reap the server's zombie process. Until then, the process id in
        // the old lock file is in use, and a new server would not start.
        wait_until("PostgreSQL to end", || !ids.iter().any(|id| is_running(*id)) && state(ids[0]).is_empty());
        if let Some(watchdog) = self.watchdog.lock().expect("the watchdog").take() {
            kill_watchdog(watchdog);
        }
    }

    /// Suspends all processes of the server until the return value is dropped.
    ///
    /// The sockets of a suspended server stay open, but no response arrives.
    ///
    /// # Panics
    ///
    /// Panics if the server does not run.
    #[must_use]
    pub fn suspend(&self) -> SuspendedPostgres {
        let processes = self.stop();
        signal("STOP", &processes);
        SuspendedPostgres { processes }
    }

    /// Stops the main process, so that it starts no others, and returns the ids of all processes.
    fn stop(&self) -> Vec<u32> {
        let main = self.process_id();
        signal("STOP", &[main]);
        wait_until("PostgreSQL to stop", || is_stopped(main));
        self.process_ids()
    }

    /// Returns the ids of the main process and of its children, the main process first.
    fn process_ids(&self) -> Vec<u32> {
        let main = self.process_id();
        let list = run(Command::new("ps").args(["-A", "-o", "pid=,ppid="]));
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let children = list.lines().filter_map(|line| {
            let (id, parent) = line.trim().split_once(' ')?;
            (parent.trim().parse() == Ok(main)).then(|| id.parse().ok()).flatten()
        });
        std::iter::once(main).chain(children).collect()
    }

    /// Returns the port of 127.0.0.1 on which the server listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the folder of the data and of the Unix socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the id of the server's main process.
    ///
    /// # Panics
    ///
    /// Panics if the server does not run.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("the server runs");
        file.lines().next().and_then(|line| line.trim().parse().ok()).expect("a process id")
    }

    /// Creates an empty database.
    ///
    /// # Panics
    ///
    /// Panics if the statement fails.
    #[must_use]
    pub fn create_database(&self) -> TestDatabase {
        let name = format!("test_{}", self.next_database.fetch_add(1, Ordering::Relaxed));
        // Concurrent calls would fail if they copied template1, the default. PostgreSQL allows no
        // connections to template0, so it is never in use.
        self.query("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        TestDatabase { url: format!("postgres://postgres@127.0.0.1:{}/{name}", self.port) }
    }

    /// Runs a statement and returns its rows as `psql` prints them, without decoration.
    ///
    /// # Panics
    ///
    /// Panics if the statement fails.
    pub fn query(&self, database: &str, statement: &str) -> String {
        let output = run(self.psql(database).args(["-c", statement]));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Opens a session that stays open, for example for a transaction that holds a lock.
    ///
    /// # Panics
    ///
    /// Panics if `psql` does not start.
    #[must_use]
    pub fn session(&self, database: &str) -> PostgresSession {
        PostgresSession::start(self.psql(database))
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-d", database]);
        psql.args(["-qAtX", "-v", "ON_ERROR_STOP=1"]);
        psql
    }
}

/// A suspended [`Postgres`]. Dropping this value resumes the server.
pub struct SuspendedPostgres {
    processes: Vec<u32>,
}

impl Drop for SuspendedPostgres {
    fn drop(&mut self) {
        signal("CONT", &self.processes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_again_after_kill_keeps_the_data() {
        let postgres = Postgres::start("");
        let main = postgres.process_id();
        postgres.query("postgres", "CREATE TABLE t (a integer)");
        postgres.session("postgres").run("INSERT INTO t VALUES (1); CHECKPOINT");
        postgres.kill();
        assert!(TcpStream::connect(("127.0.0.1", postgres.port())).is_err());
        postgres.start_again();
        assert_ne!(postgres.process_id(), main);
        assert_eq!(postgres.query("postgres", "SELECT a FROM t"), "1");
    }

    #[test]
    fn suspend_stops_the_server_until_it_is_dropped() {
        let postgres = Postgres::start("");
        let main = postgres.process_id();
        let suspended = postgres.suspend();
        assert!(is_stopped(main));
        drop(suspended);
        assert_eq!(postgres.query("postgres", "SELECT 1"), "1");
    }
}
