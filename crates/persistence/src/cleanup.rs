//! Cleanups: background work that deletes rows in batches.

use daybook_domain::Timestamp;

use crate::batch::Batch;
use crate::database::Database;
use crate::error::Error;
use crate::handle::WriteHandle;
use crate::unit::{read, transaction};
use crate::{deletion, retention, surplus_events};

/// The kinds of rows that are deleted in the background.
///
/// The enum is exhaustive, so that a new kind does not compile before it has a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// All rows of closed accounts.
    ClosedAccounts,
    /// Events of all accounts that are older than 90 days, except the last 50 logins of each
    /// account.
    Events,
    /// Events of an account that are neither among its newest 10,000 nor among the newest 1,000 of
    /// their kind before those.
    SurplusEvents,
    /// Expired sessions, and refresh tokens that were replaced before the grace period.
    Sessions,
    /// Usage of days that are more than 13 months ago.
    Usage,
}

impl Cleanup {
    /// All cleanups.
    pub const ALL: [Self; 5] =
        [Self::ClosedAccounts, Self::Events, Self::SurplusEvents, Self::Sessions, Self::Usage];

    /// Returns the name for logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClosedAccounts => "closed_accounts",
            Self::Events => "events",
            Self::SurplusEvents => "surplus_events",
            Self::Sessions => "sessions",
            Self::Usage => "usage",
        }
    }

    /// The key of the advisory lock: "daybook" in ASCII and a number.
    fn lock_key(self) -> i64 {
        0x6461_7962_6f6f_6b00
            + match self {
                Self::ClosedAccounts => 1,
                Self::Events => 2,
                Self::Sessions => 3,
                Self::Usage => 4,
                Self::SurplusEvents => 5,
            }
    }
}

impl Database {
    /// Deletes one batch in one transaction. `position` is 0 for the first batch, and
    /// [`Batch::next`] of the previous batch for each other one.
    ///
    /// A batch is short: at most about 1,000 rows with 4 MiB of text, found by an index. Callers
    /// should pause between batches, so that other writes do not wait. On PostgreSQL, a batch gives
    /// up after it has waited 100 ms for a row.
    ///
    /// Returns `None` if another instance runs a batch of the same cleanup. Skips a closed account
    /// if another instance deletes its rows.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn clean_up(
        &self,
        cleanup: Cleanup,
        position: i64,
        now: Timestamp,
    ) -> Result<Option<Batch>, Error> {
        transaction!(self, |c| {
            if !c.try_begin_batch(cleanup.lock_key()).await? {
                return Ok(None);
            }
            match cleanup {
                Cleanup::ClosedAccounts => deletion::delete_first_closed(c, position).await,
                Cleanup::Events => retention::delete_events(c, position, now).await,
                Cleanup::SurplusEvents => surplus_events::delete_first(c, position).await,
                Cleanup::Sessions => retention::delete_sessions(c, position, now).await,
                Cleanup::Usage => retention::delete_usage(c, position, now).await,
            }
            .map(Some)
        })
    }

    /// Returns the position at which a cleanup can continue after the batch at `position` has
    /// failed, so that one account does not delay the others. `None` if it cannot continue.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn position_after_failure(
        &self,
        cleanup: Cleanup,
        position: i64,
    ) -> Result<Option<i64>, Error> {
        match cleanup {
            Cleanup::ClosedAccounts => read!(self, |c| deletion::after_first_closed(c, position).await),
            Cleanup::SurplusEvents => read!(self, |c| surplus_events::after_first(c, position).await),
            Cleanup::Events | Cleanup::Sessions | Cleanup::Usage => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
