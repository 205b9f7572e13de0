//! The time that a verification of a password takes now.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the last verification of a password took, with its wait for a thread.
#[derive(Default)]
pub(crate) struct VerifyTime(AtomicU64);

impl VerifyTime {
    /// Returns the time of the last verification, or zero before the first one.
    pub(crate) fn recent(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn record(&self, time: Duration) {
        self.0.store(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
