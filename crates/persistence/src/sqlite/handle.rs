//! SQLite's handle: a connection that runs each statement at once, on the calling thread.

use std::future::ready;

use diesel::query_dsl::methods::ExecuteDsl;
use diesel::result::OptionalExtension;
use diesel::{RunQueryDsl, SqliteConnection};

use crate::handle::{Answer, Query, ReadHandle, Statement, WriteHandle};

/// A connection that this unit has to itself.
pub(crate) struct Inline<'a>(pub(crate) &'a mut SqliteConnection);

impl ReadHandle for Inline<'_> {
    fn one<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, U> {
        Answer::Left(ready(RunQueryDsl::get_result(query, self.0)))
    }

    fn optional<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, Option<U>> {
        Answer::Left(ready(RunQueryDsl::get_result(query, self.0).optional()))
    }

    fn all<U: Send + 'static, Q: Query<U>>(&mut self, query: Q) -> Answer<'_, Vec<U>> {
        Answer::Left(ready(RunQueryDsl::load(query, self.0)))
    }
}

impl WriteHandle for Inline<'_> {
    fn execute<S: Statement>(&mut self, statement: S) -> Answer<'_, usize> {
        Answer::Left(ready(ExecuteDsl::execute(statement, self.0)))
    }
}
