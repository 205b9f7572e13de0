//! Accounts.

use daybook_domain::{Actor, Email, EndReason, EventKind, Origin, Proof, Timestamp, User, UserId, Username};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::access::{Access, may};
use crate::account::{account_if_open, lock_account_if_open};
use crate::credentials::{Credentials, account_if_unchanged};
use crate::database::Database;
use crate::error::Error;
use crate::event::{self, Entry};
use crate::handle::{ReadHandle, WriteHandle, columns};
use crate::live::live_of;
use crate::prepared::Prepared;
use crate::schema::{sessions, users};
use crate::session::{EndedSessions, Ending, end_sessions};
use crate::time::At;
use crate::unit::{read, transaction};

/// An account to be created.
#[derive(Clone)]
pub struct NewUser {
    /// Its [key](Email::key) is unique.
    pub email: Email,
    /// Its [key](Username::key) is unique.
    pub username: Username,
    /// A PHC string.
    pub password_hash: String,
}

impl NewUser {
    /// An account with this address, name and hash.
    #[must_use]
    pub fn new(email: Email, username: Username, password_hash: String) -> Self {
        Self { email, username, password_hash }
    }
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

impl Database {
    /// Creates an account. The unique indexes decide between requests for the same address or name.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] with the field that is taken. If both are taken, with one of them.
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
            let insert = diesel::insert_into(users::table).values(row).returning(columns::<Row>());
            let user: User = c.one::<Row, _>(insert).await?.into();
            let actor = Actor { user: user.id, proof: Proof::Unchecked, origin, now };
            event::record(c, Entry::new(&actor, EventKind::Register)).await?;
            Ok(user)
        })
    }

    /// Returns the account.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if it does not exist, or the access is no longer valid.
    pub async fn user(&self, access: impl Into<Access>) -> Result<User, Error> {
        let access = access.into();
        read!(self, |c| {
            let account =
                account_if_open(access.user).filter(access.may_read(c).await?).select(columns::<Row>());
            let row: Row = c.one(account).await?;
            Ok(row.into())
        })
    }

    /// Changes the actor's e-mail address, username or both. Does nothing without either.
    ///
    /// `verified` is the password that the actor has entered for the change. Without it, the new
    /// values may only be other spellings of the present ones.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] with the field that is taken. [`Error::NotFound`] if the account does
    /// not exist, its password is no longer the verified one, a value is not another spelling, or
    /// the actor's session has ended.
    pub async fn update_user(
        &self,
        actor: &Actor,
        email: Option<Email>,
        username: Option<Username>,
        verified: Option<Credentials>,
    ) -> Result<User, Error> {
        let (access, now) = (Access::from(actor), actor.now);
        if email.is_none() && username.is_none() {
            return self.user(access).await;
        }
        let changed = Entry::new(actor, EventKind::AccountChanged);
        transaction!(self, |c| {
            let (email_key, username_key) =
                (email.as_ref().map(Email::key), username.as_ref().map(Username::key));
            if verified.is_none() {
                lock_account_if_open(c, access.user).await?;
                let keys = users::table.find(access.user.0).select((users::email_key, users::username_key));
                let (email, username): (String, String) = c.one(keys).await?;
                let differs = |new: &Option<String>, key| new.as_ref().is_some_and(|new| *new != key);
                if differs(&email_key, email) || differs(&username_key, username) {
                    return Err(Error::NotFound);
                }
            }
            let changes = (
                email.map(|email| users::email.eq(String::from(email))),
                email_key.map(|key| users::email_key.eq(key)),
                username.map(|username| users::username.eq(String::from(username))),
                username_key.map(|key| users::username_key.eq(key)),
                users::updated_at.eq(At(now)),
            );
            let account = users::table.find(access.user.0).filter(may(access));
            let update = diesel::update(account).set(changes).returning(columns::<Row>());
            let row: Row = c.one(Prepared(update)).await?;
            if let Some(verified) = verified {
                // The update has locked the row, so the password can no longer change.
                let unchanged = account_if_unchanged(&verified).select(users::id);
                let _: i64 = c.one(unchanged).await?;
            }
            event::record_if(c, access, changed).await?;
            Ok(row.into())
        })
    }

    /// Changes the password, and ends all sessions of the account except the actor's own.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the account does not exist, its password is no longer the verified
    /// one, or the actor's session has ended.
    pub async fn change_password(
        &self,
        actor: &Actor,
        verified: Credentials,
        new_hash: String,
    ) -> Result<EndedSessions, Error> {
        let (keep, now) = (actor.session(), actor.now);
        let access = Access::from(actor);
        // A new password also revokes legacy tokens.
        let later = access.without_legacy_token();
        let changed = Entry::new(actor, EventKind::PasswordChanged);
        let ending = Ending::new(actor, EndReason::PasswordChanged);
        transaction!(self, |c| {
            let change = (
                users::password_hash.eq(new_hash),
                // The time must increase, even if the clock stands still or goes back.
                users::password_changed_at.eq(At(now.max(verified.password_changed_at.plus_micros(1)))),
                users::updated_at.eq(At(now)),
            );
            // Lock order: user, sessions, as in `open_session`, so the two cannot deadlock.
            let account = account_if_unchanged(&verified).filter(may(access));
            let update = diesel::update(account).set(change);
            Error::not_found_if_none(c.execute(Prepared(update)).await?)?;
            event::record_if(c, later, changed).await?;
            // Ids start at 1, so 0 keeps no session.
            let kept = keep.map_or(0, |session| session.0);
            let others = live_of(verified.user, now).filter(sessions::id.ne(kept));
            let ended = end_sessions(c, others, &ending).await?;
            // The statement before may have waited for a logout.
            later.require(c).await?;
            Ok(ended)
        })
    }
}
