//! The schema's history, carried in the binary.

use std::path::Path;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::sqlite::SqliteConnection;
use diesel_async::{AsyncMigrationHarness, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::Error;
use crate::postgres::Connector;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The key of the advisory lock under which one process migrates while the others wait: "daybook" in ASCII.
const LOCK: i64 = 0x0064_6179_626f_6f6b;

/// An instance that starts beside seven others may have to wait for a migration that rewrites a table.
const SQLITE_WAIT: &str = "PRAGMA busy_timeout = 60000;";

pub(crate) async fn postgres(connector: Arc<Connector>) -> Result<usize, Error> {
    let mut link = connector.connect().await?;
    // The deadlines of ordinary statements do not fit a migration, nor the wait for somebody else's.
    let prepare = format!(
        "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
         SELECT pg_advisory_lock({LOCK});"
    );
    link.connection_mut().batch_execute(&prepare).await?;
    // The harness blocks its thread, which must not be one that drives the connection.
    blocking(move || {
        // The lock ends with the connection.
        AsyncMigrationHarness::new(link.into_connection())
            .run_pending_migrations(POSTGRES)
            .map(|applied| applied.len())
            .map_err(Error::Internal)
    })
    .await
}

pub(crate) async fn sqlite(path: &Path) -> Result<usize, Error> {
    let path = path.to_owned();
    blocking(move || {
        let mut connection = crate::sqlite::connect(&path)?;
        connection.batch_execute(SQLITE_WAIT)?;
        if is_current(&mut connection)? {
            return Ok(0);
        }
        // One write transaction around all of it: who comes second waits here and then finds nothing to do.
        let mut applied = 0;
        connection
            .immediate_transaction(|connection| {
                applied = connection
                    .run_pending_migrations(SQLITE)
                    .map_err(diesel::result::Error::QueryBuilderError)?
                    .len();
                diesel::QueryResult::Ok(())
            })
            .map_err(Error::from)?;
        Ok(applied)
    })
    .await
}

/// Whether there is nothing to do, found without a write lock, so that a start does not wait for a busy writer.
fn is_current(connection: &mut SqliteConnection) -> Result<bool, Error> {
    let known = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).map_err(Error::Internal)?;
    // A new file has no table of them yet.
    let applied = connection.applied_migrations().unwrap_or_default();
    Ok(known.iter().all(|migration| applied.contains(&migration.name().version().as_owned())))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panicked| Err(Error::Internal(panicked.into())))
}
