//! PostgreSQL's handles: a shared connection for reads, and a pooled one for everything else.

use diesel::QueryResult;
use diesel::result::OptionalExtension;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;

use crate::handle::{Answer, Query, ReadHandle, Statement, WriteHandle};

/// A connection on which the reads of several requests are pipelined.
pub(crate) struct Shared<'a>(pub(crate) &'a AsyncPgConnection);

impl ReadHandle for Shared<'_> {
    fn one<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, U> {
        Answer::Right(RunQueryDsl::get_result(query, &mut self.0).boxed())
    }

    fn optional<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, Option<U>> {
        Answer::Right(RunQueryDsl::get_result(query, &mut self.0).map(QueryResult::optional).boxed())
    }

    fn all<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, Vec<U>> {
        Answer::Right(RunQueryDsl::load(query, &mut self.0).boxed())
    }
}

/// A connection that this unit has to itself.
pub(crate) struct Held<'a>(pub(crate) &'a mut AsyncPgConnection);

impl ReadHandle for Held<'_> {
    fn one<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, U> {
        Answer::Right(RunQueryDsl::get_result(query, self.0).boxed())
    }

    fn optional<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, Option<U>> {
        Answer::Right(RunQueryDsl::get_result(query, self.0).map(QueryResult::optional).boxed())
    }

    fn all<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, Vec<U>> {
        Answer::Right(RunQueryDsl::load(query, self.0).boxed())
    }
}

impl WriteHandle for Held<'_> {
    fn execute<S: Statement>(&mut self, statement: S) -> Answer<'_, usize> {
        Answer::Right(RunQueryDsl::execute(statement, self.0).boxed())
    }
}
