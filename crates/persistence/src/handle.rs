//! The connection traits of a unit of work, `ReadHandle` and `WriteHandle`, for both databases.
//!
//! Code that several units share is an ordinary function, generic over these traits.

use std::future::Ready;

use diesel::pg::Pg;
use diesel::query_dsl::LoadQuery as SqliteLoad;
use diesel::query_dsl::methods::ExecuteDsl as SqliteExecute;
use diesel::{QueryResult, Selectable, SqliteConnection};
use diesel_async::AsyncPgConnection;
use diesel_async::methods::{ExecuteDsl as PostgresExecute, LoadQuery as PostgresLoad};
use futures_util::future::{BoxFuture, Either};

/// A query that both databases can run. Both can read its rows as `U`.
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

/// The future of a query's result. It is already complete on SQLite, and boxed on PostgreSQL.
///
/// The type does not contain the type of the query. Otherwise the compiler could not prove that the
/// future is `Send` for every lifetime (<https://github.com/rust-lang/rust/issues/100013>), and a
/// spawned unit must be `Send`.
pub(crate) type QueryFuture<'a, T> = Either<Ready<QueryResult<T>>, BoxFuture<'a, QueryResult<T>>>;

/// A connection that runs queries.
pub(crate) trait ReadHandle: Send {
    /// Returns the first row, or the error `NotFound` if there is none.
    fn one<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, U>;

    /// Returns the first row, if there is one.
    fn optional<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, Option<U>>;

    /// Returns all rows.
    fn all<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, Vec<U>>;
}

/// A connection that can also change rows.
pub(crate) trait WriteHandle: ReadHandle {
    /// Returns the number of rows that the statement inserted, changed or deleted.
    fn execute<S: Statement>(&mut self, statement: S) -> QueryFuture<'_, usize>;

    /// Takes a lock until the end of the transaction. Returns false if another instance holds it.
    ///
    /// For the rest of the transaction on PostgreSQL, a statement fails after a wait of 100 ms for
    /// a row, and the planner avoids sequential and bitmap scans. SQLite has one writer at a time,
    /// so this does nothing there and returns true.
    fn try_begin_batch(&mut self, key: i64) -> QueryFuture<'_, bool>;
}

/// Returns the columns from which `R` is read.
///
/// Diesel's `as_select` puts one database into the type of the query. The columns are the same on
/// both databases, so a query that selects these columns can run on either handle.
pub(crate) fn columns<R: Selectable<Pg>>() -> R::SelectExpression {
    R::construct_selection()
}
