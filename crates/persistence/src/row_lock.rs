//! Queries that lock their rows until the transaction ends.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sqlite::Sqlite;

/// A query that locks the rows of its table on PostgreSQL. SQLite has no such clause and needs
/// none, because the writer thread runs one transaction at a time.
///
/// An update that changes nothing would lock too, but leaves a new version of the row. A foreign
/// key check that meets such a version waits for its transaction, even if the locks are compatible.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Locking<Q> {
    query: Q,
    clause: &'static str,
}

impl<Q> Locking<Q> {
    /// Excludes changes of the rows. Rows that refer to them can be inserted meanwhile.
    pub(crate) fn for_change(query: Q) -> Self {
        Self { query, clause: " FOR NO KEY UPDATE" }
    }

    /// Also excludes new rows that refer to the rows. A transaction that deletes the rows needs
    /// this lock from its begin, since two transactions that strengthen their locks can deadlock.
    pub(crate) fn for_deletion(query: Q) -> Self {
        Self { query, clause: " FOR UPDATE" }
    }
}

/// The cache identifies the query by its text.
impl<Q> QueryId for Locking<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Locking<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Locking<Q> {}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Locking<Q> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(pass.reborrow())?;
        pass.push_sql(self.clause);
        Ok(())
    }
}

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Locking<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.query.walk_ast(pass)
    }
}
