//! PostgreSQL's handles: a shared connection for reads, and a pooled one for all other units.

use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::result::OptionalExtension;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;

use crate::handle::{Query, QueryFuture, ReadHandle, Statement, WriteHandle};

/// Settings of the transaction of a batch, which yields to others.
///
/// It gives up after a wait of 100 ms for a lock. The server looks for a deadlock after a second by
/// default, so a request is never the victim of a deadlock with such a transaction. Its statements
/// use an index, even if the table is small or one user owns most of its rows.
const YIELDING: &str = "concat(set_config('lock_timeout', '100ms', true), \
                        set_config('enable_seqscan', 'off', true), \
                        set_config('enable_bitmapscan', 'off', true)) IS NOT NULL";

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

    /// The lock is an advisory lock.
    fn try_begin_batch(&mut self, key: i64) -> QueryFuture<'_, bool> {
        let lock = sql::<Bool>("pg_try_advisory_xact_lock(").bind::<BigInt, _>(key).sql(")");
        let query = diesel::select((lock, sql::<Bool>(YIELDING)));
        let locked = RunQueryDsl::get_result::<(bool, bool)>(query, self.0);
        QueryFuture::Right(locked.map(|row| row.map(|(is_locked, _)| is_locked)).boxed())
    }
}
