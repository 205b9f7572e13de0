//! The handle that everything goes through.

use crate::migrations;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::unit::read;
use crate::url::Location;
use crate::{DatabaseUrl, Error};

/// A database that keeps users, sessions, notes, tasks, summaries and what they used: one method for each thing that is asked of it, in one file for each resource.
///
/// Clones share everything. Whatever it begins it ends: dropping the future of a method does not stop its unit of work, it only
/// gives up the answer.
#[derive(Clone)]
pub struct Database {
    pub(crate) backend: Backend,
}

#[derive(Clone)]
pub(crate) enum Backend {
    Postgres(Postgres),
    Sqlite(Sqlite),
}

impl Database {
    /// Prepares to use the database at this URL.
    ///
    /// SQLite: the file and its folder are made if they are not there, and the writer thread starts. PostgreSQL: connections are
    /// made when they are first needed, so a server that is down now may come up later; writes run on the Tokio runtime that this
    /// is called in, which must outlive the database's other users.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the file cannot be opened, [`Error::Internal`] when a root certificate cannot be read or
    /// there is no runtime.
    pub fn open(url: &DatabaseUrl) -> Result<Self, Error> {
        let backend = match &url.0 {
            Location::Sqlite(path) => Backend::Sqlite(Sqlite::open(path)?),
            Location::Postgres(location) => Backend::Postgres(Postgres::new(location)?),
        };
        Ok(Self { backend })
    }

    /// The same database for another worker thread: on PostgreSQL with a connection of its own for short reads, so that workers
    /// do not wake each other up.
    #[must_use]
    pub fn for_worker(&self) -> Self {
        let backend = match &self.backend {
            Backend::Postgres(postgres) => Backend::Postgres(postgres.for_worker()),
            Backend::Sqlite(sqlite) => Backend::Sqlite(sqlite.clone()),
        };
        Self { backend }
    }

    /// Applies the migrations that are not applied yet and tells how many that were. Any number of processes may do so at once:
    /// one works, the others wait for it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the database cannot be reached, [`Error::Internal`] when a migration fails.
    pub async fn migrate(&self) -> Result<usize, Error> {
        match &self.backend {
            Backend::Postgres(postgres) => migrations::postgres(postgres.connector()).await,
            Backend::Sqlite(sqlite) => migrations::sqlite(sqlite.path()).await,
        }
    }

    /// Asks the database for the number one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when it does not answer.
    pub async fn ping(&self) -> Result<(), Error> {
        read!(self, |c| {
            c.one::<i32, _>(diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1"))).await?;
            Ok(())
        })
    }

    /// Waits until every write that was begun before is stored.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn flush(&self) -> Result<(), Error> {
        match &self.backend {
            Backend::Postgres(postgres) => postgres.drained().await,
            Backend::Sqlite(sqlite) => sqlite.write(|_| Ok(())).await,
        }
    }
}
