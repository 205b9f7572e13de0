//! What a URL names.

use std::path::PathBuf;
use std::time::Duration;

use super::tls::TlsMode;

#[derive(Clone)]
pub(crate) enum Location {
    Sqlite(SqliteLocation),
    Postgres(Box<PostgresLocation>),
}

/// The file of a SQLite database.
#[derive(Clone)]
pub(crate) struct SqliteLocation {
    pub(crate) path: PathBuf,
    /// True for a relative path: its folder is created below the working directory. A missing
    /// absolute folder is most likely a mistake, so it is an error.
    pub(crate) creates_folder: bool,
}

/// A PostgreSQL server, and the verification of its identity.
#[derive(Clone)]
pub(crate) struct PostgresLocation {
    /// The configuration with all hosts.
    pub(crate) config: tokio_postgres::Config,
    /// The same configuration for each host, in the order in which they are tried.
    pub(crate) hosts: Vec<tokio_postgres::Config>,
    pub(crate) tls: TlsMode,
    /// The timeout of a connection, over all hosts and with the handshake.
    pub(crate) connect_timeout: Duration,
}
