//! One user's estimate, and the order of writes and counts.

use std::sync::Arc;
use std::time::Instant;

use actix_web::rt::spawn;
use daybook_domain::UserId;
use daybook_persistence::Database;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tracing::Instrument;

use super::addition::Addition;
use super::admission::Admission;
use super::tally::{Charge, Limits, SharedTally};
use crate::error::ApiError;

/// The user's estimate. Writes share the gate and a count excludes them, so that a count either
/// sees all of a write or comes before it. Clones share both.
#[derive(Clone, Default)]
pub(super) struct Account {
    pub(super) tally: SharedTally,
    gate: Arc<RwLock<()>>,
}

impl Account {
    /// Admits a write if it fits by the estimate. Never waits.
    pub(super) fn try_admit(&self, limits: Limits, addition: &Addition) -> Option<Admission> {
        let gate = Arc::clone(&self.gate).try_read_owned().ok()?;
        let charge = Charge { most: addition.most, growth: addition.most };
        let fits = self.tally.lock().try_charge(limits, charge);
        fits.then(|| Admission::new(self.tally.clone(), charge, &addition.kind, gate))
    }

    /// Admits a write if it fits by the size of the row that it replaces, or by a count. Waits for
    /// a count in progress. If another count is needed, waits for the user's other writes.
    ///
    /// # Errors
    ///
    /// The quota that the write exceeds, or the error of the count.
    pub(super) async fn admit_exactly(
        &self,
        limits: Limits,
        database: &Database,
        user: UserId,
        addition: Addition,
    ) -> Result<Admission, ApiError> {
        let failures = self.tally.lock().failures();
        let gate = Arc::clone(&self.gate).read_owned().await;
        let (charge, is_charged) = self.charge(limits, database, user, &addition).await?;
        if is_charged {
            return Ok(Admission::new(self.tally.clone(), charge, &addition.kind, gate));
        }
        drop(gate);
        let mut gate = Arc::clone(&self.gate).write_owned().await;
        // Another request may have counted meanwhile.
        let (charge, is_charged) = self.charge(limits, database, user, &addition).await?;
        if !is_charged {
            if self.tally.lock().failures() != failures {
                return Err(ApiError::busy("the count of a user's storage has failed"));
            }
            gate = self.count(gate, database, user).await?;
            self.tally.lock().charge_counted(limits, charge)?;
        }
        Ok(Admission::new(self.tally.clone(), charge, &addition.kind, gate.downgrade()))
    }

    /// Charges a write if it fits by the estimate. Returns false if only a count can decide. The
    /// caller holds the gate, because a count after the look at the replaced row could miss a
    /// change of this row.
    ///
    /// # Errors
    ///
    /// The quota that the write exceeds, if the last count is recent.
    async fn charge(
        &self,
        limits: Limits,
        database: &Database,
        user: UserId,
        addition: &Addition,
    ) -> Result<(Charge, bool), ApiError> {
        let mut charge = Charge { most: addition.most, growth: addition.most };
        if self.tally.lock().try_charge(limits, charge) {
            return Ok((charge, true));
        }
        charge.growth = addition.growth(database, user).await.map_err(ApiError::of_database)?;
        let is_charged = self.tally.lock().try_charge(limits, charge);
        if !is_charged {
            self.tally.lock().check_verdict(limits, charge.growth, Instant::now())?;
        }
        Ok((charge, is_charged))
    }

    /// Counts in a task of its own, so that a count is completed even if its client disconnects.
    async fn count(
        &self,
        gate: OwnedRwLockWriteGuard<()>,
        database: &Database,
        user: UserId,
    ) -> Result<OwnedRwLockWriteGuard<()>, ApiError> {
        let (tally, database) = (self.tally.clone(), database.clone());
        let count = async move {
            tally.lock().begin_count();
            let stored = database.stored(user).await;
            let mut tally = tally.lock();
            match stored {
                Ok(stored) => {
                    tally.end_count(stored, Instant::now());
                    Ok(gate)
                }
                Err(error) => {
                    tally.fail_count();
                    Err(ApiError::of_database(error))
                }
            }
        };
        spawn(count.in_current_span()).await.unwrap_or_else(|panicked| Err(ApiError::internal(panicked)))
    }
}
