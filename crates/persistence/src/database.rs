//! `Database`: opens and migrates SQLite or PostgreSQL. Its queries are in one file for each
//! resource.

use crate::backend::Backend;
use crate::error::Error;
use crate::handle::ReadHandle;
use crate::large::LargeReads;
use crate::migrations;
use crate::postgres::Postgres;
use crate::sqlite::{Sqlite, vacuum, vacuum_older};
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
    /// An SQLite file of an older version is then rebuilt as by [`Database::vacuum`], if it has at
    /// most 256 MiB. Otherwise, or if that fails, a warning is logged.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the database cannot be reached. [`Error::Collisions`] if two
    /// accounts have names that are equal in this version. [`Error::Internal`] if a migration fails
    /// for another reason. No migration is applied after an error.
    pub async fn migrate(&self) -> Result<usize, Error> {
        match &self.backend {
            Backend::Postgres(postgres) => migrations::postgres(postgres.connector()).await,
            Backend::Sqlite(sqlite) => {
                let applied = migrations::sqlite(sqlite.path()).await?;
                vacuum_older(sqlite.path()).await;
                Ok(applied)
            }
        }
    }

    /// Gives the space of deleted rows back, and removes their texts from the write-ahead log of
    /// SQLite. Does a step of a few milliseconds, during which writes wait. Returns true if more is
    /// left: call it again after a pause, in which other writes run.
    ///
    /// Without changes since the last call, it only reads. 256 free pages (1 MiB) stay in the file
    /// for later writes. They contain only zeros. A file that [`Database::vacuum`] must convert
    /// first does not shrink.
    ///
    /// Does nothing on PostgreSQL, which has its own vacuum.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the database does not answer or the disk is full.
    pub async fn reclaim(&self) -> Result<bool, Error> {
        match &self.backend {
            Backend::Postgres(_) => Ok(false),
            Backend::Sqlite(sqlite) => sqlite.reclaim().await,
        }
    }

    /// Rebuilds the file of SQLite from its rows. So no text of a deleted row remains, and
    /// [`Database::reclaim`] can shrink the file from then on. Reads continue meanwhile, and writes
    /// wait. Needs free disk space of twice the size of the file. Does nothing on PostgreSQL.
    ///
    /// SQLite splits and merges the pages of a table. An unused part of a page can keep a copy of a
    /// row that has moved to another page, and is then deleted there. `secure_delete` does not
    /// overwrite such copies. Only the rebuild removes them.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the disk is full or another process writes for a minute. No row is
    /// lost then, and another call may succeed.
    pub async fn vacuum(&self) -> Result<(), Error> {
        match &self.backend {
            Backend::Postgres(_) => Ok(()),
            Backend::Sqlite(sqlite) => vacuum(sqlite.path()).await,
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

    /// Waits like [`Database::flush`], and then truncates the write-ahead log of SQLite. Call it
    /// last, before the process ends. Waits at most a second for reads in progress. If they take
    /// longer, or the disk fails, the log stays and a warning is logged. No write is lost.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the database does not answer.
    pub async fn close(&self) -> Result<(), Error> {
        match &self.backend {
            Backend::Postgres(_) => self.flush().await,
            Backend::Sqlite(sqlite) => sqlite.close().await,
        }
    }
}
