//! Sessions: what a login opens, and what an access token must belong to.

mod ending;
mod rotation;

use daybook_domain::{EndReason, EventKind, Origin, Session, SessionId, SessionPolicy, Timestamp, UserId};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

pub(crate) use self::ending::{Ending, end_sessions};
pub use self::rotation::{Refresh, Refreshed, Rotation};
use crate::event::{self, Entry, insert};
use crate::schema::{sessions, users};
use crate::time::At;
use crate::unit::{execute, read, transaction};
use crate::user::{Credentials, still_with};
use crate::{Database, Error};

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// A login whose password was verified.
#[derive(Clone)]
pub struct Login {
    /// Who logs in, and what the password was verified against.
    pub verified: Credentials,
    /// A hash of the same password to keep instead, when the old one is out of date.
    pub new_hash: Option<String>,
    /// What all refresh tokens of the new session have in common.
    pub family: Digest,
    /// Its first refresh token.
    pub refresh_token: Digest,
    /// Where the login comes from.
    pub origin: Origin,
    /// How long the session lasts, and how many there may be.
    pub policy: SessionPolicy,
}

/// A session that was just opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its id.
    pub session: SessionId,
    /// Those that had to end for it.
    pub ended: Vec<SessionId>,
}

/// When a live session was opened and used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last written down that it was used; at first, when it was opened.
    pub last_used_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Pg, Sqlite))]
struct Row {
    id: i64,
    created_at: At,
    last_used_at: At,
    expires_at: At,
    ip: Option<String>,
    user_agent: Option<String>,
}

impl From<Row> for Session {
    fn from(row: Row) -> Self {
        Self {
            id: SessionId(row.id),
            created_at: row.created_at.0,
            last_used_at: row.last_used_at.0,
            expires_at: row.expires_at.0,
            ip: row.ip,
            user_agent: row.user_agent,
        }
    }
}

/// How many expired sessions a login forgets at the most: more than it can make, few enough not to be noticed.
const FORGOTTEN_AT_ONCE: i64 = 100;

/// A list of sessions has no pages, since the policy says how many there are. This only bounds what was there before a lower limit.
const LIST_MAX: i64 = 1_000;

/// The user's sessions that have neither ended nor expired.
#[diesel::dsl::auto_type]
pub(crate) fn live_of(user: UserId, now: Timestamp) -> _ {
    let user_id: i64 = user.0;
    let at: At = At(now);
    sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(at))
}

impl Database {
    /// Opens a session, ends those that are too many then, and forgets those of the same user that have expired.
    ///
    /// Those that were never used after their login end first, then those that have not been used for longest: whatever logs in for
    /// each of its calls pushes out its own sessions and nobody else's.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the user is gone or the password is no longer the one that was verified: a login that overlaps a
    /// change of the password must not outlive it. One that overlaps another login is not harmed when that renews the hash.
    pub async fn open_session(&self, login: Login, now: Timestamp) -> Result<Opened, Error> {
        transaction!(self, |c| {
            let Login { verified, new_hash, family, refresh_token, origin, policy } = login;
            let user = verified.user;
            // This locks the user's row: a change of the password comes before or after, never in between.
            let login = diesel::update(still_with(&verified)).set(users::last_login_at.eq(At(now)));
            Error::not_found_if_none(c.execute(login).await?)?;
            if let Some(new_hash) = new_hash {
                let old = users::table.find(user.0).filter(users::password_hash.eq(verified.password_hash));
                c.execute(diesel::update(old).set(users::password_hash.eq(new_hash))).await?;
            }
            let of_user = sessions::table.filter(sessions::user_id.eq(user.0));
            let expired = of_user
                .filter(sessions::expires_at.le(At(now)))
                .select(sessions::id)
                .limit(FORGOTTEN_AT_ONCE);
            let expired: Vec<i64> = c.all(expired).await?;
            if !expired.is_empty() {
                c.execute(diesel::delete(of_user.filter(sessions::id.eq_any(expired)))).await?;
            }
            let by_need =
                (sessions::last_used_at.gt(sessions::created_at).desc(), sessions::last_used_at.desc());
            let kept = i64::from(policy.per_user.max(1)) - 1;
            let too_many = live_of(user, now).order(by_need).offset(kept).select(sessions::id);
            let too_many: Vec<i64> = c.all(too_many).await?;
            let ended = if too_many.is_empty() {
                Vec::new()
            } else {
                let these = live_of(user, now).filter(sessions::id.eq_any(too_many));
                end_sessions!(c, these, Ending::new(user, EndReason::TooManySessions, &origin, now))
            };
            let session = (
                sessions::user_id.eq(user.0),
                sessions::created_at.eq(At(now)),
                sessions::last_used_at.eq(At(now)),
                sessions::expires_at.eq(At(policy.expiry(now, now))),
                sessions::family.eq(family.to_vec()),
                sessions::refresh_token.eq(refresh_token.to_vec()),
                sessions::ip.eq(origin.ip.map(|ip| ip.to_string())),
                sessions::user_agent.eq(origin.user_agent.clone()),
            );
            let opened = diesel::insert_into(sessions::table).values(session).returning(sessions::id);
            let session = SessionId(c.one(opened).await?);
            c.execute(insert(Entry::new(user, EventKind::Login, &origin, now).in_session(session))).await?;
            event::remove_outdated!(c, user, now);
            Ok(Opened { session, ended })
        })
    }

