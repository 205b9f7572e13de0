//! The queries for live sessions and outdated rotations, and the grace period of refresh tokens.

use daybook_domain::{SessionId, Timestamp, UserId};
use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::schema::{rotations, sessions};
use crate::time::At;

/// The grace period, in seconds. Within it, a replaced token still returns its successor. It gives
/// time to a client that lost the response and to a second browser tab. A thief who finds the token
/// later is too late.
pub(super) const GRACE_SECONDS: i64 = 30;

/// The user's sessions that have neither ended nor expired.
#[auto_type]
pub(crate) fn live_of(user: UserId, now: Timestamp) -> _ {
    let user_id: i64 = user.0;
    let at: At = At(now);
    sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(at))
}

/// The session's rotations that are older than the grace period.
#[auto_type(no_type_alias)]
pub(super) fn outdated_rotations(session: SessionId, now: Timestamp) -> _ {
    let session_id: i64 = session.0;
    let until: At = At(now.plus_seconds(-GRACE_SECONDS));
    rotations::table.filter(rotations::session_id.eq(session_id)).filter(rotations::rotated_at.le(until))
}
