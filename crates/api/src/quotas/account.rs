//! One user's estimate, and the order of writes and counts.

use std::sync::Arc;
use std::time::Instant;

use actix_web::rt::spawn;
use daybook_domain::UserId;
use daybook_persistence::Database;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tokio::time::sleep;
use tracing::Instrument;

use super::addition::Addition;
use super::reservation::StorageReservation;
use super::tally::{Growth, Limits, SharedTally};
use crate::error::ApiError;

/// The user's estimate. Writes share the count lock and a count excludes them, so that a count
/// either sees all of a write or comes before it. Clones share both.
#[derive(Clone, Default)]
pub(super) struct Account {
    pub(super) tally: SharedTally,
    count_lock: Arc<RwLock<()>>,
}

impl Account {
    /// Reserves the storage of a write if it fits by the estimate. Never waits.
    pub(super) fn try_reserve(&self, limits: Limits, addition: &Addition) -> Option<StorageReservation> {
        let shared = Arc::clone(&self.count_lock).try_read_owned().ok()?;
        let growth = addition.upper_growth();
        let fits = self.tally.lock().try_reserve(limits, growth);
        fits.then(|| StorageReservation::new(self.tally.clone(), growth, &addition.kind, shared))
    }

    /// Reserves the storage of a write if it fits by the size of the row that it replaces, or by a
    /// count. Waits for a count in progress. If another count is needed, waits for the user's other
    /// writes.
    ///
    /// # Errors
    ///
    /// The quota that the write exceeds, or the error of the count.
    pub(super) async fn reserve_exactly(
        &self,
        limits: Limits,
        database: &Database,
        user: UserId,
        addition: Addition,
    ) -> Result<StorageReservation, ApiError> {
        let failures = self.tally.lock().failures();
        let shared = Arc::clone(&self.count_lock).read_owned().await;
        let (growth, is_reserved) = self.reserve_by_row(limits, database, user, &addition).await?;
        if is_reserved {
            return Ok(StorageReservation::new(self.tally.clone(), growth, &addition.kind, shared));
        }
        drop(shared);
        let mut exclusive = Arc::clone(&self.count_lock).write_owned().await;
        // Another request may have counted meanwhile.
        let (growth, is_reserved) = self.reserve_by_row(limits, database, user, &addition).await?;
        if !is_reserved {
            if self.tally.lock().failures() != failures {
                return Err(ApiError::busy("the count of a user's storage has failed"));
            }
            exclusive = self.count(exclusive, database, user).await?;
            self.tally.lock().reserve_counted(limits, growth)?;
        }
        Ok(StorageReservation::new(self.tally.clone(), growth, &addition.kind, exclusive.downgrade()))
    }

    /// Reserves the storage of a write if it fits by the estimate and the size of the row that it
    /// replaces. Returns false if only a count can decide. The caller holds the count lock, because
    /// a count after the look at the replaced row could miss a change of this row.
    ///
    /// # Errors
    ///
    /// The quota that the write exceeds, if the last count is recent.
    async fn reserve_by_row(
        &self,
        limits: Limits,
        database: &Database,
        user: UserId,
        addition: &Addition,
    ) -> Result<(Growth, bool), ApiError> {
        let growth = addition.upper_growth();
        if self.tally.lock().try_reserve(limits, growth) {
            return Ok((growth, true));
        }
        let growth = addition.growth(database, user).await?;
        let is_reserved = self.tally.lock().try_reserve(limits, growth);
        if !is_reserved {
            self.tally.lock().check_last_count(limits, growth.net, Instant::now())?;
        }
        Ok((growth, is_reserved))
    }

    /// Counts in a task of its own, so that a count is completed even if its client disconnects.
    /// First waits for the end of the pause after the last count.
    async fn count(
        &self,
        exclusive: OwnedRwLockWriteGuard<()>,
        database: &Database,
        user: UserId,
    ) -> Result<OwnedRwLockWriteGuard<()>, ApiError> {
        let (tally, database) = (self.tally.clone(), database.clone());
        let count = async move {
            let pause = tally.lock().pause(Instant::now());
            sleep(pause).await;
            tally.lock().begin_count();
            let began = Instant::now();
            let stored = database.count_storage(user).await;
            let (took, now) = (began.elapsed(), Instant::now());
            let mut tally = tally.lock();
            match stored {
                Ok(stored) => {
                    tally.end_count(stored, took, now);
                    Ok(exclusive)
                }
                Err(error) => {
                    tally.fail_count(took, now);
                    Err(ApiError::of_database(error))
                }
            }
        };
        spawn(count.in_current_span()).await.unwrap_or_else(|panicked| Err(ApiError::internal(panicked)))
    }
}
