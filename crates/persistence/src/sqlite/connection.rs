//! Opens a database file. Only its owner can read a new file.

use std::fmt::Display;
use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::result::Error::DatabaseError;
use diesel::sql_types::BigInt;
use diesel::{Connection, QueryResult, RunQueryDsl, SqliteConnection};

use crate::error::Error;

/// The time for which a statement waits for the lock of another process. It is set first, because
/// the change of the journal mode may have to wait.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Lets [`reclaim`](super::reclaim) shrink the file. Only an empty file takes this setting, and
/// only before its journal mode. [`vacuum`](super::vacuum) converts an older file.
const NEW_FILE: &str = "PRAGMA auto_vacuum = INCREMENTAL;";

/// The settings of every connection.
///
/// - `synchronous` is `FULL`, because a write that returned `Ok` must survive a power failure.
///   Group commit makes that cheap.
/// - `secure_delete` overwrites deleted rows and free pages with zeros. `FAST` would leave texts in
///   free pages (<https://sqlite.org/pragma.html#pragma_secure_delete>).
/// - `journal_size_limit` is 16 MiB. The write-ahead log grows to 4 MB between checkpoints, and
///   one commit of 64 notes with 100 kB adds 6 MB. Such logs are reused and larger ones truncated.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
PRAGMA secure_delete = ON;
PRAGMA journal_size_limit = 16777216;";

/// The interval of retries while another connection sets up the same new file.
const SETUP_INTERVAL: Duration = Duration::from_millis(5);

/// Creates the file, unless it exists, and its folder if `creates_folder` is true. Only their owner
/// can read them. SQLite gives its other files the same mode. An existing file or folder keeps its
/// mode.
///
/// # Errors
///
/// [`Error::Unavailable`] with the absolute path if the file cannot be created, if it is a folder,
/// or if its folder is missing or cannot be written.
pub(super) fn create_private(path: &Path, creates_folder: bool) -> Result<(), Error> {
    let path = &absolute(path);
    // Only the root folder has no parent.
    let folder = path.parent().unwrap_or(path);
    if creates_folder {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|cause| Error::unavailable(format!("the folder {}: {cause}", folder.display())))?;
    }
    if path.is_dir() {
        let sentence = format!("{} is a folder: add the name of the file to the URL", path.display());
        return Err(Error::unavailable(sentence));
    }
    match folder.metadata() {
        Ok(found) if found.is_dir() => {}
        Err(cause) if !matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(Error::unavailable(format!("the folder {}: {cause}", folder.display())));
        }
        _ => {
            let sentence = format!("the folder {} does not exist: create it first", folder.display());
            return Err(Error::unavailable(sentence));
        }
    }
    // SQLite creates the write-ahead log in the folder.
    if let Err(cause) = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK) {
        let sentence = format!("the folder {} cannot be written: {cause}", folder.display());
        return Err(Error::unavailable(sentence));
    }
    match OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path) {
        Err(cause) => Err(Error::unavailable(format!("the file {}: {cause}", path.display()))),
        Ok(_) => Ok(()),
    }
}

/// Returns the absolute path, or the path itself if the working directory is unknown.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Opens the file for reads only.
pub(super) fn connect_for_reads(path: &Path) -> Result<SqliteConnection, Error> {
    let mut connection = connect(path)?;
    connection.batch_execute("PRAGMA query_only = ON;")?;
    Ok(connection)
}

/// Returns the number that a pragma such as `page_count` has.
pub(super) fn pragma(connection: &mut SqliteConnection, name: &str) -> QueryResult<i64> {
    sql::<BigInt>(&format!("PRAGMA {name}")).get_result(connection)
}

/// Sets the time for which a statement waits for a lock.
pub(crate) fn set_busy_timeout(connection: &mut SqliteConnection, timeout: Duration) -> QueryResult<()> {
    connection.batch_execute(&format!("PRAGMA busy_timeout = {};", timeout.as_millis()))
}

