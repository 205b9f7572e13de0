//! The schema's history, carried in the binary.

use std::path::Path;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::sqlite::SqliteConnection;
use diesel_async::{
    AnsiTransactionManager, AsyncMigrationHarness, SimpleAsyncConnection, TransactionManager,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::Error;
use crate::postgres::Connector;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The key of the advisory lock under which one process migrates while the others wait: "daybook" in ASCII.
const LOCK: i64 = 0x0064_6179_626f_6f6b;

/// An instance that starts beside seven others may have to wait for a migration that rewrites a table.
const SQLITE_WAIT: &str = "PRAGMA busy_timeout = 60000;";

/// All of them in one transaction, with nothing that outlives it: behind a pooler that gives each transaction another connection (PgBouncer)
/// a lock or a setting of the session would be somebody else's a moment later.
pub(crate) async fn postgres(connector: Arc<Connector>) -> Result<usize, Error> {
    let mut link = connector.connect().await?;
    link.begin().await?;
    // The deadlines of ordinary statements do not fit a migration, nor the wait for somebody else's.
    let prepare = format!(
        "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL client_min_messages = warning; \
         SELECT pg_advisory_xact_lock({LOCK});"
    );
    link.connection_mut().batch_execute(&prepare).await?;
    // The harness blocks its thread, which must not be one that drives the connection.
    let (applied, mut connection) = blocking(move || {
        let mut harness = AsyncMigrationHarness::new(link.into_connection());
        let applied = harness.run_pending_migrations(POSTGRES).map_err(Error::Internal)?.len();
        Ok((applied, harness.into_inner()))
    })
    .await?;
    AnsiTransactionManager::commit_transaction(&mut connection).await?;
    Ok(applied)
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
