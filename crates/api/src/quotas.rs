//! Quotas: how much each user may store.
//!
//! No table has a counter, because each write would have to update it. Instead, each process
//! estimates what a user stores, and never too little of what it has written itself. It counts in
//! the database only if the estimate reaches the quota, or if the process has reserved a sixteenth
//! of the quota since the last count. So `n` instances together exceed a quota by at most `n`
//! sixteenths, and by the writes in progress.

mod account;
mod addition;
mod reservation;
mod tally;

use std::time::Duration;

use daybook_domain::UserId;
use daybook_persistence::{Database, Error, Storage};
use moka::sync::Cache;

use self::account::Account;
pub(crate) use self::addition::Addition;
pub(crate) use self::reservation::StorageReservation;
use self::tally::{Exceeded, Limits};
use crate::endpoint::ErrorResponse;
use crate::error::ApiError;

/// The maximum number of users with an estimate: more than write within an hour. A user without one
/// is counted again.
const CAPACITY: u64 = 100_000;

/// The maximum wait for a count and the pause before it. A million notes take half a second, or a
/// few seconds if they must be read from the disk. The count goes on after it, so a retry finds the
/// result.
const COUNT_TIMEOUT: Duration = Duration::from_secs(5);

/// The error of a write that does not fit into a quota.
pub(crate) const ACCOUNT_FULL: ErrorResponse = ErrorResponse {
    name: "AccountFull",
    description: "The account has reached its quota of notes and tasks, or of bytes",
    error: || Exceeded::Items(1_000_000).into(),
};

/// The quotas of all users, and what each user stores. Clones share the estimates.
#[derive(Clone)]
pub(crate) struct Quotas {
    limits: Limits,
    accounts: Cache<UserId, Account>,
}

impl Quotas {
    /// `limit` is the quota of each user.
    pub(crate) fn new(limit: Storage) -> Self {
        let accounts = Cache::builder().max_capacity(CAPACITY).build();
        Self { limits: Limits::new(limit), accounts }
    }

    /// Runs a write if what it adds fits into the user's quota. The inner result is that of the
    /// write.
    ///
    /// # Errors
    ///
    /// Those of [`Quotas::reserve`].
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the write may still be stored. The estimate then stays too high
    /// until a later count.
    pub(crate) async fn store<T>(
        &self,
        database: &Database,
        user: UserId,
        addition: Addition,
        write: impl AsyncFnOnce() -> Result<T, Error>,
    ) -> Result<Result<T, Error>, ApiError> {
        let reservation = self.reserve(database, user, addition).await?;
        Ok(reservation.run(write).await)
    }

    /// Reserves the storage of a write if it fits into the user's quota, or adds nothing. The write
    /// must run in the reservation.
    ///
    /// # Errors
    ///
    /// [`ApiError::AccountFull`] if the write does not fit. [`ApiError::Busy`] if the count fails
    /// or takes more than 5 s.
    ///
    /// # Cancellation
    ///
    /// The future can be dropped at any time. A count that has begun is completed.
    pub(crate) async fn reserve(
        &self,
        database: &Database,
        user: UserId,
        addition: Addition,
    ) -> Result<StorageReservation, ApiError> {
        let account = self.accounts.get_with(user, Account::default);
        if let Some(reservation) = account.try_reserve(self.limits, &addition) {
            return Ok(reservation);
        }
        let reservation = account.reserve_exactly(self.limits, database, user, addition);
        let in_time = tokio::time::timeout(COUNT_TIMEOUT, reservation).await;
        in_time.unwrap_or_else(|_| Err(ApiError::busy("the count of a user's storage takes too long")))
    }

    /// Invalidates the last count, because the user has deleted something. The next write that does
    /// not fit is not rejected without a count.
    pub(crate) fn invalidate(&self, user: UserId) {
        if let Some(account) = self.accounts.get(&user) {
            account.tally.lock().invalidate();
        }
    }
}

impl From<Exceeded> for ApiError {
    fn from(exceeded: Exceeded) -> Self {
        match exceeded {
            Exceeded::Items(quota) => Self::AccountFull(quota, "notes and tasks"),
            Exceeded::Bytes(quota) => Self::AccountFull(quota, "bytes of text"),
        }
    }
}

#[cfg(test)]
mod tests;
