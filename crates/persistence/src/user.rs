//! Accounts.

use daybook_domain::{Email, EndReason, EventKind, Origin, SessionId, Timestamp, User, UserId, Username};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::event::{self, Entry};
use crate::schema::{sessions, users};
use crate::session::{Ending, end_sessions, live_of};
use crate::time::At;
use crate::unit::{read, transaction};
use crate::{Database, Error};

/// An account to be opened.
#[derive(Clone)]
pub struct NewUser {
    /// Unique without regard to case.
    pub email: Email,
    /// Unique without regard to case.
    pub username: Username,
    /// A PHC string.
    pub password_hash: String,
}

/// What a password is checked against. Its `Debug` does not tell the hash.
#[derive(Clone)]
pub struct Credentials {
    /// Whose they are.
    pub user: UserId,
    /// A PHC string, or what another service has made.
    pub password_hash: String,
    /// When the password was changed last: no two passwords of a user have the same. Renewing the hash of a password leaves it as it is.
    pub password_changed_at: Timestamp,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

type CredentialsRow = (i64, String, At);

impl From<CredentialsRow> for Credentials {
    fn from((id, password_hash, password_changed_at): CredentialsRow) -> Self {
        Self { user: UserId(id), password_hash, password_changed_at: password_changed_at.0 }
    }
}

/// The account, as long as it has the password that was verified.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn still_with(verified: &Credentials) -> _ {
    let user_id: i64 = verified.user.0;
    let changed_at: At = At(verified.password_changed_at);
    users::table.filter(users::id.eq(user_id)).filter(users::password_changed_at.eq(changed_at))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(Pg, Sqlite))]
struct Row {
    id: i64,
    email: String,
    username: String,
    created_at: At,
}

impl From<Row> for User {
    fn from(row: Row) -> Self {
        Self {
            id: UserId(row.id),
            email: Email::from_stored(row.email),
            username: Username::from_stored(row.username),
            created_at: row.created_at.0,
        }
    }
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct Changes {
    email: Option<String>,
    email_key: Option<String>,
    username: Option<String>,
    username_key: Option<String>,
    updated_at: At,
}

impl Database {
    /// Opens an account. The unique indexes decide who was first.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] with the field that is taken; either one when both are.
    pub async fn register(&self, new: NewUser, origin: Origin, now: Timestamp) -> Result<User, Error> {
        transaction!(self, |c| {
            let row = (
                users::email.eq(new.email.as_str().to_owned()),
                users::email_key.eq(new.email.key()),
                users::username.eq(new.username.as_str().to_owned()),
                users::username_key.eq(new.username.key()),
                users::password_hash.eq(new.password_hash),
                users::password_changed_at.eq(At(now)),
                users::created_at.eq(At(now)),
                users::updated_at.eq(At(now)),
            );
            let insert = diesel::insert_into(users::table).values(row).returning(Row::as_returning());
            let user: User = c.one(insert).await?.into();
            c.execute(event::insert(Entry::new(user.id, EventKind::Register, &origin, now))).await?;
            Ok(user)
        })
    }

    /// Who logs in under this e-mail address or username, if anybody. An address wins over somebody else's equal username.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn credentials(&self, identifier: &str) -> Result<Option<Credentials>, Error> {
        if identifier.contains('\0') {
            // Nobody has such a name, and PostgreSQL would not even take the question.
            return Ok(None);
        }
        let email_key =
            Email::parse(identifier).map_or_else(|_| identifier.to_lowercase(), |email| email.key());
        let username_key = Username::key_of(identifier);
        read!(self, |c| {
            let columns = (users::id, users::password_hash, users::password_changed_at);
            let by_email = users::table.filter(users::email_key.eq(email_key)).select(columns);
            let by_username = users::table.filter(users::username_key.eq(username_key)).select(columns);
            let found: Option<CredentialsRow> = match c.optional(by_email).await? {
                Some(found) => Some(found),
                None => c.optional(by_username).await?,
            };
            Ok(found.map(Credentials::from))
        })
    }

    /// The account.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when it is gone.
    pub async fn user(&self, user: UserId) -> Result<User, Error> {
        read!(self, |c| Ok(c.one::<Row, _>(users::table.find(user.0).select(Row::as_select())).await?.into()))
    }

    /// What the user's password is checked against.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the account is gone.
    pub async fn credentials_of(&self, user: UserId) -> Result<Credentials, Error> {
        read!(self, |c| {
            let columns = (users::id, users::password_hash, users::password_changed_at);
            let found: CredentialsRow = c.one(users::table.find(user.0).select(columns)).await?;
            Ok(found.into())
        })
    }

    /// Changes the e-mail address, the username or both, in this session.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] with the field that is taken, [`Error::NotFound`] when the account is gone.
    pub async fn update_user(
        &self,
        user: UserId,
        session: Option<SessionId>,
        email: Option<Email>,
        username: Option<Username>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<User, Error> {
        if email.is_none() && username.is_none() {
            return self.user(user).await;
        }
        transaction!(self, |c| {
            let changes = Changes {
                email_key: email.as_ref().map(Email::key),
                email: email.map(String::from),
                username_key: username.as_ref().map(Username::key),
                username: username.map(String::from),
                updated_at: At(now),
            };
            let update =
                diesel::update(users::table.find(user.0)).set(changes).returning(Row::as_returning());
            let changed: User = c.one(update).await?.into();
            let entry = Entry::new(user, EventKind::AccountChanged, &origin, now).in_session(session);
            c.execute(event::insert(entry)).await?;
            Ok(changed)
        })
    }

    /// Changes the password and ends every session but the one that is kept; gives the ids of those that ended.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the account is gone or its password is no longer the one that was verified.
    pub async fn change_password(
        &self,
        verified: Credentials,
        new_hash: String,
        keep: Option<SessionId>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, Error> {
        transaction!(self, |c| {
            let user = verified.user;
            let change = (
                users::password_hash.eq(new_hash),
                // Later than before, whatever the clock says.
                users::password_changed_at.eq(At(now.max(verified.password_changed_at.plus_micros(1)))),
                users::updated_at.eq(At(now)),
            );
            let update = diesel::update(still_with(&verified)).set(change);
            Error::not_found_if_none(c.execute(update).await?)?;
            let entry = Entry::new(user, EventKind::PasswordChanged, &origin, now).in_session(keep);
            c.execute(event::insert(entry)).await?;
            // Ids begin at 1: without a session to keep, none is.
            let others = live_of(user, now).filter(sessions::id.ne(keep.map_or(0, |session| session.0)));
            let ending = Ending::new(user, EndReason::PasswordChanged, &origin, now);
            Ok(end_sessions!(c, others, ending))
        })
    }

    /// Deletes the account and everything that it owns; gives the ids of its sessions.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when it is gone or its password is no longer the one that was verified.
    pub async fn delete_user(&self, verified: Credentials, now: Timestamp) -> Result<Vec<SessionId>, Error> {
        transaction!(self, |c| {
            let ended: Vec<i64> = c.all(live_of(verified.user, now).select(sessions::id)).await?;
            // First the sessions and then the user, in the order in which a refresh locks them: otherwise each could wait for the other.
            let all = sessions::table.filter(sessions::user_id.eq(verified.user.0));
            c.execute(diesel::delete(all)).await?;
            Error::not_found_if_none(c.execute(diesel::delete(still_with(&verified))).await?)?;
            Ok(ended.into_iter().map(SessionId).collect())
        })
    }
}
