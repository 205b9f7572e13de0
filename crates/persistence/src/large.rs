//! Pages of long texts: which rows a large read loads, and how many large reads run at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use daybook_domain::{Cursor, Limit, PAGE_BYTES, UserId};
use diesel::expression::functions::declare_sql_function;
use diesel::sql_types::{Nullable, Text};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// The maximum number of large reads in one process. They hold at most half of PostgreSQL's pooled
/// connections, so the other half stays free for writes. Their rows take at most 16 MiB. On SQLite,
/// they leave nearly all blocking threads free.
const PERMITS: usize = 4;

/// The maximum number of large reads of one user, so that another user always gets a permit soon.
const PERMITS_PER_USER: usize = 2;

/// The maximum wait for a permit. It is as long as the wait for a pooled connection, so a large
/// read is rejected as early as a write.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Limits the large reads of one process, and those of each user. Clones share the permits.
#[derive(Clone)]
pub(crate) struct LargeReads {
    total: Arc<Semaphore>,
    /// The semaphores of the users who wait or read.
    of_users: Arc<Mutex<HashMap<UserId, Arc<Semaphore>>>>,
}

/// The right to run one large read.
pub(crate) struct Permit {
    _of_user: OwnedSemaphorePermit,
    _of_total: OwnedSemaphorePermit,
}

impl Default for LargeReads {
    fn default() -> Self {
        Self { total: Arc::new(Semaphore::new(PERMITS)), of_users: Arc::default() }
    }
}

impl LargeReads {
    /// Waits for a permit. The read must hold it until the read ends.
    ///
    /// A user who has two permits waits for one of them to be given back, and does not delay other
    /// users meanwhile. Users who have fewer get the permits in the order of their calls.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] after [`PERMIT_TIMEOUT`].
    pub(crate) async fn permit(&self, user: UserId) -> Result<Permit, Error> {
        let (of_user, total) = (self.of_user(user), Arc::clone(&self.total));
        let permit = async {
            let of_user = of_user.acquire_owned().await?;
            Ok(Permit { _of_user: of_user, _of_total: total.acquire_owned().await? })
        };
        match tokio::time::timeout(PERMIT_TIMEOUT, permit).await {
            Ok(permit) => permit.map_err(|closed: AcquireError| Error::Internal(closed.into())),
            Err(_) => Err(Error::unavailable("too many large reads are running")),
        }
    }

    /// Returns the user's semaphore. Drops those that no other user needs.
    fn of_user(&self, user: UserId) -> Arc<Semaphore> {
        let mut of_users = self.of_users.lock().unwrap_or_else(PoisonError::into_inner);
        // Each permit, and each call that waits for one, holds a clone.
        of_users.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        let new = || Arc::new(Semaphore::new(PERMITS_PER_USER));
        Arc::clone(of_users.entry(user).or_insert_with(new))
    }
}

#[declare_sql_function]
extern "SQL" {
    /// The length of a stored text in bytes. Both databases know it without loading a long text.
    fn octet_length(text: Nullable<Text>) -> Nullable<Integer>;
}
/// The rows that one large read loads. Their texts have at most [`PAGE_BYTES`], or there is only
/// one row.
#[derive(Debug, PartialEq)]
pub(crate) struct Fitting {
    /// The smallest id.
    pub(crate) oldest: i64,
    /// The largest id. Rows that were inserted after the sizes were read have larger ids.
    pub(crate) newest: i64,
    /// The position after the oldest row, if the list has more rows.
    pub(crate) next: Option<Cursor>,
}

