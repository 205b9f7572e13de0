//! The arithmetic of one user's estimate, without IO.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use daybook_persistence::Storage;

/// A write that does not fit is rejected without a count for this time after the last count. The
/// count of a million notes takes half a second, and a client may repeat its request at once.
const COUNT_LIFETIME: Duration = Duration::from_secs(10);

/// A count is followed by a pause of this many times its duration, up to the maximum. A user with a
/// million notes, whose count takes half a second, then keeps at most a quarter of a core busy by
/// deleting and creating notes in a loop.
const PAUSE_FACTOR: u32 = 3;

/// The longest pause. During it, all writes of the user that add text wait with the one that needs
/// the count, because that one holds the count lock.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A write whose result is unknown may be stored within this time. It is much longer than a unit of
/// work can wait and run.
const UNKNOWN_LIFETIME: Duration = Duration::from_secs(60);

/// The quotas of each user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    all: Storage,
    /// What one process may reserve after a count: a sixteenth. Few instances then exceed a quota
    /// by little, and a count is still rare.
    uncounted: Storage,
}

impl Limits {
    pub(super) fn new(all: Storage) -> Self {
        Self { all, uncounted: Storage { items: all.items / 16, bytes: all.bytes / 16 } }
    }
}

/// What one user stores, as far as this process knows.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// At least what the user stores, except for the writes of other instances. `None` before the
    /// first count.
    estimate: Option<Storage>,
    /// What was reserved since the last count.
    uncounted: Storage,
    /// The upper bounds of reservations whose writes have not ended.
    pending: Storage,
    /// The upper bounds of writes whose result is unknown, and when the last of them has ended.
    unknown: Option<(Storage, Instant)>,
    /// The estimate of the last count, and its time.
    counted: Option<(Storage, Instant)>,
    /// The earliest time of the next count.
    next_count: Option<Instant>,
    /// True if something was deleted or replaced since the last count began.
    is_invalid: bool,
    /// The number of failed counts.
    failures: u64,
}

/// What a write adds to the storage of its user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    /// The texts of the write.
    pub(super) upper_bound: Storage,
    /// The upper bound without the texts that the write replaces, as far as they are known.
    pub(super) net: Storage,
}

/// The quota that a write would exceed, with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exceeded {
    Items(u64),
    Bytes(u64),
}

/// The tally of one user. Clones share it.
#[derive(Clone, Default)]
pub(super) struct SharedTally(Arc<Mutex<Tally>>);

impl SharedTally {
    pub(super) fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    /// Reserves the storage of a write if it surely fits. Returns false if only a count can decide.
    pub(super) fn try_reserve(&mut self, limits: Limits, growth: Growth) -> bool {
        let fits = match self.estimate {
            _ if growth.net == Storage::default() => true,
            Some(estimate) => {
                check(limits.all, estimate, growth.net).is_ok()
                    && check(limits.uncounted, self.uncounted, growth.net).is_ok()
            }
            None => false,
        };
        if fits {
            self.reserve(growth);
        }
        fits
    }

    /// Reserves the storage of a write if it fits after a count.
    pub(super) fn reserve_counted(&mut self, limits: Limits, growth: Growth) -> Result<(), Exceeded> {
        check(limits.all, self.estimate.unwrap_or_default(), growth.net)?;
        self.reserve(growth);
        Ok(())
    }

    fn reserve(&mut self, Growth { upper_bound, net }: Growth) {
        self.estimate = self.estimate.map(|estimate| estimate.saturating_add(net));
        self.uncounted = self.uncounted.saturating_add(net);
        self.pending = self.pending.saturating_add(upper_bound);
    }

    /// Rejects a write that did not fit at the last count, if this count is recent and nothing was
    /// deleted or replaced since.
    pub(super) fn check_last_count(
        &self,
        limits: Limits,
        net: Storage,
        now: Instant,
    ) -> Result<(), Exceeded> {
        match self.counted {
            Some((counted, at)) if !self.is_invalid && now < at + COUNT_LIFETIME => {
                check(limits.all, counted, net)
            }
            _ => Ok(()),
        }
    }

    /// The write was stored, perhaps with less than was reserved.
    pub(super) fn commit(&mut self, growth: Growth) {
        self.pending = self.pending.saturating_sub(growth.upper_bound);
    }

    /// The write was not stored.
    pub(super) fn cancel(&mut self, growth: Growth) {
        self.pending = self.pending.saturating_sub(growth.upper_bound);
        self.estimate = self.estimate.map(|estimate| estimate.saturating_sub(growth.net));
        self.uncounted = self.uncounted.saturating_sub(growth.net);
    }

    /// It is not known whether the write was or will be stored.
    pub(super) fn commit_unknown(&mut self, growth: Growth, now: Instant) {
        self.pending = self.pending.saturating_sub(growth.upper_bound);
        let unknown = self.unknown_at(now).saturating_add(growth.upper_bound);
        self.unknown = Some((unknown, now + UNKNOWN_LIFETIME));
    }

    fn unknown_at(&self, now: Instant) -> Storage {
        self.unknown.filter(|(_, until)| now < *until).map_or_else(Storage::default, |(unknown, _)| unknown)
    }

    /// Something was deleted or replaced, so the last count may be too high.
    pub(super) fn invalidate(&mut self) {
        self.is_invalid = true;
    }

    /// Returns how long the next count must wait.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        self.next_count.map_or(Duration::ZERO, |next| next.saturating_duration_since(now))
    }

    /// A count begins. What is deleted from now on may still be in its result.
    pub(super) fn begin_count(&mut self) {
        self.is_invalid = false;
    }

    /// A count that took this long has ended. No write under the count lock is pending.
    pub(super) fn end_count(&mut self, stored: Storage, took: Duration, now: Instant) {
        let estimate = stored.saturating_add(self.pending).saturating_add(self.unknown_at(now));
        self.estimate = Some(estimate);
        self.counted = Some((estimate, now));
        self.pause_after(took, now);
        self.uncounted = Storage::default();
    }

    /// A count that took this long has failed. Requests that wait for it must not begin another.
    pub(super) fn fail_count(&mut self, took: Duration, now: Instant) {
        self.failures += 1;
        self.pause_after(took, now);
        // The result may be outdated, and the next count begins with this value.
        self.is_invalid = true;
    }

    fn pause_after(&mut self, took: Duration, now: Instant) {
        self.next_count = Some(now + took.saturating_mul(PAUSE_FACTOR).min(PAUSE_MAX));
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures
    }
}

/// Returns the quota that the growth would exceed as the error. Exactly full is allowed, and a part
/// that does not grow exceeds nothing.
fn check(limit: Storage, base: Storage, net: Storage) -> Result<(), Exceeded> {
    let sum = base.saturating_add(net);
    if net.items > 0 && sum.items > limit.items {
        return Err(Exceeded::Items(limit.items));
    }
    if net.bytes > 0 && sum.bytes > limit.bytes {
        return Err(Exceeded::Bytes(limit.bytes));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
