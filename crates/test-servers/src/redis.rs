//! A Redis server for tests.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::process::{free_port, is_stopped, kill_watchdog, signal, start_watchdog, wait_until};

const MISSING: &str = "Redis is not installed. Debian and Ubuntu: apt-get install redis-server";

/// The watchdog: `$1` folder, `$2` port, `$3` more options.
///
/// It ends the server with `SIGKILL`, the only signal that ends a suspended process.
const SCRIPT: &str = r#"
cd "$1"
redis-server --bind 127.0.0.1 --port "$2" --save '' --appendonly no $3 &
server=$!
echo $server > "$1/pid"
cat
kill -KILL $server
wait $server
rm -rf "$1"
"#;

/// A Redis server that ends with this process, or when it is dropped. It stores no data on disk.
pub struct Redis {
    port: u16,
    folder: PathBuf,
    options: String,
    // Holds the standard input. When it ends, the watchdog kills the server.
    watchdog: Mutex<Option<Child>>,
}

impl Redis {
    /// Starts a server, which takes about 30 ms.
    ///
    /// # Panics
    ///
    /// Panics if Redis is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with("", &[])
    }

    /// Starts a server that also listens for TLS on another port, and returns its `rediss://` URL.
    ///
    /// The certificate and its key are in PEM.
    ///
    /// # Panics
    ///
    /// Panics like [`Redis::start`].
    #[must_use]
    pub fn start_with_tls(certificate: &str, key: &str) -> (Self, String) {
        let port = free_port();
        let files = [("tls.crt", certificate), ("tls.key", key)];
        let tls =
            format!("--tls-port {port} --tls-auth-clients no --tls-cert-file tls.crt --tls-key-file tls.key");
        let server = Self::start_with(&format!("{tls} --tls-ca-cert-file tls.crt"), &files);
        (server, format!("rediss://localhost:{port}"))
    }

    fn start_with(options: &str, files: &[(&str, &str)]) -> Self {
        let mut version = Command::new("redis-server");
        version.arg("--version").stdout(Stdio::null()).status().unwrap_or_else(|_| panic!("{MISSING}"));
        let folder = tempfile::Builder::new().prefix("daybook-redis-").tempdir().expect("a folder").keep();
        for (name, content) in files {
            fs::write(folder.join(name), content).expect("a file in the folder");
        }
        let options = options.to_owned();
        let server = Self { port: free_port(), folder, options, watchdog: Mutex::default() };
        server.start_again();
        server
    }

    /// Starts the server after [`Redis::kill`], on the same port and without data.
    ///
    /// # Panics
    ///
    /// Panics if the server does not start.
    pub fn start_again(&self) {
        let folder = self.folder.to_str().expect("a path in UTF-8");
        let arguments = [folder, &self.port.to_string(), &self.options];
        *self.watchdog.lock().expect("the watchdog") = Some(start_watchdog(SCRIPT, &arguments));
        wait_until("Redis to start", || {
            let ping = self.redis_cli().arg("PING").output().unwrap_or_else(|_| panic!("{MISSING}"));
            ping.stdout.starts_with(b"PONG")
        });
    }

    /// Returns `redis://127.0.0.1:{port}`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Returns the port of 127.0.0.1 on which the server listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the id of the server's process.
    ///
    /// # Panics
    ///
    /// Panics if the server was never started.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        let id = fs::read_to_string(self.folder.join("pid")).expect("the server runs");
        id.trim().parse().expect("a process id")
    }

    /// Runs a command and returns the output of `redis-cli`, which may be an error of the server.
    ///
    /// The call has no timeout, so it blocks while the server is suspended.
    ///
    /// # Panics
    ///
    /// Panics if the server does not run.
    pub fn query(&self, args: &[&str]) -> String {
        let output = self.redis_cli().args(args).output().unwrap_or_else(|_| panic!("{MISSING}"));
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Kills the server, like a power failure, and waits until its port is closed.
    ///
    /// # Panics
    ///
    /// Panics if the server does not end.
    pub fn kill(&self) {
        if let Some(watchdog) = self.watchdog.lock().expect("the watchdog").take() {
            kill_watchdog(watchdog);
        }
        signal("KILL", &[self.process_id()]);
        wait_until("Redis to end", || TcpStream::connect(("127.0.0.1", self.port)).is_err());
    }

    /// Suspends the server until the return value is dropped.
    ///
    /// The sockets of a suspended server stay open, but no response arrives.
    ///
    /// # Panics
    ///
    /// Panics if the server does not run.
    #[must_use]
    pub fn suspend(&self) -> SuspendedRedis {
        let process = self.process_id();
        signal("STOP", &[process]);
        wait_until("Redis to stop", || is_stopped(process));
        SuspendedRedis { process }
    }

    fn redis_cli(&self) -> Command {
        let mut redis_cli = Command::new("redis-cli");
        redis_cli.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        redis_cli
    }
}

