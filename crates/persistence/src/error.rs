//! What can go wrong, classified where it is understood.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind};

/// Why a unit of work did not do what it was asked.
///
/// Nothing of it was stored, except after [`Error::Unavailable`], where the answer of the database may have been lost on its way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such row that belongs to this owner, or the owner is gone.
    #[error("not found")]
    NotFound,
    /// Somebody else has this value already.
    #[error("{0} is taken")]
    Conflict(Field),
    /// The database is down, overloaded or too slow; trying again later may work.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A fault in the program or in the stored data.
    #[error("a query failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A field whose value is unique among all users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The e-mail address.
    Email,
    /// The username.
    Username,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Email => "e-mail",
            Self::Username => "username",
        })
    }
}

/// PostgreSQL names the index that decided, SQLite its table and column.
const UNIQUE: [(&str, &str, Field); 2] = [
    ("users_email_key", "users.email_key", Field::Email),
    ("users_username_key", "users.username_key", Field::Username),
];

/// What the databases say when they, and not the query, are the reason: their deadlines, a shutdown, a lost race for a lock. Diesel
/// keeps the message but not the SQLSTATE; from a server with another `lc_messages` they are taken for faults.
const PASSING: [&str; 7] = [
    "canceling statement",
    "terminating connection",
    "the database system is",
    "deadlock detected",
    "too many clients",
    "remaining connection slots",
    "database is locked",
];

impl Error {
    pub(crate) fn internal(sentence: &'static str) -> Self {
        Self::Internal(sentence.into())
    }

    pub(crate) fn unavailable(cause: impl ToString) -> Self {
        Self::Unavailable(cause.to_string())
    }

    /// A changed-rows count: none means that the row was not there.
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
            Diesel::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => Self::NotFound,
            Diesel::DatabaseError(
                DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::SerializationFailure,
                _,
            )
            | Diesel::BrokenTransactionManager => Self::unavailable(error),
            Diesel::DatabaseError(_, ref info) if PASSING.iter().any(|m| info.message().contains(m)) => {
                Self::unavailable(info.message())
            }
            other => Self::Internal(other.into()),
        }
    }
}

fn conflict(info: &(dyn DatabaseErrorInformation + Send + Sync)) -> Option<Field> {
    let find = |(index, column, field): &(&str, &str, Field)| {
        (info.constraint_name() == Some(index) || info.message().ends_with(column)).then_some(*field)
    };
    UNIQUE.iter().find_map(find)
}
