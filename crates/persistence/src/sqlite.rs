//! SQLite: short reads run on the calling thread, large reads on blocking threads, and writes on
//! the writer thread.

mod connection;
mod handle;
mod reclaim;
mod vacuum;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::SqliteConnection;

pub(crate) use self::connection::{connect, set_busy_timeout};
use self::connection::{connect_for_reads, create_private};
pub(crate) use self::handle::Inline;
pub(crate) use self::vacuum::{vacuum, vacuum_older};
use self::writer::Writer;
use crate::error::Error;
use crate::url::SqliteLocation;

#[derive(Clone)]
pub(crate) struct Sqlite {
    path: Arc<PathBuf>,
    /// The connections that no read uses. There are at most as many as threads that have read at
    /// the same time.
    idle: Arc<Mutex<Vec<SqliteConnection>>>,
    writer: Writer,
}

impl Sqlite {
    pub(crate) fn open(location: &SqliteLocation) -> Result<Self, Error> {
        let SqliteLocation { path, creates_folder } = location;
        create_private(path, *creates_folder)?;
        let writer = Writer::start(path.clone())?;
        Ok(Self { path: Arc::new(path.clone()), idle: Arc::default(), writer })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs short reads on the calling thread. An indexed query takes microseconds, which is less
    /// than a switch to another thread and back.
    pub(crate) fn read<T>(
        &self,
        unit: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let pooled = idle().pop();
        let mut connection = match pooled {
            Some(connection) => connection,
            None => connect_for_reads(&self.path)?,
        };
        let result = unit(&mut connection);
        idle().push(connection);
        result
    }

    /// Runs large reads on one of Tokio's blocking threads, so that the calling thread serves other
    /// requests meanwhile. The reads run to their end even if the caller stops waiting.
    pub(crate) async fn read_large<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&mut SqliteConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let this = self.clone();
        let read = tokio::task::spawn_blocking(move || this.read(unit));
        read.await.unwrap_or_else(|panicked| Err(Error::Internal(panicked.into())))
    }

    /// Runs a unit on the writer thread, in a savepoint of its own. Returns after the commit.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&mut SqliteConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.run(unit).await
    }

    /// Gives the space of at most [`reclaim::STEP_PAGES`] free pages back. After the last of them,
    /// it truncates the write-ahead log. Returns true if more is left.
    pub(crate) async fn reclaim(&self) -> Result<bool, Error> {
        let has_pages = self.read(|connection| Ok(reclaim::excess_pages(connection)? > 0))?;
        if !has_pages && reclaim::has_empty_log(&self.path) {
            return Ok(false);
        }
        let truncate = |connection: &mut SqliteConnection, has_pages: bool| {
            Ok(has_pages || !reclaim::truncate_log(connection, reclaim::STEP_TIMEOUT)?)
        };
        self.writer.run_then(reclaim::free_pages, truncate).await
    }

    /// Waits for the queued writes and truncates the write-ahead log.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        let truncate = |connection: &mut SqliteConnection, ()| {
            match reclaim::truncate_log(connection, reclaim::READ_TIMEOUT) {
                Ok(true) => {}
                // The writes are stored all the same. The next start continues with this log.
                Ok(false) => tracing::warn!("the write-ahead log was not truncated: it is being read"),
                Err(cause) => tracing::warn!(error = %cause, "the write-ahead log was not truncated"),
            }
            Ok(())
        };
        self.writer.run_then(|_| Ok(()), truncate).await
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use diesel::connection::SimpleConnection;

    use super::*;

    fn location(path: PathBuf, creates_folder: bool) -> SqliteLocation {
        SqliteLocation { path, creates_folder }
    }

    #[tokio::test]
    async fn open_creates_files_that_only_their_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("day.db");
        let database = Sqlite::open(&location(path.clone(), true)).unwrap();
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

    /// On a full disk, a deleted log could not be created again, and reads would fail too.
    #[tokio::test]
    async fn write_keeps_the_log_after_a_failed_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.db");
        let database = Sqlite::open(&location(path, true)).unwrap();
        let execute = |sql: &'static str| database.write(|c| Ok(c.batch_execute(sql)?));
        let parent = "REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED";
        let create = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, parent INTEGER {parent})");
        database.write(move |c| Ok(c.batch_execute(&create)?)).await.unwrap();
        let length = || fs::metadata(folder.path().join("day.db-wal")).unwrap().len();
        let before = length();
        assert!(before > 0);
        assert!(matches!(execute("INSERT INTO t VALUES (1, 2)").await, Err(Error::Unavailable(_))));
        execute("INSERT INTO t VALUES (3, 3)").await.unwrap();
        assert!(length() >= before, "the log was deleted");
    }

    /// Returns the error of a file that cannot be opened.
    fn error(path: PathBuf, creates_folder: bool) -> String {
        match Sqlite::open(&location(path, creates_folder)) {
            Err(Error::Unavailable(sentence)) => sentence,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("the file was opened"),
        }
    }

    #[test]
    fn open_names_the_absolute_path_of_what_is_missing_or_of_another_kind() {
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| folder.path().join(name);
        fs::write(inside("file"), "not a database ".repeat(10)).unwrap();
        fs::create_dir(inside("folder")).unwrap();
        for (name, creates_folder, named, reason) in [
            ("missing/day.db", false, "missing", "does not exist"),
            ("missing/below/day.db", false, "missing/below", "does not exist"),
            ("folder", false, "folder", "is a folder"),
            ("folder", true, "folder", "is a folder"),
            ("file/day.db", false, "file", "does not exist"),
            ("file/day.db", true, "file", "exists"),
            ("file", true, "file", "not a database"),
        ] {
            let sentence = error(inside(name), creates_folder);
            let path = inside(named).display().to_string();
            assert!(sentence.contains(&path) && sentence.contains(reason), "{name}: {sentence}");
        }
        assert!(!inside("missing").exists(), "a folder was created for an absolute path");
    }

    #[test]
    fn open_names_the_absolute_path_of_a_relative_file() {
        // The package's folder is the working directory of its tests.
        let sentence = error("src/sqlite".into(), true);
        let path = std::env::current_dir().unwrap().join("src/sqlite");
        assert!(sentence.contains(&path.display().to_string()), "{sentence}");
    }

    #[test]
    fn open_names_a_folder_that_cannot_be_written() {
        // Not even root can write there.
        let sentence = error("/proc/self/day.db".into(), false);
        assert!(sentence.contains("/proc/") && !sentence.contains("does not exist"), "{sentence}");
    }
}