impl Fitting {
    /// Selects rows from a query for `limit + 1` rows, newest first. Each row is its id and the
    /// stored bytes of its texts.
    ///
    /// A dropped row could not be on the page. In JSON, a text is never shorter than it is stored.
    pub(crate) fn of(rows: impl IntoIterator<Item = (i64, usize)>, limit: Limit) -> Self {
        // Ids start at 1, so 0 finds no row.
        let mut fitting = Self { oldest: 0, newest: 0, next: None };
        let mut bytes = 0_usize;
        for (index, (id, size)) in rows.into_iter().enumerate() {
            bytes = bytes.saturating_add(size);
            if index == 0 {
                fitting.newest = id;
            } else if index == limit.items() || bytes > PAGE_BYTES {
                fitting.next = Some(Cursor::after(fitting.oldest));
                break;
            }
            fitting.oldest = id;
        }
        fitting
    }
}

/// The bytes of a text by [`octet_length`], or 0 if there is no text.
pub(crate) fn bytes(length: Option<i32>) -> usize {
    length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitting_selects_the_newest_rows_up_to_the_limits() {
        let limit = Limit::new(3).unwrap();
        let all = PAGE_BYTES;
        for (rows, oldest, newest, next) in [
            (vec![], 0, 0, None),
            (vec![(9, 0)], 9, 9, None),
            (vec![(9, all)], 9, 9, None),
            (vec![(9, all + 1)], 9, 9, None),
            (vec![(9, all + 1), (7, 0)], 9, 9, Some(9)),
            (vec![(9, all), (7, 0)], 7, 9, None),
            (vec![(9, all), (7, 1)], 9, 9, Some(9)),
            (vec![(9, 1), (7, all - 1)], 7, 9, None),
            (vec![(9, 1), (7, all), (5, 1)], 9, 9, Some(9)),
            (vec![(9, 1), (7, 1), (5, 1)], 5, 9, None),
            (vec![(9, 1), (7, 1), (5, 1), (3, all)], 5, 9, Some(5)),
            (vec![(9, usize::MAX), (7, usize::MAX)], 9, 9, Some(9)),
        ] {
            let expected = Fitting { oldest, newest, next: next.map(Cursor::after) };
            assert_eq!(Fitting::of(rows.clone(), limit), expected, "{rows:?}");
        }
    }

    #[tokio::test]
    async fn permit_is_unavailable_while_four_large_reads_run() {
        let reads = LargeReads::default();
        let mut held = Vec::new();
        for user in [1, 1, 2, 2] {
            held.push(reads.clone().permit(UserId(user)).await.unwrap());
        }
        assert!(matches!(reads.permit(UserId(3)).await, Err(Error::Unavailable(_))));
        held.pop();
        assert!(reads.permit(UserId(3)).await.is_ok());
    }

    #[tokio::test]
    async fn permit_gives_one_user_at_most_two_of_four() {
        let reads = LargeReads::default();
        let mut held = vec![reads.permit(UserId(1)).await.unwrap(), reads.permit(UserId(1)).await.unwrap()];
        // The waiting call of the first user takes no permit from the second user.
        let (third, other) = tokio::join!(reads.permit(UserId(1)), async {
            (reads.permit(UserId(2)).await, reads.permit(UserId(2)).await)
        });
        assert!(matches!(third, Err(Error::Unavailable(_))));
        assert!(other.0.is_ok() && other.1.is_ok());
        held.pop();
        assert!(reads.permit(UserId(1)).await.is_ok());
    }

    #[tokio::test]
    async fn permit_waits_for_a_read_that_ends_in_time() {
        let reads = LargeReads::default();
        let mut held = vec![reads.permit(UserId(1)).await.unwrap(), reads.permit(UserId(1)).await.unwrap()];
        let (waited, ()) = tokio::join!(reads.permit(UserId(1)), async {
            tokio::task::yield_now().await;
            held.pop();
        });
        assert!(waited.is_ok());
    }

    #[tokio::test]
    async fn permit_keeps_no_memory_of_users_without_reads() {
        let reads = LargeReads::default();
        for user in 0..100 {
            drop(reads.permit(UserId(user)).await);
        }
        assert_eq!(reads.of_users.lock().unwrap().len(), 1, "the last user");
    }
}
