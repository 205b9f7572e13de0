//! Tests of rate limits. Each test sets the clock itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod local;
mod shared;

use daybook_throttle::{Bucket, Refusal};

const NOW: i64 = 1_800_000_000_000_000;
const SECOND: i64 = 1_000_000;

fn bucket<'a>(name: &'static str, key: &'a str, quota: &str) -> Bucket<'a> {
    Bucket { name, key, quota: quota.parse().unwrap_or_else(|error| panic!("{quota}: {error}")) }
}

fn refusal(decision: Result<(), Refusal>) -> Refusal {
    match decision {
        Err(refusal) => refusal,
        Ok(()) => panic!("the take was admitted"),
    }
}