/// Opens the file with [`PRAGMAS`] set. On an existing file this needs no lock for writes and no
/// disk space, unless no other connection is open.
pub(crate) fn connect(path: &Path) -> Result<SqliteConnection, Error> {
    let Some(path) = path.to_str() else {
        return Err(Error::unavailable("the path of the database is not UTF-8"));
    };
    // SQLite would parse a name that begins with `file:` as a URI with options.
    let url = if path.starts_with("file:") { format!("./{path}") } else { path.to_owned() };
    let unusable = |cause: &dyn Display| {
        Error::unavailable(format!("the file {}: {cause}", absolute(Path::new(path)).display()))
    };
    let mut connection = SqliteConnection::establish(&url).map_err(|cause| unusable(&cause))?;
    set_up(&mut connection).map_err(|cause| unusable(&cause))?;
    Ok(connection)
}

/// Sets [`NEW_FILE`] and [`PRAGMAS`], with retries for at most [`BUSY_TIMEOUT`].
///
/// Several connections may change the journal mode of a new file at once. Then each of them holds a
/// lock that the others need. SQLite rejects all but one immediately, without `busy_timeout`.
fn set_up(connection: &mut SqliteConnection) -> QueryResult<()> {
    let began = Instant::now();
    loop {
        match set_pragmas(connection) {
            Err(DatabaseError(_, info))
                if info.message().contains("locked") && began.elapsed() < BUSY_TIMEOUT =>
            {
                thread::sleep(SETUP_INTERVAL);
            }
            done => return done,
        }
    }
}

fn set_pragmas(connection: &mut SqliteConnection) -> QueryResult<()> {
    set_busy_timeout(connection, BUSY_TIMEOUT)?;
    if pragma(connection, "page_count")? == 0 {
        connection.batch_execute(NEW_FILE)?;
    }
    connection.batch_execute(PRAGMAS)
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::Text;

    use super::*;

    fn text(connection: &mut SqliteConnection, query: &str) -> String {
        diesel::select(diesel::dsl::sql::<Text>(&format!("(SELECT * FROM pragma_{query})")))
            .get_result(connection)
            .unwrap()
    }

    fn number(connection: &mut SqliteConnection, name: &str) -> i64 {
        pragma(connection, name).unwrap()
    }

    #[test]
    fn connect_opens_a_new_file_from_eight_threads_at_once() {
        for _ in 0..50 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("day.db");
            let start = std::sync::Barrier::new(8);
            std::thread::scope(|threads| {
                let opening = || {
                    start.wait();
                    connect(&path).map(|mut connection| assert_eq!(number(&mut connection, "auto_vacuum"), 2))
                };
                let opened: Vec<_> = (0..8).map(|_| threads.spawn(opening)).collect();
                for thread in opened {
                    thread.join().unwrap().unwrap();
                }
            });
        }
    }

    #[test]
    fn connect_sets_the_pragmas() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.db");
        for mut connection in [connect(&path).unwrap(), connect_for_reads(&path).unwrap()] {
            assert_eq!(text(&mut connection, "journal_mode"), "wal");
            assert_eq!(number(&mut connection, "synchronous"), 2, "FULL");
            assert_eq!(number(&mut connection, "foreign_keys"), 1);
            assert_eq!(number(&mut connection, "busy_timeout"), 5000);
            assert_eq!(number(&mut connection, "secure_delete"), 1);
            assert_eq!(number(&mut connection, "auto_vacuum"), 2, "INCREMENTAL");
        }
        assert_eq!(number(&mut connect_for_reads(&path).unwrap(), "query_only"), 1);
    }

    #[test]
    fn connect_uses_sqlite_3_51_3_or_later_with_stable_query_plans() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = connect(&folder.path().join("day.db")).unwrap();
        let version: String =
            diesel::select(diesel::dsl::sql::<Text>("sqlite_version()")).get_result(&mut connection).unwrap();
        let parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(parts >= vec![3, 51, 3], "{version} can corrupt a WAL");
        let qpsg: i32 = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>(
            "sqlite_compileoption_used('ENABLE_QPSG')",
        ))
        .get_result(&mut connection)
        .unwrap();
        assert_eq!(qpsg, 1, ".cargo/config.toml sets it; without it each LIMIT ? is prepared anew");
    }
}
