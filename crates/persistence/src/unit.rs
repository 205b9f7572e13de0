//! The macros `read!`, `read_large!`, `execute!` and `transaction!`: each compiles one body of
//! queries for both databases (see ADR 0001).
//!
//! In a body, `$c` is a mutable reference to a [`ReadHandle`] or a [`WriteHandle`]. A body owns its
//! inputs, because it may move to another task or thread. It awaits only calls on `$c`.
//!
//! [`ReadHandle`]: crate::handle::ReadHandle
//! [`WriteHandle`]: crate::handle::WriteHandle

use futures_util::FutureExt;

use crate::error::Error;

/// Runs a few short reads. Each of them is limited and uses an index. SQLite: on the calling
/// thread, with a connection of its own. PostgreSQL: on the worker's connection, pipelined with
/// other reads.
macro_rules! read {
    ($db:expr, |$c:ident| $body:expr) => {
        match &$db.backend {
            $crate::backend::Backend::Postgres(postgres) => {
                postgres
                    .read(move |link| async move {
                        let $c = &mut $crate::postgres::Shared(link.connection());
                        $body
                    })
                    .await
            }
            $crate::backend::Backend::Sqlite(sqlite) => sqlite.read(move |connection| {
                $crate::unit::run_inline(async move {
                    let $c = &mut $crate::sqlite::Inline(connection);
                    $body
                })
            }),
        }
    };
}

/// Runs reads of long texts. Waits for a permit, because at most 4 such units run at once in one
/// process, and at most 2 of one user. SQLite: on a blocking thread. PostgreSQL: on a pooled
/// connection, without a common transaction.
macro_rules! read_large {
    ($db:expr, $user:expr, |$c:ident| $body:expr) => {{
        let permit = $db.large_reads.permit($user).await?;
        match &$db.backend {
            $crate::backend::Backend::Postgres(postgres) => {
                postgres
                    .read_large(move |mut held| async move {
                        let _permit = permit;
                        let $c = &mut $crate::postgres::Held(held.connection_mut());
                        $body
                    })
                    .await
            }
            $crate::backend::Backend::Sqlite(sqlite) => {
                sqlite
                    .read_large(move |connection| {
                        let _permit = permit;
                        $crate::unit::run_inline(async move {
                            let $c = &mut $crate::sqlite::Inline(connection);
                            $body
                        })
                    })
                    .await
            }
        }
    }};
}

/// Runs writes that do not depend on each other. SQLite: on the writer thread. PostgreSQL: on a
/// pooled connection, without a common transaction.
macro_rules! execute {
    ($db:expr, |$c:ident| $body:expr) => {
        match &$db.backend {
            $crate::backend::Backend::Postgres(postgres) => {
                postgres
                    .write(move |mut held| async move {
                        let $c = &mut $crate::postgres::Held(held.connection_mut());
                        $body
                    })
                    .await
            }
            $crate::backend::Backend::Sqlite(sqlite) => $crate::unit::write_inline!(sqlite, |$c| $body),
        }
    };
}

/// Runs reads and writes that succeed together or not at all. SQLite: on the writer thread, where
/// each unit has a savepoint. PostgreSQL: in a transaction on a pooled connection.
macro_rules! transaction {
    ($db:expr, |$c:ident| $body:expr) => {
        match &$db.backend {
            $crate::backend::Backend::Postgres(postgres) => {
                postgres
                    .write(move |mut held| async move {
                        held.begin().await?;
                        let result = async {
                            let $c = &mut $crate::postgres::Held(held.connection_mut());
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

/// Runs the body of `execute!` or `transaction!` on SQLite's writer thread.
macro_rules! write_inline {
    ($sqlite:ident, |$c:ident| $body:expr) => {
        $sqlite
            .write(move |connection| {
                $crate::unit::run_inline(async move {
                    let $c = &mut $crate::sqlite::Inline(connection);
                    $body
                })
            })
            .await
    };
}

pub(crate) use {execute, read, read_large, transaction, write_inline};

/// Polls a body once. One poll completes it, because SQLite's handle never waits.
pub(crate) fn run_inline<T>(body: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    body.now_or_never()
        .unwrap_or_else(|| Err(Error::internal("a unit of work awaited something other than a query")))
}
