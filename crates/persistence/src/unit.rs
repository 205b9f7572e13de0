//! A unit of work is written once and compiled for each database.
//!
//! In the body, `$c` is a handle with the methods `one`, `optional`, `all` and `execute`; which handle it is depends on the
//! database and on the lane. A body owns its inputs, because it may move to another task or thread, and awaits nothing but `$c`.

use std::time::Duration;

use tokio::runtime::Handle;
use tracing::Instrument;

use crate::Error;

/// How long a caller waits for a unit of work on PostgreSQL. The server's own deadline for a statement is shorter (see
/// `postgres::connector`), so this one strikes only when the server is out of reach or hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// A few short reads, each by an index and limited. SQLite: inline, on a connection of its own. PostgreSQL: on the connection
/// that this lane's requests share by pipelining.
macro_rules! read {
    ($db:expr, |$c:ident| $body:expr) => {
        match &$db.backend {
            $crate::database::Backend::Postgres(postgres) => {
                postgres
                    .read(move |link| async move {
                        let mut $c = $crate::postgres::Shared(link.connection());
                        $body
                    })
                    .await
            }
            $crate::database::Backend::Sqlite(sqlite) => sqlite.read(move |connection| {
                $crate::unit::now(async move {
                    let mut $c = $crate::sqlite::Inline(connection);
                    $body
                })
            }),
        }
    };
}

/// Writes of which each stands for itself. SQLite: on the writer thread. PostgreSQL: on a pooled connection, without a
/// transaction around it.
macro_rules! execute {
    ($db:expr, |$c:ident| $body:expr) => {
        match &$db.backend {
            $crate::database::Backend::Postgres(postgres) => {
                postgres
                    .write(move |mut held| async move {
                        let mut $c = $crate::postgres::Held(held.connection_mut());
                        $body
                    })
                    .await
            }
            $crate::database::Backend::Sqlite(sqlite) => $crate::unit::write_inline!(sqlite, |$c| $body),
        }
    };
}

/// Reads and writes that happen together or not at all. The writer thread of SQLite always works that way.
macro_rules! transaction {
    ($db:expr, |$c:ident| $body:expr) => {
        match &$db.backend {
            $crate::database::Backend::Postgres(postgres) => {
                postgres
                    .write(move |mut held| async move {
                        held.begin().await?;
                        let result = async {
                            let mut $c = $crate::postgres::Held(held.connection_mut());
                            $body
                        }
                        .await;
                        held.end(result).await
                    })
                    .await
            }
            $crate::database::Backend::Sqlite(sqlite) => $crate::unit::write_inline!(sqlite, |$c| $body),
        }
    };
}

/// The half of both that runs on SQLite's writer thread.
macro_rules! write_inline {
    ($sqlite:ident, |$c:ident| $body:expr) => {
        $sqlite
            .write(move |connection| {
                $crate::unit::now(async move {
                    let mut $c = $crate::sqlite::Inline(connection);
                    $body
                })
            })
            .await
    };
}

pub(crate) use {execute, read, transaction, write_inline};

/// Runs a body whose every await is ready at once, as all queries on SQLite are.
pub(crate) fn now<T>(body: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    use futures_util::FutureExt;
    body.now_or_never()
        .unwrap_or_else(|| Err(Error::internal("a unit of work waited for something else than a query")))
}

/// Runs a unit in a task of its own on this runtime and waits for it: once begun it runs to its end, also when the caller goes
/// away. `None` when the caller's patience has run out first; the unit goes on.
///
/// A query future that is dropped midway would leave its transaction open, and with it its locks.
pub(crate) async fn complete<T: Send + 'static>(
    runtime: &Handle,
    unit: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Option<Result<T, Error>> {
    let task = runtime.spawn(unit.in_current_span());
    match tokio::time::timeout(PATIENCE, task).await {
        Ok(Ok(result)) => Some(result),
        Ok(Err(ended)) => Some(Err(Error::Internal(ended.into()))),
        Err(_) => None,
    }
}
