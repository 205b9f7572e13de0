//! Database URLs.

mod error;
mod foreign;
mod hosts;
mod location;
mod postgres;
mod sqlite;
mod tls;
mod uri;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

pub use self::error::UrlError;
use self::error::fail;
pub(crate) use self::location::{Location, PostgresLocation, SqliteLocation};
pub(crate) use self::tls::TlsMode;

/// A parsed `DATABASE_URL`: `sqlite://path/to/file`, `sqlite:///absolute/path`, or
/// `postgres://user@host/name?sslmode=…`.
///
/// A PostgreSQL URL means the same as in libpq ([PostgreSQL documentation, section 34.1.1.2][uri]).
/// A URL that libpq and a person may read differently is rejected. A SQLite path is not
/// percent-decoded, and has no parameters.
///
/// `Debug` and `Display` leave the password out.
///
/// [uri]: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
#[derive(Clone)]
pub struct DatabaseUrl(pub(crate) Location);

impl DatabaseUrl {
    /// Returns the path of the database file, if the database is SQLite.
    #[must_use]
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            Location::Sqlite(location) => Some(&location.path),
            Location::Postgres(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            return sqlite::parse(path).map(|location| Self(Location::Sqlite(location)));
        }
        match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            Some(rest) => postgres::parse(rest).map(|location| Self(Location::Postgres(Box::new(location)))),
            None => fail(foreign::scheme(text)),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Sqlite(location) => write!(f, "sqlite://{}", location.path.display()),
            Location::Postgres(location) => {
                let name = location.config.get_dbname().unwrap_or_default();
                write!(f, "postgres database {name:?}")
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
