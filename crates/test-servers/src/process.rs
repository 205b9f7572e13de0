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

/// Sends a signal by name to those of the processes that still are.
pub(crate) fn signal(name: &str, ids: &[u32]) {
    for id in ids {
        let mut kill = Command::new("kill");
        kill.args([format!("-{name}"), id.to_string()]).stderr(Stdio::null());
        kill.status().expect("kill");
    }
}

pub(crate) fn is_running(id: u32) -> bool {
    !matches!(state(id).chars().next(), None | Some('Z'))
}

/// What `ps` calls the state of a process: it begins with `T` when it is stopped, with `Z` when it has ended, and is empty when nobody
/// remembers it.
pub(crate) fn state(id: u32) -> String {
    let state = Command::new("ps").args(["-o", "stat=", "-p", &id.to_string()]).output().expect("ps");
    String::from_utf8_lossy(&state.stdout).trim().to_owned()
}
