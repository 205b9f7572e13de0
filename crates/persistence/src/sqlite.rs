//! SQLite: readers that run inline on the caller's thread, and one writer on a thread of its own.

mod handle;
mod writer;

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::result::Error::DatabaseError;
use diesel::{Connection, QueryResult, SqliteConnection};

pub(crate) use self::handle::Inline;
use self::writer::Writer;
use crate::Error;

/// Set on every connection. `busy_timeout` first, since changing the journal mode may have to wait; `FULL`, because an answered
/// write must survive a power cut, and group commit makes that cheap.
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
PRAGMA journal_size_limit = 67108864;";

/// As long as `busy_timeout`.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Sqlite {
    path: Arc<PathBuf>,
    /// Connections that no read is using. There are never more than threads that read at the same time.
    idle: Arc<Mutex<Vec<SqliteConnection>>>,
    writer: Writer,
}

impl Sqlite {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|cause| Error::unavailable(format!("the folder {}: {cause}", folder.display())))?;
        }
        make_private(path)?;
        let writer = Writer::start(path.to_owned())?;
        Ok(Self { path: Arc::new(path.to_owned()), idle: Arc::default(), writer })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs short reads on the calling thread: an indexed query takes microseconds, less than handing it to another thread.
    pub(crate) fn read<T>(
        &self,
        unit: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let pooled = idle().pop();
        let mut connection = match pooled {
            Some(connection) => connection,
            None => reader(&self.path)?,
        };
        let result = unit(&mut connection);
        idle().push(connection);
        result
    }

    /// Runs a unit on the writer thread, in a savepoint of its own, and answers after it is stored.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&mut SqliteConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.run(unit).await
    }
}

/// Makes the file, if it is not there, for its owner alone; SQLite gives what it puts beside it the same mode. A file that is there
/// keeps the mode that somebody has given it.
fn make_private(path: &Path) -> Result<(), Error> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::unavailable(format!("the file {}: {cause}", path.display())))
        }
        _ => Ok(()),
    }
}

fn reader(path: &Path) -> Result<SqliteConnection, Error> {
    let mut connection = connect(path)?;
    connection.batch_execute("PRAGMA query_only = ON;")?;
    Ok(connection)
}

/// Opens the file with [`PRAGMAS`] set.
pub(crate) fn connect(path: &Path) -> Result<SqliteConnection, Error> {
    let Some(path) = path.to_str() else {
        return Err(Error::unavailable("the path of the database is not UTF-8"));
    };
    // A name that begins with `file:` would be taken for a URI with options.
    let path = if path.starts_with("file:") { format!("./{path}") } else { path.to_owned() };
    let mut connection = SqliteConnection::establish(&path).map_err(Error::unavailable)?;
    set_up(&mut connection).map_err(Error::unavailable)?;
    Ok(connection)
}

/// Sets [`PRAGMAS`]. Of several who change a new file's journal mode at once SQLite turns all but one away, whatever their `busy_timeout`: each holds a
/// lock that the others would wait for.
fn set_up(connection: &mut SqliteConnection) -> QueryResult<()> {
    let began = Instant::now();
    loop {
        match connection.batch_execute(PRAGMAS) {
            Err(DatabaseError(_, told))
                if told.message().contains("locked") && began.elapsed() < PATIENCE =>
            {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use diesel::RunQueryDsl;
    use diesel::sql_types::{BigInt, Text};

    use super::*;

    fn text(connection: &mut SqliteConnection, query: &str) -> String {
        diesel::select(diesel::dsl::sql::<Text>(&format!("(SELECT * FROM pragma_{query})")))
            .get_result(connection)
            .unwrap()
    }

    fn number(connection: &mut SqliteConnection, query: &str) -> i64 {
        diesel::select(diesel::dsl::sql::<BigInt>(&format!("(SELECT * FROM pragma_{query})")))
            .get_result(connection)
            .unwrap()
    }

    #[test]
    fn all_who_open_a_new_file_at_once_get_it() {
        for _ in 0..50 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("day.db");
            let start = std::sync::Barrier::new(8);
            std::thread::scope(|threads| {
                let opening = || {
                    start.wait();
                    connect(&path).map(drop)
                };
                let opened: Vec<_> = (0..8).map(|_| threads.spawn(opening)).collect();
                for thread in opened {
                    thread.join().unwrap().unwrap();
                }
            });
        }
    }

    #[test]
    fn every_connection_has_the_pragmas() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.db");
        for mut connection in [connect(&path).unwrap(), reader(&path).unwrap()] {
            assert_eq!(text(&mut connection, "journal_mode"), "wal");
            assert_eq!(number(&mut connection, "synchronous"), 2, "FULL");
            assert_eq!(number(&mut connection, "foreign_keys"), 1);
            assert_eq!(number(&mut connection, "busy_timeout"), 5000);
        }
        assert_eq!(number(&mut reader(&path).unwrap(), "query_only"), 1);
    }

    #[tokio::test]
    async fn nobody_else_reads_a_new_database() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("day.db");
        let database = Sqlite::open(&path).unwrap();
        database
            .write(|connection| Ok(connection.batch_execute("CREATE TABLE t (id INTEGER)")?))
            .await
            .unwrap();
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
        for path in files.chain([path.parent().unwrap().to_owned()]) {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
        }
    }

    #[test]
    fn the_bundled_library_is_recent_and_plans_without_values() {
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
