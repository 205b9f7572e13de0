//! Rotation: each refresh token is good for one successor (RFC 9700, section 4.14.2).

use daybook_domain::{EndReason, EventKind, Origin, SessionId, SessionPolicy, Timestamp, UserId};
use diesel::prelude::*;

use super::{Digest, Ending, end_sessions, live_of};
use crate::event::{Entry, insert, remove_outdated};
use crate::schema::{rotations, sessions};
use crate::time::At;
use crate::unit::transaction;
use crate::{Database, Error};

/// For so many seconds after its rotation a token still gives its successor: long enough for a client that lost the answer to try
/// again and for tabs that refresh at once, too short to be of use to somebody who finds it later.
const GRACE_SECONDS: i64 = 30;

/// More rotations than any client has use for in that time; of whoever makes more, an older token counts as reused.
const RECENT_MAX: i64 = 1_000;

/// A refresh token that a client brings, and what would take its place.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// What all tokens of its session have in common.
    pub family: Digest,
    /// The token.
    pub refresh_token: Digest,
    /// Its successor, if it is the one to be rotated.
    pub successor: Digest,
    /// What makes that successor of the token.
    pub salt: [u8; 16],
    /// Where it comes from.
    pub origin: Origin,
    /// How long the session lasts.
    pub policy: SessionPolicy,
}

/// A token that was replaced a moment ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The token.
    pub refresh_token: Digest,
    /// What made its successor.
    pub salt: [u8; 16],
}

/// What became of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// The successor that was brought is the session's token now.
    Rotated {
        /// Whose session it is.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// It was replaced a moment ago: its successor follows from these, or the successor of that one, and so on.
    Repeated {
        /// Whose session it is.
        user: UserId,
        /// The session.
        session: SessionId,
        /// The rotations of the last moments.
        rotations: Vec<Rotation>,
    },
    /// It was replaced longer ago. Somebody has a copy, so the session has ended.
    Reused {
        /// Whose session it was.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// The session had ended before, of this.
    Ended(Option<EndReason>),
    /// The session has expired.
    Expired,
    /// There is no such session, or not any more.
    Unknown,
}

type Found = (i64, i64, At, Option<At>, Option<String>);

/// A session's rotations that do not count any more.
#[diesel::dsl::auto_type(no_type_alias)]
pub(super) fn outdated(session: SessionId, now: Timestamp) -> _ {
    let session_id: i64 = session.0;
    let until: At = At(now.plus_seconds(-GRACE_SECONDS));
    rotations::table.filter(rotations::session_id.eq(session_id)).filter(rotations::rotated_at.le(until))
}

impl Database {
    /// Puts the successor of a refresh token in its place. One compare-and-set decides between any number of clients that bring the
    /// same token.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn refresh_session(&self, refresh: Refresh, now: Timestamp) -> Result<Refreshed, Error> {
        transaction!(self, |c| {
            let Refresh { family, refresh_token, successor, salt, origin, policy } = refresh;
            let (family, refresh_token) = (family.to_vec(), refresh_token.to_vec());
            let current = sessions::table
                .filter(sessions::family.eq(family.clone()))
                .filter(sessions::refresh_token.eq(refresh_token.clone()))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(At(now)));
            let change = (
                sessions::refresh_token.eq(successor.to_vec()),
                sessions::last_used_at.eq(At(now)),
                sessions::ip.eq(origin.ip.map(|ip| ip.to_string())),
                sessions::user_agent.eq(origin.user_agent.clone()),
            );
            let columns = (sessions::id, sessions::user_id, sessions::created_at);
            let rotated = diesel::update(current).set(change).returning(columns);
            let rotated: Option<(i64, i64, At)> = c.optional(rotated).await?;
            if let Some((id, user, created_at)) = rotated {
                let (session, user) = (SessionId(id), UserId(user));
                // Not in the first statement: it follows from `created_at`, which that one has brought.
                let expires_at = At(policy.expiry(created_at.0, now));
                let target = sessions::table.find(id);
                c.execute(diesel::update(target).set(sessions::expires_at.eq(expires_at))).await?;
                c.execute(diesel::delete(outdated(session, now))).await?;
                let rotation = (
                    rotations::refresh_token.eq(refresh_token),
                    rotations::session_id.eq(id),
                    rotations::salt.eq(salt.to_vec()),
                    rotations::rotated_at.eq(At(now)),
                );
                c.execute(diesel::insert_into(rotations::table).values(rotation)).await?;
                let entry = Entry::new(user, EventKind::Refresh, &origin, now).in_session(session);
                c.execute(insert(entry)).await?;
                remove_outdated!(c, user, now);
                return Ok(Refreshed::Rotated { user, session });
            }
            let found = sessions::table.filter(sessions::family.eq(family)).select((
                sessions::id,
                sessions::user_id,
                sessions::expires_at,
                sessions::ended_at,
                sessions::end_reason,
            ));
            let found: Option<Found> = c.optional(found).await?;
            let Some((id, user, expires_at, ended_at, end_reason)) = found else {
                return Ok(Refreshed::Unknown);
            };
            if ended_at.is_some() {
                return Ok(Refreshed::Ended(end_reason.as_deref().and_then(EndReason::from_name)));
            }
            if expires_at.0 <= now {
                return Ok(Refreshed::Expired);
            }
            let (session, user) = (SessionId(id), UserId(user));
            let recent = rotations::table
                .filter(rotations::session_id.eq(id))
                .filter(rotations::rotated_at.gt(At(now.plus_seconds(-GRACE_SECONDS))))
                .order(rotations::rotated_at.desc())
                .limit(RECENT_MAX)
                .select((rotations::refresh_token, rotations::salt));
            let recent: Vec<(Vec<u8>, Vec<u8>)> = c.all(recent).await?;
            if recent.iter().any(|(replaced, _)| *replaced == refresh_token) {
                let rotations = recent.iter().map(rotation_of).collect::<Result<_, _>>()?;
                return Ok(Refreshed::Repeated { user, session, rotations });
            }
            let entry = Entry::new(user, EventKind::RefreshTokenReused, &origin, now).in_session(session);
            c.execute(insert(entry)).await?;
            let target = live_of(user, now).filter(sessions::id.eq(id));
            let ending = Ending::new(user, EndReason::RefreshTokenReused, &origin, now);
            let _: Vec<SessionId> = end_sessions!(c, target, ending);
            Ok(Refreshed::Reused { user, session })
        })
    }
}

fn rotation_of((refresh_token, salt): &(Vec<u8>, Vec<u8>)) -> Result<Rotation, Error> {
    match (refresh_token.as_slice().try_into(), salt.as_slice().try_into()) {
        (Ok(refresh_token), Ok(salt)) => Ok(Rotation { refresh_token, salt }),
        _ => Err(Error::internal("a stored rotation has another length")),
    }
}
