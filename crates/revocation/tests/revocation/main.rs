//! Tests of revocations, in one process and through a real Redis.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod local;
mod logs;
mod shared;

use std::time::{Duration, Instant};

/// The lifetime of an access token in these tests.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Waits until the condition holds. Panics after 30 seconds, which is enough for a busy machine.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
