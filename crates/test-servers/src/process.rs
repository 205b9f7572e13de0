//! Processes that do not outlive the tests.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A port of 127.0.0.1 that nobody listens on.
///
/// # Panics
///
/// When the machine has none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Runs a shell script that starts a server, waits for the end of its standard input and stops the server: the input ends when
/// this process does, however it ends.
pub(crate) fn guarded(script: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("sh")
}
