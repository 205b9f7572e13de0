//! A unit of work is written once and compiled for each database.
//!
//! In the body, `$c` is a handle with the methods `one`, `optional`, `all` and `execute`; which handle it is depends on the
//! database and on the lane. A body owns its inputs, because it may move to another task or thread, and awaits nothing but `$c`.

use crate::error::Error;

/// A few short reads, each by an index and limited. SQLite: inline, on a connection of its own. PostgreSQL: on the connection
/// that this lane's requests share by pipelining.
macro_rules! read {
    ($db:expr, |$c:ident| $body:expr) => {
        match &$db.backend {
            $crate::backend::Backend::Postgres(postgres) => {
                postgres
                    .read(move |link| async move {
                        let mut $c = $crate::postgres::Shared(link.connection());
                        $body
                    })
                    .await
            }
            $crate::backend::Backend::Sqlite(sqlite) => sqlite.read(move |connection| {
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
            $crate::backend::Backend::Postgres(postgres) => {
                postgres
                    .write(move |mut held| async move {
                        let mut $c = $crate::postgres::Held(held.connection_mut());
                        $body
                    })
                    .await
            }
            $crate::backend::Backend::Sqlite(sqlite) => $crate::unit::write_inline!(sqlite, |$c| $body),
        }
    };
}

/// Reads and writes that happen together or not at all. The writer thread of SQLite always works that way.
macro_rules! transaction {
    ($db:expr, |$c:ident| $body:expr) => {
        match &$db.backend {
            $crate::backend::Backend::Postgres(postgres) => {
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
            $crate::backend::Backend::Sqlite(sqlite) => $crate::unit::write_inline!(sqlite, |$c| $body),
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
