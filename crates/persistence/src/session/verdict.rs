//! Decides, without a query, whether a refresh token was repeated, reused, ended or expired.

use daybook_domain::{EndReason, SessionId, Timestamp, UserId};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use super::digest::TokenDigest;
use super::ending::EndedSessions;
use crate::schema::sessions;
use crate::time::At;

/// A token that was replaced within the grace period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The token.
    pub refresh_token: TokenDigest,
    /// The salt that its successor was derived with.
    pub salt: [u8; 16],
}

/// The outcome of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// The successor is now the session's token.
    Rotated {
        /// The session's user.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// The token was replaced within the grace period. The rotations are enough to derive its
    /// successor, the successor of that one, and so on.
    Repeated {
        /// The session's user.
        user: UserId,
        /// The session.
        session: SessionId,
        /// The session's rotations within the grace period.
        rotations: Vec<Rotation>,
    },
    /// The token was replaced before the grace period. A second client has a copy, so the session
    /// was ended.
    Reused {
        /// The session.
        session: SessionId,
        /// The same session. The caller must log it and announce it.
        ended: EndedSessions,
    },
    /// The session ended earlier, for this reason if it is known.
    Ended(Option<EndReason>),
    /// The session has expired.
    Expired,
    /// There is no such session, or it was deleted after it ended.
    Unknown,
}

/// What a refresh would do, without doing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshPreview {
    /// It would rotate the token of a session.
    Rotation {
        /// The owner of the session.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// It would end the session, because the token was reused.
    Reuse,
    /// It would change nothing. This is its outcome.
    Unchanged(Refreshed),
}

/// The session that the family of a refresh token belongs to.
#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Pg, Sqlite))]
pub(super) struct SessionRow {
    id: i64,
    user_id: i64,
    expires_at: At,
    ended_at: Option<At>,
    end_reason: Option<String>,
    refresh_token: Option<Vec<u8>>,
}

impl SessionRow {
    /// True if this is the session's current token.
    pub(super) fn has(&self, token: TokenDigest) -> bool {
        self.refresh_token.as_deref() == Some(&token.0)
    }

    pub(super) fn user(&self) -> UserId {
        UserId(self.user_id)
    }

    pub(super) fn session(&self) -> SessionId {
        SessionId(self.id)
    }

    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.expires_at.0 > now
    }
}

#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// Nothing changes. This is the outcome of the refresh.
    Return(Refreshed),
    /// The session must end because the token was reused.
    Reuse { user: UserId, session: SessionId },
}

/// Returns the session if it is live. Otherwise returns the outcome of each of its tokens.
pub(super) fn live(found: Option<SessionRow>, now: Timestamp) -> Result<SessionRow, Refreshed> {
    let found = found.ok_or(Refreshed::Unknown)?;
    if found.ended_at.is_some() {
        return Err(Refreshed::Ended(found.end_reason.as_deref().and_then(EndReason::from_name)));
    }
    if found.is_live(now) { Ok(found) } else { Err(Refreshed::Expired) }
}

/// Decides about a token that is not the current one of the found session. `recent` contains the
/// session's rotations within the grace period. They matter only if the session is live.
pub(super) fn judge(
    found: Option<SessionRow>,
    recent: Vec<Rotation>,
    token: TokenDigest,
    now: Timestamp,
) -> Verdict {
    let found = match live(found, now) {
        Ok(found) => found,
        Err(refreshed) => return Verdict::Return(refreshed),
    };
    let (user, session) = (found.user(), found.session());
    if recent.iter().any(|rotation| rotation.refresh_token == token) {
        return Verdict::Return(Refreshed::Repeated { user, session, rotations: recent });
    }
    Verdict::Reuse { user, session }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: UserId = UserId(1);
    const SESSION: SessionId = SessionId(7);

    fn found(expires_in: i64, ended: Option<&str>, now: Timestamp) -> Option<SessionRow> {
        Some(SessionRow {
            id: SESSION.0,
            user_id: USER.0,
            expires_at: At(now.plus_seconds(expires_in)),
            ended_at: ended.map(|_| At(now)),
            end_reason: ended.map(str::to_owned),
            refresh_token: None,
        })
    }

    #[test]
    fn judge_decides_by_the_session_and_then_by_its_rotations() {
        let now = Timestamp::now();
        let token = TokenDigest([1; 32]);
        let rotation = |byte| Rotation { refresh_token: TokenDigest([byte; 32]), salt: [byte; 16] };
        let recent = vec![rotation(2), rotation(1)];
        let repeated = Refreshed::Repeated { user: USER, session: SESSION, rotations: recent.clone() };
        let reuse = || Verdict::Reuse { user: USER, session: SESSION };
        let ended = |reason| Verdict::Return(Refreshed::Ended(reason));
        for (case, found, recent, expected) in [
            ("no session", None, vec![], Verdict::Return(Refreshed::Unknown)),
            ("expired", found(0, None, now), vec![], Verdict::Return(Refreshed::Expired)),
            ("live for a second", found(1, None, now), vec![], reuse()),
            ("replaced in the grace period", found(9, None, now), recent.clone(), Verdict::Return(repeated)),
            ("another token was replaced", found(9, None, now), vec![rotation(2)], reuse()),
            (
                "expired, token replaced",
                found(0, None, now),
                recent.clone(),
                Verdict::Return(Refreshed::Expired),
            ),
            ("ended", found(9, Some("revoked"), now), recent, ended(Some(EndReason::Revoked))),
            ("ended and expired", found(0, Some("logout"), now), vec![], ended(Some(EndReason::Logout))),
            ("ended for a reason of a later version", found(9, Some("other"), now), vec![], ended(None)),
        ] {
            assert_eq!(judge(found, recent, token, now), expected, "{case}");
        }
    }
}
