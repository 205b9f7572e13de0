//! What several tests look for.

use std::time::{Duration, Instant};

use serde_json::Value;

/// Polls until it is so; fails after half a minute.
#[track_caller]
pub(crate) fn eventually<F: Future<Output = bool>>(
    what: &str,
    mut is_so: impl FnMut() -> F,
) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_so().await {
            assert!(Instant::now() < deadline, "{place}: {what} did not happen within half a minute");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Fails unless the value is a time as daybook writes it, `2026-11-22T09:15:56.123456Z`; such texts sort as the times do.
#[track_caller]
pub(crate) fn timestamp(value: &Value) -> String {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000Z", "{text}");
    text.to_owned()
}
