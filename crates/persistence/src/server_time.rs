//! The current time in a statement, by the one clock that all instances share.

use daybook_domain::Timestamp;
use diesel::expression::{AppearsOnTable, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Double;
use diesel::sqlite::Sqlite;

use crate::time::{At, Utc};

/// A time relative to the current time: that of the server on PostgreSQL, and that of this process
/// on SQLite.
///
/// The instances on a PostgreSQL server may run on machines with different clocks. A time that one
/// of them stores and another one compares must come from one clock. The processes that share an
/// SQLite file run on one machine.
#[derive(Debug, Clone, Copy, QueryId)]
pub(crate) struct ServerTime {
    seconds_ago: f64,
    local: At,
}

impl ServerTime {
    /// Returns the current time. `now` is the current time of this process.
    pub(crate) fn now(now: Timestamp) -> Self {
        Self { seconds_ago: 0.0, local: At(now) }
    }

    /// Returns an earlier time. `now` is the current time of this process.
    pub(crate) fn ago(now: Timestamp, seconds: u32) -> Self {
        Self { seconds_ago: seconds.into(), local: At(now.plus_seconds(-i64::from(seconds))) }
    }
}

impl Expression for ServerTime {
    type SqlType = Utc;
}

impl<Source> AppearsOnTable<Source> for ServerTime {}

impl<Source> SelectableExpression<Source> for ServerTime {}

impl<Grouping> ValidGrouping<Grouping> for ServerTime {
    type IsAggregate = is_aggregate::Never;
}

/// `statement_timestamp` is the same for all rows of a statement. `now` would be the time at which
/// the transaction began, before it waited for locks.
impl QueryFragment<Pg> for ServerTime {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        pass.push_sql("(statement_timestamp() - make_interval(secs => ");
        pass.push_bind_param::<Double, _>(&self.seconds_ago)?;
        pass.push_sql("))");
        Ok(())
    }
}

impl QueryFragment<Sqlite> for ServerTime {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_bind_param::<Utc, _>(&self.local)
    }
}
