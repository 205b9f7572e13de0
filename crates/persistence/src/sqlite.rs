//! SQLite: reads run on the calling thread, and writes on the writer thread.

mod connection;
mod handle;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::SqliteConnection;

pub(crate) use self::connection::connect;
use self::connection::{connect_for_reads, create_private};
pub(crate) use self::handle::Inline;
use self::writer::Writer;
use crate::error::Error;

#[derive(Clone)]
pub(crate) struct Sqlite {
    path: Arc<PathBuf>,
    /// The connections that no read uses. There are at most as many as threads that have read at
    /// the same time.
    idle: Arc<Mutex<Vec<SqliteConnection>>>,
    writer: Writer,
}

impl Sqlite {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        create_private(path)?;
        let writer = Writer::start(path.to_owned())?;
        Ok(Self { path: Arc::new(path.to_owned()), idle: Arc::default(), writer })
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

    /// Runs a unit on the writer thread, in a savepoint of its own. Returns after the commit.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&mut SqliteConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.run(unit).await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use diesel::connection::SimpleConnection;

    use super::*;

    #[tokio::test]
    async fn open_creates_files_that_only_their_owner_can_read() {
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
}
