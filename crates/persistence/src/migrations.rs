//! Migrations of the schema. They are part of the binary.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diesel::dsl::sql;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use diesel_async::{
    AnsiTransactionManager, AsyncMigrationHarness, SimpleAsyncConnection, TransactionManager,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::error::Error;
use crate::handle::ReadHandle;
use crate::name_keys;
use crate::postgres::{Connector, Held, Link};
use crate::sqlite::{Inline, set_busy_timeout};
use crate::unit::run_inline;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The key of the advisory lock that the migrating process holds: "daybook" in ASCII.
const LOCK: i64 = 0x0064_6179_626f_6f6b;

/// The time for which an instance waits for another one that migrates. A migration may rewrite a
/// table.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// The version of the migration after which all keys are computed again: `name_keys`.
const NAME_KEYS: &str = "20261129000000";

/// The migrations that were applied.
struct Applied {
    count: usize,
    changed_keys: bool,
}

impl Applied {
    fn new(versions: &[MigrationVersion<'_>]) -> Self {
        let changed_keys = versions.iter().any(|version| version.to_string() == NAME_KEYS);
        Self { count: versions.len(), changed_keys }
    }
}

/// Applies the pending migrations in one transaction, and returns their number.
///
/// The lock and the settings end with the transaction. So they do not affect other clients of a
/// pooler such as PgBouncer, which may get the same connection next.
pub(crate) async fn postgres(connector: Arc<Connector>) -> Result<usize, Error> {
    let mut link = connector.connect().await?;
    warn_if_translated(&mut link).await?;
    link.begin().await?;
    // A migration can take longer than any timeout, and so can the wait for another instance.
    let prepare = format!(
        "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL client_min_messages = warning; \
         SELECT pg_advisory_xact_lock({LOCK});"
    );
    link.connection_mut().batch_execute(&prepare).await?;
    // The harness blocks its thread, so it must not run on a thread that drives the connection.
    let (applied, mut connection) = blocking(move || {
        let mut harness = AsyncMigrationHarness::new(link.into_connection());
        let applied = Applied::new(&harness.run_pending_migrations(POSTGRES).map_err(Error::Internal)?);
        Ok((applied, harness.into_inner()))
    })
    .await?;
    if applied.changed_keys
        && let Err(error) = name_keys::recompute(&mut Held(&mut connection)).await
    {
        if let Err(cause) = AnsiTransactionManager::rollback_transaction(&mut connection).await {
            tracing::warn!(error = %cause, "a rollback failed");
        }
        return Err(error);
    }
    AnsiTransactionManager::commit_transaction(&mut connection).await?;
    Ok(applied.count)
}

/// Warns if the server translates its messages, because the messages decide which errors are
/// [`Error::Unavailable`]. Only a superuser can change the setting, so a connection cannot.
///
/// Each process migrates once, so it warns once.
async fn warn_if_translated(link: &mut Link) -> Result<(), Error> {
    let setting = diesel::select(sql::<Text>("current_setting('lc_messages')"));
    let lc_messages: String = Held(link.connection_mut()).one(setting).await?;
    if !is_english(&lc_messages) {
        tracing::warn!(
            lc_messages,
            "PostgreSQL translates its messages, so some of its errors become a 500 instead of a 503: \
             as a superuser, run ALTER DATABASE … SET lc_messages = 'C'"
        );
    }
    Ok(())
}

/// Returns true for a locale such as `C`, `C.UTF-8`, `POSIX`, `en_US.UTF-8` or `English_Ireland`.
/// An empty one counts as English.
fn is_english(locale: &str) -> bool {
    let language = locale.split(['_', '.', '@']).next().unwrap_or_default();
    ["", "C", "POSIX", "en", "English"].contains(&language)
}

/// Applies the pending migrations in one write transaction, and returns their number.
pub(crate) async fn sqlite(path: &Path) -> Result<usize, Error> {
    let path = path.to_owned();
    blocking(move || {
        let mut connection = crate::sqlite::connect(&path)?;
        set_busy_timeout(&mut connection, BUSY_TIMEOUT)?;
        if is_current(&mut connection)? {
            return Ok(0);
        }
        // Another instance waits here until this one has committed. Then it finds no pending
        // migration.
        connection.immediate_transaction(|connection| {
            let applied = Applied::new(&connection.run_pending_migrations(SQLITE).map_err(Error::Internal)?);
            if applied.changed_keys {
                run_inline(name_keys::recompute(&mut Inline(connection)))?;
            }
            Ok(applied.count)
        })
    })
    .await
}

/// Returns true if no migration is pending. Takes no write lock, so that the start of an instance
/// does not wait for a writer.
fn is_current(connection: &mut SqliteConnection) -> Result<bool, Error> {
    let known = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).map_err(Error::Internal)?;
    // Fails on a new file, because it has no table of applied migrations yet.
    let applied = connection.applied_migrations().unwrap_or_default();
    Ok(known.iter().all(|migration| applied.contains(&migration.name().version().as_owned())))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panicked| Err(Error::Internal(panicked.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_english_compares_the_language_of_a_locale() {
        for (locale, expected) in [
            ("", true),
            ("C", true),
            ("C.utf8", true),
            ("POSIX", true),
            ("en_US.UTF-8", true),
            ("en", true),
            ("English_United States.1252", true),
            ("de_DE.UTF-8", false),
            ("de_DE@euro", false),
            ("es", false),
            ("Czech_Czechia.1250", false),
        ] {
            assert_eq!(is_english(locale), expected, "{locale}");
        }
    }
}
