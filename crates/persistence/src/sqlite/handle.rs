//! SQLite's handle: a connection that runs each statement immediately, on the calling thread.

use std::future::ready;

use diesel::query_dsl::methods::ExecuteDsl;
use diesel::result::OptionalExtension;
use diesel::{RunQueryDsl, SqliteConnection};

use crate::handle::{Query, QueryFuture, ReadHandle, Statement, WriteHandle};

/// A connection that only this unit uses.
pub(crate) struct Inline<'a>(pub(crate) &'a mut SqliteConnection);

impl ReadHandle for Inline<'_> {
    fn one<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, U> {
        QueryFuture::Left(ready(RunQueryDsl::get_result(query, self.0)))
    }

    fn optional<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, Option<U>> {
        QueryFuture::Left(ready(RunQueryDsl::get_result(query, self.0).optional()))
    }

    fn all<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> QueryFuture<'_, Vec<U>> {
        QueryFuture::Left(ready(RunQueryDsl::load(query, self.0)))
    }
}

impl WriteHandle for Inline<'_> {
    fn execute<S: Statement>(&mut self, statement: S) -> QueryFuture<'_, usize> {
        QueryFuture::Left(ready(ExecuteDsl::execute(statement, self.0)))
    }

    /// Always succeeds, because the file has one writer at a time, and it never waits for a row.
    fn try_begin_batch(&mut self, _: i64) -> QueryFuture<'_, bool> {
        QueryFuture::Left(ready(Ok(true)))
    }
}
