//! Looks up sessions, and records their use.

use daybook_domain::{EndReason, Session, SessionId, Timestamp, UserId};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use super::digest::FamilyDigest;
use super::query::outdated_rotations;
use crate::database::Database;
use crate::error::Error;
use crate::handle::{ReadHandle, WriteHandle, columns};
use crate::live::{live_of, unchanged_since};
use crate::prepared::Prepared;
use crate::schema::sessions;
use crate::time::At;
use crate::unit::{execute, read};

/// The maximum length of the list of sessions. The session policy limits the number of live
/// sessions, so the list has no pages. This limit matters only if the policy once allowed more.
const LIST_MAX: i64 = 1_000;

/// When a live session was opened and last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its use was last recorded; `created_at` if it has not been used since.
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

/// Returns true if a refresh token of this session shows that the client belongs to the user. That
/// is the case if the session is live, or if it ended by a logout or by the limit on sessions.
/// After the other reasons, a thief may have the token.
fn is_trusted(end_reason: Option<&str>) -> bool {
    match end_reason.map(EndReason::from_name) {
        None => true,
        Some(reason) => matches!(reason, Some(EndReason::Logout | EndReason::TooManySessions)),
    }
}

impl Database {
    /// Returns when a live session of this user was opened and last used. Returns `None` if the
    /// session has ended or expired, or never existed.
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

    /// Records that a session is in use, and sets its new expiry. Does nothing if its use was
    /// recorded after `last_used_at`. Also deletes the session's outdated rotations.
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
            c.execute(Prepared(diesel::update(target).set(change))).await?;
            c.execute(diesel::delete(outdated_rotations(session, now))).await?;
            Ok(())
        })
    }

    /// Returns the user's live sessions, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, Error> {
        read!(self, |c| {
            let query =
                live_of(user, now).order(sessions::id.desc()).limit(LIST_MAX).select(columns::<Row>());
            let rows: Vec<Row> = c.all(query).await?;
            Ok(rows.into_iter().map(Session::from).collect())
        })
    }

    /// Returns the session of this user that a family of refresh tokens belongs to. An ended
    /// session is returned, too, as long as it is kept, if it ended by a logout or by the limit on
    /// sessions.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn session_of_family(
        &self,
        user: UserId,
        family: FamilyDigest,
    ) -> Result<Option<SessionId>, Error> {
        read!(self, |c| {
            let found = sessions::table
                .filter(sessions::user_id.eq(user.0))
                .filter(sessions::family.eq(family.0.to_vec()))
                .select((sessions::id, sessions::end_reason));
            let found: Option<(i64, Option<String>)> = c.optional(found).await?;
            let trusted = found.filter(|(_, end_reason)| is_trusted(end_reason.as_deref()));
            Ok(trusted.map(|(id, _)| SessionId(id)))
        })
    }

    /// Checks a token that belongs to no session. Returns true if the user exists, and has neither
    /// changed the password nor logged out of all sessions since `issued_at`.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn is_unchanged_since(&self, user: UserId, issued_at: Timestamp) -> Result<bool, Error> {
        read!(self, |c| {
            let found: Option<i64> = c.optional(unchanged_since(user, issued_at)).await?;
            Ok(found.is_some())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_trusted_only_after_a_logout_or_the_limit() {
        for (end_reason, expected) in [
            (None, true),
            (Some("logout"), true),
            (Some("too_many_sessions"), true),
            (Some("logout_all"), false),
            (Some("revoked"), false),
            (Some("password_changed"), false),
            (Some("refresh_token_reused"), false),
            (Some("a reason of a later version"), false),
        ] {
            assert_eq!(is_trusted(end_reason), expected, "{end_reason:?}");
        }
    }
}
