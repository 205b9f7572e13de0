//! Texts that a short read of a page returns. A page with a longer one needs a large read.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::{AppearsOnTable, ValidGrouping};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::Error::DeserializationError;
use diesel::result::UnexpectedNullError;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;

/// The maximum length of a short text in bytes. [`PG_CONDITION`] repeats it.
///
/// Almost all texts are shorter, so almost all pages need one short read. The largest page of such
/// texts has 4.8 MB: a hundred notes, each with the longest summary of 32 kB. SQLite reads it in a
/// few milliseconds, and PostgreSQL sends it without a long delay for the other reads.
const SHORT_MAX: usize = 16 * 1024;

/// PostgreSQL would send all long texts of a page before the first one is read.
const PG_CONDITION: &str = ") <= 16384 THEN ";

/// A text column of which only short texts are read.
///
/// PostgreSQL returns a longer text as null. SQLite returns it, but reads no row behind it. There,
/// a condition would cost each page of short texts 5 %.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub(crate) struct Short<E>(pub(crate) E);

impl<E: Expression<SqlType = Text>> Expression for Short<E> {
    type SqlType = Text;
}

impl<E: AppearsOnTable<Source>, Source> AppearsOnTable<Source> for Short<E> where Self: Expression {}

impl<E: SelectableExpression<Source>, Source> SelectableExpression<Source> for Short<E> where
    Self: AppearsOnTable<Source>
{
}

impl<E: QueryFragment<Pg>> QueryFragment<Pg> for Short<E> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        pass.push_sql("CASE WHEN octet_length(");
        self.0.walk_ast(pass.reborrow())?;
        pass.push_sql(PG_CONDITION);
        self.0.walk_ast(pass.reborrow())?;
        pass.push_sql(" END");
        Ok(())
    }
}

impl<E: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Short<E> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }
}

/// A text of a [`Short`] column.
#[derive(Debug, FromSqlRow)]
pub(crate) struct ShortText(String);

impl From<ShortText> for String {
    fn from(text: ShortText) -> Self {
        text.0
    }
}

impl<DB: Backend> FromSql<Text, DB> for ShortText
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let text = String::from_sql(value)?;
        // Diesel returns this error for a null, and the only one that it does not wrap.
        if text.len() > SHORT_MAX { Err(UnexpectedNullError.into()) } else { Ok(Self(text)) }
    }
}

/// Returns the rows of a short read, or `None` if a text of a row is not short.
pub(crate) fn if_short<T>(rows: QueryResult<Vec<T>>) -> QueryResult<Option<Vec<T>>> {
    match rows {
        Err(DeserializationError(cause)) if cause.is::<UnexpectedNullError>() => Ok(None),
        rows => rows.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn condition_has_the_limit() {
        assert_eq!(PG_CONDITION, format!(") <= {SHORT_MAX} THEN "));
    }
}
