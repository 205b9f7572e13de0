//! Drives `psql`.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

use super::server::Server;

/// `psql`, which connects to one URL after the other. It ends after a connection that fails, and is
/// then started again.
pub(super) struct Psql<'a> {
    server: &'a Server,
    process: Child,
    input: ChildStdin,
    errors: BufReader<ChildStderr>,
}

impl<'a> Psql<'a> {
    pub(super) fn start(server: &'a Server) -> Self {
        let url = format!("postgres://u:p@127.0.0.1:{}/d", server.ports[0]);
        let mut process = Command::new(program())
            .args(["--no-psqlrc", "--no-password", &url])
            .env_clear()
            .env("HOME", "/nonexistent")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("psql: {error}. Debian and Ubuntu: apt-get install postgresql"));
        let input = process.stdin.take().unwrap();
        let errors = BufReader::new(process.stderr.take().unwrap());
        let mut psql = Self { server, process, input, errors };
        assert!(psql.send("").ends_with(END), "psql does not start");
        psql
    }

    /// Connects to a URL. Returns the messages.
    pub(super) fn connect(&mut self, url: &str) -> String {
        let quoted = url.replace('"', "\"\"");
        let messages = self.send(&format!("\\connect \"{quoted}\""));
        if !messages.ends_with(END) {
            *self = Self::start(self.server);
        }
        messages
    }

    /// Sends a line, and reads the messages until its end or the end of `psql`.
    fn send(&mut self, line: &str) -> String {
        // `\warn` writes to the standard error without a buffer.
        self.input.write_all(format!("{line}\n\\warn {END}").as_bytes()).unwrap();
        let mut messages = String::new();
        while !messages.ends_with(END) && self.errors.read_line(&mut messages).unwrap() > 0 {}
        messages
    }
}

pub(super) const END: &str = "the end\n";

impl Drop for Psql<'_> {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }
}

/// The program itself, because Debian's `/usr/bin/psql` is a script that reads the environment.
fn program() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin/psql")).filter(|path| path.exists()).max();
    found.unwrap_or_else(|| "psql".into())
}
