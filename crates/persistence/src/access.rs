//! The owner of the rows to read, optionally with the check that a session is live.

use daybook_domain::{SessionId, Timestamp, UserId};
use diesel::dsl::{auto_type, exists};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::error::Error;
use crate::handle::ReadHandle;
use crate::schema::sessions;
use crate::session::live_of;

/// A user who reads their own rows. The statement checks the session, or the caller has checked it
/// before.
///
/// In the first case, the statement that reads the rows also checks that the session is live. A
/// separate statement for this check would cost more. On PostgreSQL it would add about a fifth to
/// the cost of a page of notes.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    pub(crate) user: UserId,
    session: Option<(SessionId, Timestamp)>,
}

impl Access {
    /// Returns access for a session. The statement returns rows only if the session has neither
    /// ended nor expired at `now`.
    #[must_use]
    pub fn in_session(user: UserId, session: SessionId, now: Timestamp) -> Self {
        Self { user, session: Some((session, now)) }
    }

    /// Returns `NotFound` if the session is not live. A read calls this if it found no row, because
    /// a session that is not live has the same effect.
    pub(crate) async fn require_live(self, c: &mut impl ReadHandle) -> Result<(), Error> {
        let live: bool = c.one(diesel::select(is_live(self))).await?;
        if live { Ok(()) } else { Err(Error::NotFound) }
    }
}

/// Access without a check of the session. The caller has made sure that the user may read.
impl From<UserId> for Access {
    fn from(user: UserId) -> Self {
        Self { user, session: None }
    }
}

/// True if the statement may return rows. The condition does not depend on a row, so the databases
/// evaluate it once per statement.
#[auto_type(no_type_alias)]
pub(crate) fn is_live(access: Access) -> _ {
    let is_checked: bool = access.session.is_none();
    // Access without a session has the same statement text, so the statement is prepared only once.
    let (session, now): (SessionId, Timestamp) = access.session.unwrap_or((SessionId(0), Timestamp::EPOCH));
    let session: i64 = session.0;
    let user: UserId = access.user;
    let live: live_of = live_of(user, now);
    is_checked.into_sql::<Bool>().or(exists(live.filter(sessions::id.eq(session))))
}
