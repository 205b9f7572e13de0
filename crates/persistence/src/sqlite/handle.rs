//! What a unit of work calls its queries on.

use diesel::query_dsl::LoadQuery;
use diesel::query_dsl::methods::ExecuteDsl;
use diesel::result::OptionalExtension;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};

/// A connection whose queries run at once. The methods are async only to be called like those of PostgreSQL's handles.
pub(crate) struct Inline<'a>(pub(crate) &'a mut SqliteConnection);

impl Inline<'_> {
    /// The one row of a query.
    pub(crate) async fn one<'q, U, Q>(&mut self, query: Q) -> QueryResult<U>
    where
        Q: LoadQuery<'q, SqliteConnection, U>,
    {
        RunQueryDsl::get_result(query, self.0)
    }

    /// The row of a query, if there is one.
    pub(crate) async fn optional<'q, U, Q>(&mut self, query: Q) -> QueryResult<Option<U>>
    where
        Q: LoadQuery<'q, SqliteConnection, U>,
    {
        RunQueryDsl::get_result(query, self.0).optional()
    }

    /// All rows of a query.
    pub(crate) async fn all<'q, U, Q>(&mut self, query: Q) -> QueryResult<Vec<U>>
    where
        Q: LoadQuery<'q, SqliteConnection, U>,
    {
        RunQueryDsl::load(query, self.0)
    }

    /// How many rows a statement changed.
    pub(crate) async fn execute<Q>(&mut self, query: Q) -> QueryResult<usize>
    where
        Q: ExecuteDsl<SqliteConnection>,
    {
        ExecuteDsl::execute(query, self.0)
    }
}
