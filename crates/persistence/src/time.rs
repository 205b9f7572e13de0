//! The column type of instants: `TIMESTAMPTZ` on PostgreSQL, microseconds as `INTEGER` on SQLite.
//!
//! Own code: `jiff-diesel` stores text on SQLite, and has no type that works on both databases.

use daybook_domain::Timestamp;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, SqlType};
use diesel::sqlite::Sqlite;

/// The SQL type. On PostgreSQL it is identified by its oid, because a type that is identified by
/// its name costs a query of the catalog.
#[derive(SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Utc;

/// A [`Timestamp`] in a row.
#[derive(Debug, Clone, Copy, AsExpression, FromSqlRow)]
#[diesel(sql_type = Utc)]
pub(crate) struct At(pub(crate) Timestamp);

/// The epoch of PostgreSQL, 2000-01-01T00:00:00Z, in microseconds since 1970.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl ToSql<Utc, Pg> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let micros = self.0.as_micros() - POSTGRES_EPOCH;
        ToSql::<BigInt, Pg>::to_sql(&micros, &mut out.reborrow())
    }
}

impl FromSql<Utc, Pg> for At {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Pg>>::from_sql(value)?;
        at(micros.saturating_add(POSTGRES_EPOCH))
    }
}

impl ToSql<Utc, Sqlite> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_micros());
        Ok(IsNull::No)
    }
}

impl FromSql<Utc, Sqlite> for At {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        at(<i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?)
    }
}

fn at(micros: i64) -> deserialize::Result<At> {
    Timestamp::from_micros(micros).map(At).ok_or_else(|| "a stored time is outside the calendar".into())
}
