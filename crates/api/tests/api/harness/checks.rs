//! Checks that several files of tests share.

use std::panic::Location;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Polls until the condition is true. Fails after half a minute, with `what` as the name of the
/// condition.
#[track_caller]
pub(crate) fn eventually<F: Future<Output = bool>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !condition().await {
            assert!(Instant::now() < deadline, "{caller}: {what} did not happen within half a minute");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Fails unless the value is a timestamp in daybook's format, `2026-11-22T09:15:56.123456Z`.
///
/// Returns it as text. Such texts have the order of their times.
#[track_caller]
pub(crate) fn timestamp(value: &Value) -> String {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is not a text"));
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000Z", "{text}");
    text.to_owned()
}

/// Returns the output of a command as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}
