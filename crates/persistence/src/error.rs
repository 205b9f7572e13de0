//! The error of all methods, classified from the errors of the databases.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind};

use crate::collision::Collisions;
use crate::field::Field;

/// The reason why a method failed.
///
/// After an error nothing is stored, with one exception. After [`Error::Unavailable`] a write may
/// be stored, because the database's result can get lost.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A row does not exist or belongs to another user. Each method documents which row.
    #[error("not found")]
    NotFound,
    /// Another user has this value.
    #[error("{0} is taken")]
    Conflict(Field),
    /// Accounts have names that are equal in this version. Only
    /// [`Database::migrate`](crate::Database::migrate) returns this error.
    #[error("{0}")]
    Collisions(Collisions),
    /// The database is down, overloaded, full, read-only or too slow. A retry may succeed.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A bug, or invalid stored data.
    #[error("a query failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The unique fields. PostgreSQL reports the index, SQLite the table and the column.
const UNIQUE: [(&str, &str, Field); 2] = [
    ("users_email_key", "users.email_key", Field::Email),
    ("users_username_key", "users.username_key", Field::Username),
];

/// Parts of the messages of errors that are no bug of this crate: an operator, another client, or
/// time alone can end their cause. So a retry may succeed.
///
/// Diesel keeps the message and drops the code, except the codes of [`DatabaseErrorKind`].
/// SQLite's messages are constants. PostgreSQL translates its messages to `lc_messages`, so
/// [`Database::migrate`](crate::Database::migrate) warns of another language than English. There,
/// these errors count as [`Error::Internal`].
///
/// The tests cause each of these errors in a real server or a real file.
const TRANSIENT: [&str; 15] = [
    // PostgreSQL: 57014 and 55P03, the timeouts of a statement and of a lock, or an administrator.
    "canceling statement due to",
    // 57P01, 57P02 and 25P03: a shutdown, a crash, or a transaction that was idle for too long.
    "terminating connection",
    // 40P01
    "deadlock detected",
    // 53100: the disk is full, or a quota is used up.
    "could not extend file",
    "No space left on device",
    // 53200, and SQLITE_NOMEM.
    "out of memory",
    // 53200: there are too many locks.
    "out of shared memory",
    // 57P03, as a pooler passes it on: the server starts or stops.
    "the database system is",
    // 53300, as a pooler passes it on.
    "too many clients",
    "remaining connection slots",
    // SQLITE_BUSY: another process writes.
    "database is locked",
    // SQLITE_FULL
    "database or disk is full",
    // SQLITE_IOERR
    "disk I/O error",
    // SQLITE_READONLY
    "attempt to write a readonly database",
    // SQLITE_CANTOPEN, for example of the log when there are too many open files.
    "unable to open database file",
];

impl Error {
    pub(crate) fn internal(sentence: &'static str) -> Self {
        Self::Internal(sentence.into())
    }

    pub(crate) fn unavailable(cause: impl ToString) -> Self {
        Self::Unavailable(cause.to_string())
    }

    /// Returns `NotFound` if a statement changed no row.
    pub(crate) fn not_found_if_none(rows: usize) -> Result<(), Self> {
        if rows == 0 { Err(Self::NotFound) } else { Ok(()) }
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::Error as Diesel;
        match error {
            Diesel::NotFound => Self::NotFound,
            Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, ref info) => match conflict(&**info) {
                Some(field) => Self::Conflict(field),
                None => Self::Internal(error.into()),
            },
            Diesel::RollbackErrorOnCommit { commit_error, .. } => (*commit_error).into(),
            // The row refers to an account, a session or a note that does not exist.
            Diesel::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => Self::NotFound,
            Diesel::DatabaseError(
                DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::SerializationFailure
                // After a failover, the server may be a standby.
                | DatabaseErrorKind::ReadOnlyTransaction,
                _,
            )
            | Diesel::BrokenTransactionManager => Self::unavailable(error),
            Diesel::DatabaseError(_, ref info) if is_transient(info.message()) => {
                Self::unavailable(info.message())
            }
            other => Self::Internal(other.into()),
        }
    }
}

fn is_transient(message: &str) -> bool {
    TRANSIENT.iter().any(|part| message.contains(part))
}

/// Returns the field that violates its unique index.
fn conflict(info: &(dyn DatabaseErrorInformation + Send + Sync)) -> Option<Field> {
    let find = |(index, column, field): &(&str, &str, Field)| {
        (info.constraint_name() == Some(index) || info.message().ends_with(column)).then_some(*field)
    };
    UNIQUE.iter().find_map(find)
}

#[cfg(test)]
mod tests;
