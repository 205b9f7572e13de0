//! Quotas: how much each user may store.
//!
//! No table has a counter, because each write would have to update it. Instead, each process
//! estimates what a user stores, and never too little of what it has written itself. It counts in
//! the database only if the estimate reaches the quota, or if the process has admitted a sixteenth
//! of the quota since the last count. So `n` instances together exceed a quota by at most `n`
//! sixteenths, and by the writes in progress.

mod account;
mod addition;
mod admission;
mod tally;

use std::time::Duration;

use daybook_domain::UserId;
use daybook_persistence::{Database, Storage};
use moka::sync::Cache;

use self::account::Account;
pub(crate) use self::addition::Addition;
pub(crate) use self::admission::Admission;
use self::tally::Limits;
use crate::endpoint::ErrorResponse;
use crate::error::ApiError;

/// The maximum number of users with an estimate: more than write within an hour. A user without one
/// is counted again.
const CAPACITY: u64 = 100_000;

/// The maximum wait for a count. A million notes take half a second, or a few seconds if they must
/// be read from the disk. The count goes on after it, so a retry finds the result.
const COUNT_TIMEOUT: Duration = Duration::from_secs(5);

/// The error of a write that does not fit into a quota.
pub(crate) const ACCOUNT_FULL: ErrorResponse = ErrorResponse {
    name: "AccountFull",
    description: "The account has reached its quota of notes and tasks, or of bytes",
    error: || ApiError::ItemQuota(1_000_000),
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

    /// Admits a write if it fits into the user's quota, or adds nothing. The write must run in the
    /// returned [`Admission`].
    ///
    /// # Errors
    ///
    /// [`ApiError::ItemQuota`] or [`ApiError::ByteQuota`] if the write does not fit.
    /// [`ApiError::Busy`] if the count fails or takes more than 5 s.
    ///
    /// # Cancellation
    ///
    /// The future can be dropped at any time. A count that has begun is completed.
    pub(crate) async fn admit(
        &self,
        database: &Database,
        user: UserId,
        addition: Addition,
    ) -> Result<Admission, ApiError> {
        let account = self.accounts.get_with(user, Account::default);
        if let Some(admission) = account.try_admit(self.limits, &addition) {
            return Ok(admission);
        }
        let admission = account.admit_exactly(self.limits, database, user, addition);
        let in_time = tokio::time::timeout(COUNT_TIMEOUT, admission).await;
        in_time.unwrap_or_else(|_| Err(ApiError::busy("the count of a user's storage takes too long")))
    }

    /// Reports that the user has deleted something. The next write that does not fit is not
    /// rejected without a count.
    pub(crate) fn release(&self, user: UserId) {
        if let Some(account) = self.accounts.get(&user) {
            account.tally.lock().release();
        }
    }
}

#[cfg(test)]
mod tests;
