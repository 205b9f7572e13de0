//! A database session that stays open.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::installation::MISSING;

/// A session at a [`Postgres`](crate::Postgres) that stays open until it is dropped.
pub struct PostgresSession {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl PostgresSession {
    pub(super) fn start(mut psql: Command) -> Self {
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = psql.spawn().unwrap_or_else(|error| panic!("psql: {error}. {MISSING}"));
        let input = process.stdin.take().expect("standard input");
        let output = BufReader::new(process.stdout.take().expect("standard output"));
        Self { process, input, output }
    }

    /// Runs statements and returns when they are done.
    ///
    /// # Panics
    ///
    /// Panics if a statement fails.
    pub fn run(&mut self, statements: &str) {
        writeln!(self.input, "{statements};\n\\echo done").expect("the session is open");
        let mut line = String::new();
        while line.trim_end() != "done" {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).expect("a result"), 0, "{statements} failed");
        }
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
