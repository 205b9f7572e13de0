//! The query for outdated rotations, and the grace period of refresh tokens.

use daybook_domain::{SessionId, Timestamp};
use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::schema::rotations;
use crate::server_time::ServerTime;

/// The grace period, in seconds. Within it, a replaced token still returns its successor. It gives
/// time to a client that lost the response and to a second browser tab. A thief who finds the token
/// later is too late. It is judged by one clock, so the clocks of the instances may differ.
pub(crate) const GRACE_SECONDS: u32 = 30;

/// The session's rotations that are older than the grace period.
#[auto_type(no_type_alias)]
pub(super) fn outdated_rotations(session: SessionId, now: Timestamp) -> _ {
    let session_id: i64 = session.0;
    let until: ServerTime = ServerTime::ago(now, GRACE_SECONDS);
    rotations::table.filter(rotations::session_id.eq(session_id)).filter(rotations::rotated_at.le(until))
}
