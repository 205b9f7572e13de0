//! Redis.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{free_port, guarded, signal, state};

const MISSING: &str = "Redis is not installed. Debian and Ubuntu: apt-get install redis-server";

/// $1 folder, $2 port, $3 more options. Nobody needs the data afterwards, so the server is killed: one that is stopped where it is ends only by that.
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

/// A Redis server that ends with this process, or when it is dropped. It writes nothing to disk.
pub struct Redis {
    port: u16,
    folder: PathBuf,
    options: String,
    // Its standard input is what keeps the server alive.
    guard: Mutex<Option<Child>>,
}

impl Redis {
    /// Starts a server of one's own, which is up in some 30 ms.
    ///
    /// # Panics
    ///
    /// When Redis is not installed, with the command that installs it, or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with("", &[])
    }

    /// Starts one that speaks TLS on another port, with this certificate and its key in PEM; gives its `rediss://` URL too.
    ///
    /// # Panics
    ///
    /// As [`Redis::start`].
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
        let server = Self { port: free_port(), folder, options, guard: Mutex::default() };
        server.start_again();
        server
    }

    /// Starts the server after [`Redis::kill`], on the same port and empty.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_again(&self) {
        let folder = self.folder.to_str().expect("a path in UTF-8");
        let arguments = [folder, &self.port.to_string(), &self.options];
        *self.guard.lock().expect("the guard") = Some(guarded(SCRIPT, &arguments));
        wait_until("Redis started", || {
            let ping = self.redis_cli().arg("PING").output().unwrap_or_else(|_| panic!("{MISSING}"));
            ping.stdout.starts_with(b"PONG")
        });
    }

    /// `redis://127.0.0.1:port`
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port of 127.0.0.1 that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of its process.
    ///
    /// # Panics
    ///
    /// When it was never started.
    #[must_use]
    pub fn process(&self) -> u32 {
        let id = fs::read_to_string(self.folder.join("pid")).expect("the server runs");
        id.trim().parse().expect("a process id")
    }

    /// Runs a command and gives what `redis-cli` prints for it, also when that is an error. Nothing limits how long it waits.
    ///
    /// # Panics
    ///
    /// When the server is not there.
    pub fn query(&self, args: &[&str]) -> String {
        let output = self.redis_cli().args(args).output().unwrap_or_else(|_| panic!("{MISSING}"));
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Ends the server at once, as a power cut would, and waits until it is gone.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub fn kill(&self) {
        // The guard would tidy up behind the server.
        if let Some(mut guard) = self.guard.lock().expect("the guard").take() {
            guard.kill().expect("the guard ends");
            guard.wait().expect("the guard ends");
        }
        signal("KILL", &[self.process()]);
        wait_until("Redis ended", || TcpStream::connect(("127.0.0.1", self.port)).is_err());
    }

    /// Stops the server where it is, until what this gives is dropped: its sockets stay open and nothing answers.
    ///
    /// # Panics
    ///
    /// When the server does not run.
    #[must_use]
    pub fn suspend(&self) -> SuspendedRedis {
        let process = self.process();
        signal("STOP", &[process]);
        wait_until("Redis stopped", || state(process).starts_with('T'));
        SuspendedRedis { process }
    }

    fn redis_cli(&self) -> Command {
        let mut redis_cli = Command::new("redis-cli");
        redis_cli.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        redis_cli
    }
}

impl Drop for Redis {
    /// Leaves a folder behind only where [`Redis::kill`] has taken the guard that removes it.
    fn drop(&mut self) {
        if self.guard.get_mut().is_ok_and(|guard| guard.is_none()) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A [`Redis`] that is stopped; dropping this lets it go on.
pub struct SuspendedRedis {
    process: u32,
}

impl Drop for SuspendedRedis {
    fn drop(&mut self) {
        signal("CONT", &[self.process]);
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};

    use super::*;

    #[test]
    fn it_answers_until_it_is_killed_and_comes_back_empty() {
        let redis = Redis::start();
        assert_eq!(redis.query(&["SET", "a", "1"]), "OK");
        assert_eq!(redis.query(&["CONFIG", "GET", "save"]), "save");
        redis.kill();
        assert!(TcpStream::connect(("127.0.0.1", redis.port())).is_err());
        redis.start_again();
        assert_eq!(redis.query(&["DBSIZE"]), "0");
    }

    #[test]
    fn a_suspended_one_accepts_and_says_nothing_until_it_goes_on() {
        let redis = Redis::start();
        let suspended = redis.suspend();
        let mut connection = TcpStream::connect(("127.0.0.1", redis.port())).expect("the kernel accepts");
        connection.write_all(b"PING\r\n").expect("and takes what is sent");
        connection.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let mut answer = [0; 7];
        assert!(connection.read_exact(&mut answer).is_err());
        drop(suspended);
        connection.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        connection.read_exact(&mut answer).expect("the answer");
        assert_eq!(&answer, b"+PONG\r\n");
    }

    #[test]
    fn it_ends_when_it_is_dropped_also_while_it_is_suspended() {
        let redis = Redis::start();
        let (process, folder) = (redis.process(), redis.folder.clone());
        std::mem::forget(redis.suspend());
        drop(redis);
        wait_until("Redis ended", || !state(process).starts_with(['R', 'S', 'T']));
        wait_until("the folder is gone", || !folder.exists());
    }

    #[test]
    #[ignore = "never ends: the test below runs and kills it"]
    fn never_ends() {
        let redis = Redis::start();
        println!("\nprocess {}", redis.process());
        loop {
            thread::park();
        }
    }

    #[test]
    fn it_ends_when_the_process_of_the_test_is_killed() {
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
        wait_until("Redis ended", || !state(process).starts_with(['R', 'S', 'T']));
    }
}
