//! The arithmetic of one user's estimate, without IO.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use daybook_persistence::Storage;

use crate::error::ApiError;

/// A write that does not fit is rejected without a count for this time after the last count. The
/// count of a million notes takes half a second, and a client may repeat its request at once.
const VERDICT_LIFETIME: Duration = Duration::from_secs(10);

/// A write whose result is unknown may be stored within this time. It is much longer than a unit of
/// work can wait and run.
const LATE_LIFETIME: Duration = Duration::from_secs(60);

/// The quotas of each user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    all: Storage,
    /// What one process may admit after a count: a sixteenth. Few instances then exceed a quota by
    /// little, and a count is still rare.
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
    /// What was admitted since the last count.
    admitted: Storage,
    /// The upper bounds of admitted writes that have not ended.
    pending: Storage,
    /// The upper bounds of writes whose result is unknown, and when the last of them has ended.
    late: Option<(Storage, Instant)>,
    /// The estimate of the last count, and its time.
    counted: Option<(Storage, Instant)>,
    /// True if something was deleted or replaced since the last count began.
    is_released: bool,
    /// The number of failed counts.
    failures: u64,
}

/// An admitted write: its upper bound, and what it adds to the estimate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charge {
    pub(super) most: Storage,
    pub(super) growth: Storage,
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
    /// Charges a write if it surely fits. Returns false if only a count can decide.
    pub(super) fn try_charge(&mut self, limits: Limits, charge: Charge) -> bool {
        let fits = match self.estimate {
            _ if charge.growth == Storage::default() => true,
            Some(estimate) => {
                exceeded(limits.all, estimate, charge.growth).is_none()
                    && exceeded(limits.uncounted, self.admitted, charge.growth).is_none()
            }
            None => false,
        };
        if fits {
            self.charge(charge);
        }
        fits
    }

    /// Charges a write if it fits after a count.
    ///
    /// # Errors
    ///
    /// The quota that the write would exceed.
    pub(super) fn charge_counted(&mut self, limits: Limits, charge: Charge) -> Result<(), ApiError> {
        if let Some(error) = exceeded(limits.all, self.estimate.unwrap_or_default(), charge.growth) {
            return Err(error);
        }
        self.charge(charge);
        Ok(())
    }

    fn charge(&mut self, Charge { most, growth }: Charge) {
        self.estimate = self.estimate.map(|estimate| estimate.plus(growth));
        self.admitted = self.admitted.plus(growth);
        self.pending = self.pending.plus(most);
    }

    /// Rejects a write that did not fit a moment ago, unless something was released since.
    ///
    /// # Errors
    ///
    /// The quota that the write would exceed.
    pub(super) fn check_verdict(
        &self,
        limits: Limits,
        growth: Storage,
        now: Instant,
    ) -> Result<(), ApiError> {
        match self.counted {
            Some((counted, at)) if !self.is_released && now < at + VERDICT_LIFETIME => {
                exceeded(limits.all, counted, growth).map_or(Ok(()), Err)
            }
            _ => Ok(()),
        }
    }

    /// The write was stored, perhaps with less than was charged.
    pub(super) fn keep(&mut self, charge: Charge) {
        self.pending = self.pending.minus(charge.most);
    }

    /// The write was not stored.
    pub(super) fn refund(&mut self, charge: Charge) {
        self.pending = self.pending.minus(charge.most);
        self.estimate = self.estimate.map(|estimate| estimate.minus(charge.growth));
        self.admitted = self.admitted.minus(charge.growth);
    }

    /// It is not known whether the write was or will be stored.
    pub(super) fn lose(&mut self, charge: Charge, now: Instant) {
        self.pending = self.pending.minus(charge.most);
        let late = self.late_at(now).plus(charge.most);
        self.late = Some((late, now + LATE_LIFETIME));
    }

    fn late_at(&self, now: Instant) -> Storage {
        self.late.filter(|(_, until)| now < *until).map_or_else(Storage::default, |(late, _)| late)
    }

    /// Something was deleted or replaced.
    pub(super) fn release(&mut self) {
        self.is_released = true;
    }

    /// A count begins. What is released from now on may not be in its result.
    pub(super) fn begin_count(&mut self) {
        self.is_released = false;
    }

    /// A count has ended. No write that the gate guards is pending.
    pub(super) fn end_count(&mut self, stored: Storage, now: Instant) {
        let estimate = stored.plus(self.pending).plus(self.late_at(now));
        self.estimate = Some(estimate);
        self.counted = Some((estimate, now));
        self.admitted = Storage::default();
    }

    /// A count has failed. Requests that wait for it must not begin another one.
    pub(super) fn fail_count(&mut self) {
        self.failures += 1;
        // The result may be outdated, and the next count begins with this value.
        self.is_released = true;
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures
    }
}

/// Returns the quota that the growth would exceed. Exactly full is allowed, and a part that does
/// not grow exceeds nothing.
fn exceeded(limit: Storage, base: Storage, growth: Storage) -> Option<ApiError> {
    let sum = base.plus(growth);
    if growth.items > 0 && sum.items > limit.items {
        return Some(ApiError::ItemQuota(limit.items));
    }
    (growth.bytes > 0 && sum.bytes > limit.bytes).then_some(ApiError::ByteQuota(limit.bytes))
}

#[cfg(test)]
mod tests;
