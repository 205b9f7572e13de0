//! The two databases behind a [`Database`](crate::Database).

use crate::postgres::Postgres;
use crate::sqlite::Sqlite;

/// The database that the URL selects.
#[derive(Clone)]
pub(crate) enum Backend {
    Postgres(Postgres),
    Sqlite(Sqlite),
}