impl Drop for Redis {
    /// Removes the folder if [`Redis::kill`] has ended the watchdog. Otherwise the watchdog removes
    /// it.
    fn drop(&mut self) {
        if self.watchdog.get_mut().is_ok_and(|watchdog| watchdog.is_none()) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A suspended [`Redis`]. Dropping this value resumes the server.
pub struct SuspendedRedis {
    process: u32,
}

impl Drop for SuspendedRedis {
    fn drop(&mut self) {
        signal("CONT", &[self.process]);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::process::state;

    #[test]
    fn kill_ends_the_server_and_start_again_starts_it_empty() {
        let redis = Redis::start();
        assert_eq!(redis.query(&["SET", "a", "1"]), "OK");
        assert_eq!(redis.query(&["CONFIG", "GET", "save"]), "save");
        redis.kill();
        assert!(TcpStream::connect(("127.0.0.1", redis.port())).is_err());
        redis.start_again();
        assert_eq!(redis.query(&["DBSIZE"]), "0");
    }

    #[test]
    fn suspend_keeps_sockets_open_without_a_response() {
        let redis = Redis::start();
        let suspended = redis.suspend();
        let mut connection =
            TcpStream::connect(("127.0.0.1", redis.port())).expect("the kernel accepts connections");
        connection.write_all(b"PING\r\n").expect("the kernel accepts bytes");
        connection.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let mut reply = [0; 7];
        assert!(connection.read_exact(&mut reply).is_err());
        drop(suspended);
        connection.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        connection.read_exact(&mut reply).expect("the reply");
        assert_eq!(&reply, b"+PONG\r\n");
    }

    #[test]
    fn drop_ends_a_suspended_server_and_removes_its_folder() {
        let redis = Redis::start();
        let (process, folder) = (redis.process_id(), redis.folder.clone());
        std::mem::forget(redis.suspend());
        drop(redis);
        wait_until("Redis to end", || !state(process).starts_with(['R', 'S', 'T']));
        wait_until("the folder to be removed", || !folder.exists());
    }

    #[test]
    #[ignore = "never ends; the test below runs and kills it"]
    fn never_ends() {
        let redis = Redis::start();
        println!("\nprocess {}", redis.process_id());
        loop {
            thread::park();
        }
    }

    #[test]
    fn server_ends_when_the_test_process_is_killed() {
        let mut test = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "redis::tests::never_ends", "--ignored", "--nocapture"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program again");
        let output = BufReader::new(test.stdout.take().expect("its output"));
        let process = output.lines().find_map(|line| line.ok()?.strip_prefix("process ")?.parse().ok());
        let process = process.expect("the server's process id");
        assert!(state(process).starts_with(['R', 'S']));
        test.kill().expect("the end");
        test.wait().expect("the end");
        wait_until("Redis to end", || !state(process).starts_with(['R', 'S', 'T']));
    }
}
