//! PostgreSQL's handles: a shared connection for reads, and a pooled one for all other units.

use diesel::QueryResult;
use diesel::result::OptionalExtension;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;

use crate::handle::{Query, QueryFuture, ReadHandle, Statement, WriteHandle};

/// A connection on which the reads of several requests are pipelined.
pub(crate) struct Shared<'a>(pub(crate) &'a AsyncPgConnection);

impl ReadHandle for Shared<'_> {
    fn one<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, U> {
        QueryFuture::Right(RunQueryDsl::get_result(query, &mut self.0).boxed())
    }

    fn optional<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, Option<U>> {
        QueryFuture::Right(RunQueryDsl::get_result(query, &mut self.0).map(QueryResult::optional).boxed())
    }

    fn all<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, Vec<U>> {
        QueryFuture::Right(RunQueryDsl::load(query, &mut self.0).boxed())
    }
}

/// A pooled connection that only this unit uses.
pub(crate) struct Held<'a>(pub(crate) &'a mut AsyncPgConnection);

impl ReadHandle for Held<'_> {
    fn one<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, U> {
        QueryFuture::Right(RunQueryDsl::get_result(query, self.0).boxed())
    }

    fn optional<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, Option<U>> {
        QueryFuture::Right(RunQueryDsl::get_result(query, self.0).map(QueryResult::optional).boxed())
    }

    fn all<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, Vec<U>> {
        QueryFuture::Right(RunQueryDsl::load(query, self.0).boxed())
    }
}

impl WriteHandle for Held<'_> {
    fn execute<S: Statement>(&mut self, statement: S) -> QueryFuture<'_, usize> {
        QueryFuture::Right(RunQueryDsl::execute(statement, self.0).boxed())
    }
}
