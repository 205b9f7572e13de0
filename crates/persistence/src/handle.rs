//! The handles that a unit of work runs its statements on: one trait for reads, one for writes.
//!
//! The traits let code that several units share be an ordinary function, generic over the handle.

use std::future::Ready;

use diesel::pg::Pg;
use diesel::query_dsl::LoadQuery as SqliteLoad;
use diesel::query_dsl::methods::ExecuteDsl as SqliteExecute;
use diesel::{QueryResult, Selectable, SqliteConnection};
use diesel_async::AsyncPgConnection;
use diesel_async::methods::{ExecuteDsl as PostgresExecute, LoadQuery as PostgresLoad};
use futures_util::future::{BoxFuture, Either};

/// A query that both databases can run and whose rows both can read as `U`.
pub(crate) trait Query<U>:
    PostgresLoad<'static, AsyncPgConnection, U>
    + for<'a> PostgresLoad<'static, &'a AsyncPgConnection, U>
    + SqliteLoad<'static, SqliteConnection, U>
    + Send
    + 'static
{
}

impl<U, Q> Query<U> for Q where
    Q: PostgresLoad<'static, AsyncPgConnection, U>
        + for<'a> PostgresLoad<'static, &'a AsyncPgConnection, U>
        + SqliteLoad<'static, SqliteConnection, U>
        + Send
        + 'static
{
}

/// A statement without rows that both databases can run.
pub(crate) trait Statement:
    PostgresExecute<AsyncPgConnection> + SqliteExecute<SqliteConnection> + Send + 'static
{
}

impl<S> Statement for S where
    S: PostgresExecute<AsyncPgConnection> + SqliteExecute<SqliteConnection> + Send + 'static
{
}

/// The future of a query's result: already complete on SQLite, boxed on PostgreSQL.
///
/// The type does not name the query. A future that names it cannot be proven `Send` for every
/// lifetime (<https://github.com/rust-lang/rust/issues/100013>), and a spawned unit must be `Send`.
pub(crate) type Answer<'a, T> = Either<Ready<QueryResult<T>>, BoxFuture<'a, QueryResult<T>>>;

/// A connection that runs queries.
pub(crate) trait ReadHandle: Send {
    /// Returns the first row. No row is the error `NotFound`.
    fn one<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, U>;

    /// Returns the first row, if there is one.
    fn optional<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, Option<U>>;

    /// Returns all rows.
    fn all<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, Vec<U>>;
}

/// A connection that also changes rows.
pub(crate) trait WriteHandle: ReadHandle {
    /// Returns the number of rows that the statement inserted, changed or deleted.
    fn execute<S: Statement>(&mut self, statement: S) -> Answer<'_, usize>;
}

/// The columns that `R` is read from.
///
/// Diesel's `as_select` names one database in the type of the query. The columns are the same on
/// both, so a query that selects them can run on either handle.
pub(crate) fn columns<R: Selectable<Pg>>() -> R::SelectExpression {
    R::construct_selection()
}
