//! Sessions: what a login opens, and what an access token must belong to.

use daybook_domain::{SessionId, Timestamp, UserId};
use diesel::dsl::exists;
use diesel::prelude::*;

use crate::schema::{sessions, users};
use crate::time::At;
use crate::unit::{read, transaction};
use crate::{Database, Error};

/// A login whose password was verified.
#[derive(Debug, Clone)]
pub struct Login {
    /// Who logs in.
    pub user: UserId,
    /// The stored hash that the password was verified against.
    pub verified_hash: String,
    /// The hash to keep from now on, when the old one's parameters are out of date.
    pub new_hash: Option<String>,
    /// When the session ends.
    pub expires_at: Timestamp,
}

impl Database {
    /// Opens a session, and forgets those of the same user that have expired.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the user is gone or the password is no longer the one that was verified: a login that overlaps a
    /// change of the password must not outlive it.
    pub async fn open_session(&self, login: Login, now: Timestamp) -> Result<SessionId, Error> {
        transaction!(self, |c| {
            let Login { user, verified_hash, new_hash, expires_at } = login;
            let new_hash = new_hash.unwrap_or_else(|| verified_hash.clone());
            // This locks the user's row: a change of the password comes before or after, never in between.
            let account = users::table.find(user.0).filter(users::password_hash.eq(verified_hash));
            let change = (users::last_login_at.eq(At(now)), users::password_hash.eq(new_hash));
            Error::not_found_if_none(c.execute(diesel::update(account).set(change)).await?)?;
            let expired =
                sessions::table.filter(sessions::user_id.eq(user.0)).filter(sessions::expires_at.le(At(now)));
            c.execute(diesel::delete(expired)).await?;
            let session = (
                sessions::user_id.eq(user.0),
                sessions::created_at.eq(At(now)),
                sessions::expires_at.eq(At(expires_at)),
            );
            let insert = diesel::insert_into(sessions::table).values(session).returning(sessions::id);
            Ok(SessionId(c.one(insert).await?))
        })
    }

    /// Whether this session of this user has neither ended nor expired.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn is_live(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<bool, Error> {
        read!(self, |c| {
            let live = sessions::table
                .find(session.0)
                .filter(sessions::user_id.eq(user.0))
                .filter(sessions::expires_at.gt(At(now)));
            Ok(c.one(diesel::select(exists(live))).await?)
        })
    }

    /// Whether this user exists and has not changed the password after this time: the check of a token without a session.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn is_unchanged_since(&self, user: UserId, issued_at: Timestamp) -> Result<bool, Error> {
        read!(self, |c| {
            let account = users::table.find(user.0).filter(users::password_changed_at.le(At(issued_at)));
            Ok(c.one(diesel::select(exists(account))).await?)
        })
    }
}
