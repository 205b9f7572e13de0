//! Rebuilds the file from its rows.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;

use super::connection::{absolute, connect, set_busy_timeout};
use super::reclaim::{READ_TIMEOUT, can_shrink, truncate_log};
use crate::error::Error;

/// The largest file that is rebuilt without a command. It takes two seconds at the start.
const SMALL: u64 = 256 * 1024 * 1024;

/// The time for which the rebuild waits for writes of other connections.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// Rebuilds the file and truncates the write-ahead log.
pub(crate) async fn vacuum(path: &Path) -> Result<(), Error> {
    let path = path.to_owned();
    let work = move || {
        let mut connection = connect(&path)?;
        set_busy_timeout(&mut connection, BUSY_TIMEOUT)?;
        connection.batch_execute("PRAGMA auto_vacuum = INCREMENTAL; VACUUM;")?;
        match truncate_log(&mut connection, READ_TIMEOUT)? {
            true => Ok(()),
            false => Err(Error::unavailable("it was rebuilt, but its old pages are still being read")),
        }
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panicked| Err(Error::Internal(panicked.into())))
}

/// Rebuilds a file that cannot shrink, if it is [`SMALL`]. It is of an older version, whose deleted
/// rows are still in the file. Logs a warning if that fails, because the service can run without.
///
/// Two processes that start at once may both rebuild the file. The second one waits for the first.
pub(crate) async fn vacuum_older(path: &Path) {
    let rebuilt = async {
        if connect(path).and_then(|mut connection| Ok(can_shrink(&mut connection)?))? {
            return Ok(());
        }
        let bytes = path.metadata().map_err(|cause| Error::Internal(cause.into()))?.len();
        if bytes > SMALL {
            return Err(Error::unavailable(format!("it has {bytes} bytes, which takes long")));
        }
        vacuum(path).await?;
        tracing::info!(bytes, "rebuilt the database, without the texts of deleted rows");
        Ok(())
    };
    if let Err(cause) = rebuilt.await {
        tracing::warn!(
            file = %absolute(path).display(), %cause,
            "the database was not rebuilt, so texts that were deleted earlier may still be in it: \
             run `daybook vacuum`"
        );
    }
}