    /// When a session of this user was opened and last used; none when it has ended or expired, or never was.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn live_session(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<Activity>, Error> {
        read!(self, |c| {
            let columns = (sessions::created_at, sessions::last_used_at);
            let found = live_of(user, now).filter(sessions::id.eq(session.0)).select(columns);
            let found: Option<(At, At)> = c.optional(found).await?;
            Ok(found.map(|(created_at, last_used_at)| Activity {
                created_at: created_at.0,
                last_used_at: last_used_at.0,
            }))
        })
    }

    /// Writes down that a session is in use and when it expires now, unless somebody else has since `last_used_at`; forgets tokens of it that
    /// were replaced a while ago.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn touch_session(
        &self,
        user: UserId,
        session: SessionId,
        last_used_at: Timestamp,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Error> {
        execute!(self, |c| {
            let target = live_of(user, now)
                .filter(sessions::id.eq(session.0))
                .filter(sessions::last_used_at.eq(At(last_used_at)));
            let change = (sessions::last_used_at.eq(At(now)), sessions::expires_at.eq(At(expires_at)));
            c.execute(diesel::update(target).set(change)).await?;
            c.execute(diesel::delete(rotation::outdated(session, now))).await?;
            Ok(())
        })
    }

    /// The user's live sessions, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, Error> {
        read!(self, |c| {
            let query =
                live_of(user, now).order(sessions::id.desc()).limit(LIST_MAX).select(Row::as_select());
            let rows: Vec<Row> = c.all(query).await?;
            Ok(rows.into_iter().map(Session::from).collect())
        })
    }

    /// The session of this user that a family of refresh tokens belongs to. One that has ended a short while ago counts if it did by a logout
    /// or to make room: whoever holds its token was let go and not thrown out.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn session_of_family(&self, user: UserId, family: Digest) -> Result<Option<SessionId>, Error> {
        read!(self, |c| {
            let found = sessions::table
                .filter(sessions::user_id.eq(user.0))
                .filter(sessions::family.eq(family.to_vec()))
                .select((sessions::id, sessions::end_reason));
            let found: Option<(i64, Option<String>)> = c.optional(found).await?;
            let reason = |name: String| EndReason::from_name(&name);
            Ok(found.and_then(|(id, ended)| match ended.map(reason) {
                None | Some(Some(EndReason::Logout | EndReason::TooManySessions)) => Some(SessionId(id)),
                Some(_) => None,
            }))
        })
    }

    /// Whether this user exists and has neither changed the password nor logged out everywhere after this time: the check of a token
    /// without a session.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn is_unchanged_since(&self, user: UserId, issued_at: Timestamp) -> Result<bool, Error> {
        read!(self, |c| {
            let account = users::table
                .find(user.0)
                .filter(users::password_changed_at.le(At(issued_at)))
                .filter(users::legacy_logout_at.is_null().or(users::legacy_logout_at.le(At(issued_at))))
                .select(users::id);
            let found: Option<i64> = c.optional(account).await?;
            Ok(found.is_some())
        })
    }
}
