//! Credentials: the stored password hash, against which a password is verified.

use daybook_domain::{LoginName, Timestamp, UserId};
use diesel::dsl::auto_type;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::access::Access;
use crate::account::account_if_open;
use crate::database::Database;
use crate::error::Error;
use crate::handle::{ReadHandle, columns};
use crate::schema::users;
use crate::time::At;
use crate::unit::read;

/// The stored hash of a user's password. `Debug` leaves the hash out.
#[derive(Clone)]
pub struct Credentials {
    /// The account.
    pub user: UserId,
    /// A PHC string, or a hash in the format of the previous service.
    pub password_hash: String,
    /// When the password last changed. This time identifies the password: each later password of
    /// the user has a later time. A new hash of the same password keeps the time.
    pub password_changed_at: Timestamp,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(Pg, Sqlite))]
struct Row {
    id: i64,
    password_hash: String,
    password_changed_at: At,
}

impl From<Row> for Credentials {
    fn from(row: Row) -> Self {
        Self {
            user: UserId(row.id),
            password_hash: row.password_hash,
            password_changed_at: row.password_changed_at.0,
        }
    }
}

/// The account, if it is open and its password is still the verified one.
#[auto_type(no_type_alias)]
pub(crate) fn account_if_unchanged(verified: &Credentials) -> _ {
    let changed_at: At = At(verified.password_changed_at);
    let account: account_if_open = account_if_open(verified.user);
    account.filter(users::password_changed_at.eq(changed_at))
}

impl Database {
    /// Returns the credentials of the account with this e-mail address or username, if there is
    /// one. The address takes precedence if the name is the address of one account and the username
    /// of another.
    ///
    /// One statement runs for every name, so its time does not show whether an account was found by
    /// its address, by its username or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn credentials(&self, name: &LoginName) -> Result<Option<Credentials>, Error> {
        if name.username_key().contains('\0') {
            // No account has such a name, and PostgreSQL rejects it as a parameter.
            return Ok(None);
        }
        let (email_key, username_key) = (name.email_key().to_owned(), name.username_key().to_owned());
        read!(self, |c| {
            // A closed account is not found, because no text has its keys (see `delete_user`).
            let named = users::table.select((users::email_key, columns::<Row>()));
            let by_email = named.filter(users::email_key.eq(email_key.clone()));
            let by_username = named.filter(users::username_key.eq(username_key));
            // No `OR`: `PLAN_OPTIONS` disable bitmaps, so PostgreSQL could not use both indexes.
            let mut found: Vec<(String, Row)> = c.all(by_email.union_all(by_username)).await?;
            // At most two rows are found, since the keys are unique.
            found.sort_by_key(|(found_key, _)| *found_key != email_key);
            Ok(found.into_iter().next().map(|(_, row)| row.into()))
        })
    }

    /// Returns the credentials of this account.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the account does not exist, or the access is no longer valid.
    pub async fn credentials_of(&self, access: impl Into<Access>) -> Result<Credentials, Error> {
        let access = access.into();
        read!(self, |c| {
            let account =
                account_if_open(access.user).filter(access.may_read(c).await?).select(columns::<Row>());
            let found: Row = c.one(account).await?;
            Ok(found.into())
        })
    }
}
