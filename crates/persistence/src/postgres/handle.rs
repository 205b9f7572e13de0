//! What a unit of work calls its queries on. The methods are those of [`crate::sqlite::Inline`], so that one body serves both.

use diesel::QueryResult;
use diesel::result::OptionalExtension;
use diesel_async::methods::{ExecuteDsl, LoadQuery};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// A connection that other requests use at the same time: for reads.
///
/// The futures are boxed: as `async fn` they cannot be proven `Send` for every lifetime, which a spawned unit needs.
pub(crate) struct Shared<'a>(pub(crate) &'a AsyncPgConnection);

impl<'a> Shared<'a> {
    /// The one row of a query.
    pub(crate) fn one<'s, 'q: 's, U, Q>(&'s mut self, query: Q) -> BoxFuture<'s, QueryResult<U>>
    where
        'a: 'q,
        U: Send + 's,
        Q: LoadQuery<'q, &'a AsyncPgConnection, U> + 'q,
    {
        query.get_result(&mut self.0).boxed()
    }

    /// The row of a query, if there is one.
    pub(crate) fn optional<'s, 'q: 's, U, Q>(&'s mut self, query: Q) -> BoxFuture<'s, QueryResult<Option<U>>>
    where
        'a: 'q,
        U: Send + 's,
        Q: LoadQuery<'q, &'a AsyncPgConnection, U> + 'q,
    {
        self.one(query).map(QueryResult::optional).boxed()
    }

    /// All rows of a query.
    pub(crate) fn all<'s, 'q: 's, U, Q>(&'s mut self, query: Q) -> BoxFuture<'s, QueryResult<Vec<U>>>
    where
        'a: 'q,
        U: Send + 's,
        Q: LoadQuery<'q, &'a AsyncPgConnection, U> + 'q,
    {
        query.load(&mut self.0).boxed()
    }
}

/// A connection that this unit of work has to itself: for writes and transactions.
///
/// The futures are boxed for the same reason.
pub(crate) struct Held<'a>(pub(crate) &'a mut AsyncPgConnection);

impl Held<'_> {
    /// The one row of a query.
    pub(crate) fn one<'s, 'q: 's, U, Q>(&'s mut self, query: Q) -> BoxFuture<'s, QueryResult<U>>
    where
        U: Send + 's,
        Q: LoadQuery<'q, AsyncPgConnection, U> + 'q,
    {
        query.get_result(&mut *self.0).boxed()
    }

    /// The row of a query, if there is one.
    pub(crate) fn optional<'s, 'q: 's, U, Q>(&'s mut self, query: Q) -> BoxFuture<'s, QueryResult<Option<U>>>
    where
        U: Send + 's,
        Q: LoadQuery<'q, AsyncPgConnection, U> + 'q,
    {
        self.one(query).map(QueryResult::optional).boxed()
    }

    /// How many rows a statement changed.
    pub(crate) fn execute<'s, 'q: 's, Q>(&'s mut self, query: Q) -> BoxFuture<'s, QueryResult<usize>>
    where
        Q: ExecuteDsl<AsyncPgConnection> + 'q,
    {
        RunQueryDsl::execute(query, &mut *self.0).boxed()
    }
    /// All rows of a query.
    pub(crate) fn all<'s, 'q: 's, U, Q>(&'s mut self, query: Q) -> BoxFuture<'s, QueryResult<Vec<U>>>
    where
        U: Send + 's,
        Q: LoadQuery<'q, AsyncPgConnection, U> + 'q,
    {
        query.load(&mut *self.0).boxed()
    }
}
