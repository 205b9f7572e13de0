//! `Database`: opens and migrates SQLite or PostgreSQL. Its queries are in one file for each
//! resource.

use crate::backend::Backend;
use crate::error::Error;
use crate::handle::ReadHandle;
use crate::large::LargeReads;
use crate::migrations;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::unit::read;
use crate::url::{DatabaseUrl, Location};

/// A database of users, sessions, events, notes, tasks, summaries and their usage. Its methods are
/// queries, in one file for each resource.
///
/// Clones share the same connections. If the future of a method is dropped, its result is lost, but
/// its unit of work continues. A write that has begun is completed.
#[derive(Clone)]
pub struct Database {
    pub(crate) backend: Backend,
    pub(crate) large_reads: LargeReads,
}

impl Database {
    /// Prepares to use the database at this URL.
    ///
    /// SQLite: creates the file unless it exists, and starts the writer thread. Creates the folder
    /// of a relative path too.
    ///
    /// PostgreSQL: opens no connection until one is needed, so the server may start later. Writes
    /// run on the Tokio runtime that calls this function. That runtime must outlive all clones of
    /// the database.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] with the absolute path if the file cannot be opened, or if its folder
    /// is missing or cannot be written. [`Error::Internal`] if a root
    /// certificate cannot be read, or PostgreSQL is opened outside a Tokio runtime.
    pub fn open(url: &DatabaseUrl) -> Result<Self, Error> {
        let backend = match &url.0 {
            Location::Sqlite(location) => Backend::Sqlite(Sqlite::open(location)?),
            Location::Postgres(location) => Backend::Postgres(Postgres::new(location)?),
        };
        Ok(Self { backend, large_reads: LargeReads::default() })
    }

    /// Returns the same database for another worker thread. On PostgreSQL it has its own connection
    /// for short reads, so that results for one worker do not wake another worker.
    #[must_use]
    pub fn for_worker(&self) -> Self {
        let backend = match &self.backend {
            Backend::Postgres(postgres) => Backend::Postgres(postgres.for_worker()),
            Backend::Sqlite(sqlite) => Backend::Sqlite(sqlite.clone()),
        };
        Self { backend, large_reads: self.large_reads.clone() }
    }

    /// Applies the pending migrations and returns their number. Any number of processes may call
    /// this at once. One of them migrates, and the others wait for it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the database cannot be reached. [`Error::Collisions`] if two
    /// accounts have names that are equal in this version. [`Error::Internal`] if a migration fails
    /// for another reason. No migration is applied after an error.
    pub async fn migrate(&self) -> Result<usize, Error> {
        match &self.backend {
            Backend::Postgres(postgres) => migrations::postgres(postgres.connector()).await,
            Backend::Sqlite(sqlite) => migrations::sqlite(sqlite.path()).await,
        }
    }

    /// Runs a trivial query.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the database does not answer.
    pub async fn ping(&self) -> Result<(), Error> {
        read!(self, |c| {
            c.one::<i32, _>(diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1"))).await?;
            Ok(())
        })
    }

    /// Waits until every write that began before this call is stored.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the database does not answer.
    pub async fn flush(&self) -> Result<(), Error> {
        match &self.backend {
            Backend::Postgres(postgres) => postgres.drained().await,
            Backend::Sqlite(sqlite) => sqlite.write(|_| Ok(())).await,
        }
    }
}
