//! Gives the space of deleted rows back to the disk, and truncates the write-ahead log.
//!
//! `secure_delete` overwrites deleted rows in their pages. The log still has earlier versions of
//! these pages, even after a checkpoint, until it is truncated.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::Integer;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};

use super::connection::{BUSY_TIMEOUT, pragma, set_busy_timeout};
use crate::error::Error;

/// The number of free pages that one step removes. Each takes about 4 µs, so other writes wait for
/// about a millisecond and the commit.
pub(super) const STEP_PAGES: i64 = 200;

/// The number of free pages that stay in the file, 1 MiB. The next writes use them. Without them,
/// the file would shrink and grow again with each change.
const KEPT_PAGES: i64 = 256;

/// The value of `auto_vacuum` for a file that can shrink.
const INCREMENTAL: i64 = 2;

/// The time for which a step waits for reads. Writes wait too. A short read takes less than 1 ms.
pub(super) const STEP_TIMEOUT: Duration = Duration::from_millis(5);

/// The time for which a stop or a rebuild waits for reads. Writes wait too. Pages of long texts
/// take less.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns true if the file can shrink.
pub(super) fn can_shrink(connection: &mut SqliteConnection) -> QueryResult<bool> {
    Ok(pragma(connection, "auto_vacuum")? == INCREMENTAL)
}

/// Returns the number of free pages that [`free_pages`] would remove.
pub(super) fn excess_pages(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let excess = pragma(connection, "freelist_count")? - KEPT_PAGES;
    Ok(if excess > 0 && can_shrink(connection)? { excess } else { 0 })
}

/// Removes at most [`STEP_PAGES`] free pages, inside a transaction. Returns true if more are left.
pub(super) fn free_pages(connection: &mut SqliteConnection) -> Result<bool, Error> {
    let excess = excess_pages(connection)?;
    if excess > 0 {
        let pages = excess.min(STEP_PAGES);
        connection.batch_execute(&format!("PRAGMA incremental_vacuum({pages});"))?;
    }
    Ok(excess > STEP_PAGES)
}

/// Returns true if the write-ahead log has no page, or does not exist.
pub(super) fn has_empty_log(database: &Path) -> bool {
    // SQLite follows symbolic links: the log is beside the file itself.
    let mut log = database.canonicalize().unwrap_or_else(|_| database.to_owned()).into_os_string();
    log.push("-wal");
    Path::new(&log).metadata().map_or(true, |found| found.len() == 0)
}

/// Copies the write-ahead log into the file and truncates it. Returns false if reads, or writes of
/// another process, did not end within `timeout`. Must run outside of a transaction.
pub(super) fn truncate_log(connection: &mut SqliteConnection, timeout: Duration) -> QueryResult<bool> {
    set_busy_timeout(connection, timeout)?;
    let busy = sql::<(Integer, Integer, Integer)>("PRAGMA wal_checkpoint(TRUNCATE)")
        .get_result::<(i32, i32, i32)>(connection);
    set_busy_timeout(connection, BUSY_TIMEOUT)?;
    Ok(busy?.0 == 0)
}
