//! Starts servers that end with the test process, and sends signals to them.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::iter::repeat_with;
use std::net::TcpListener;
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A server that takes longer than this to start or end has failed, even on a busy machine.
const SERVER_TIMEOUT: Duration = Duration::from_secs(60);

/// Short compared with the 30 ms that Redis takes to start.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The ports of servers. Linux gives higher ones to outgoing connections (`ip_local_port_range`).
/// Such a connection could take the port before the server listens on it.
const PORTS: Range<u16> = 10_000..32_768;

/// Returns a port of 127.0.0.1 on which no process listens.
///
/// # Panics
///
/// Panics if there is no free port.
#[must_use]
pub fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    repeat_with(random_port).take(1_000).find(is_free).expect("a free port")
}

/// Concurrent tests rarely draw the same port.
fn random_port() -> u16 {
    let [a, b, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    PORTS.start + u16::from_ne_bytes([a, b]) % (PORTS.end - PORTS.start)
}

/// Starts a watchdog. This shell script starts a server, waits until its standard input ends, and
/// then stops the server.
///
/// The kernel closes the input when the test process ends, even if that process is killed.
pub(crate) fn start_watchdog(script: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("sh")
}

/// Kills a watchdog, so that it does not remove the files of its server.
pub(crate) fn kill_watchdog(mut watchdog: Child) {
    watchdog.kill().expect("the watchdog ends");
    watchdog.wait().expect("the watchdog ends");
}

/// Sends a signal to processes. Ignores processes that have ended.
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

pub(crate) fn is_stopped(id: u32) -> bool {
    state(id).starts_with('T')
}

/// Returns the state of a process as `ps` prints it.
///
/// The state begins with `T` if the process is stopped, and with `Z` if it is a zombie. It is empty
/// if the process does not exist.
pub(crate) fn state(id: u32) -> String {
    let state = Command::new("ps").args(["-o", "stat=", "-p", &id.to_string()]).output().expect("ps");
    String::from_utf8_lossy(&state.stdout).trim().to_owned()
}

/// Waits until a condition holds. `event` completes the sentence "timeout while waiting for …".
///
/// # Panics
///
/// Panics after [`SERVER_TIMEOUT`].
pub(crate) fn wait_until(event: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + SERVER_TIMEOUT;
    while !condition() {
        assert!(Instant::now() < deadline, "timeout while waiting for {event}");
        thread::sleep(POLL_INTERVAL);
    }
}
