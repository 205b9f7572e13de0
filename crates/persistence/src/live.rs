//! The queries for live sessions, and for accounts whose tokens without a session are still valid.

use daybook_domain::{Timestamp, UserId};
use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::account::account_if_open;
use crate::schema::{sessions, users};
use crate::time::At;

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

/// The user's id, if the account is open, and the user has neither changed the password nor logged
/// out with a token without a session since this time.
#[auto_type]
pub(crate) fn unchanged_since(user: UserId, issued_at: Timestamp) -> _ {
    let at: At = At(issued_at);
    let account: account_if_open = account_if_open(user);
    account
        .filter(users::password_changed_at.le(at))
        .filter(users::legacy_logout_at.is_null().or(users::legacy_logout_at.le(at)))
        .select(users::id)
}
