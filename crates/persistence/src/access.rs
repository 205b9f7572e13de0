//! Who reads, and the condition under which the rows are shown.

use daybook_domain::{SessionId, Timestamp, UserId};
use diesel::dsl::{auto_type, exists};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::error::Error;
use crate::handle::ReadHandle;
use crate::schema::sessions;
use crate::session::live_of;

/// A user who reads their own rows, either in a session or as already checked by the caller.
///
/// In a session, the statement that reads the rows also checks that the session is live. That costs
/// less than a statement of its own: on PostgreSQL about a fifth of a page of notes.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    pub(crate) user: UserId,
    session: Option<(SessionId, Timestamp)>,
}

impl Access {
    /// Access that lasts as long as the session: it must not have ended, or have expired at `now`.
    #[must_use]
    pub fn in_session(user: UserId, session: SessionId, now: Timestamp) -> Self {
        Self { user, session: Some((session, now)) }
    }

    /// Explains an empty result: returns `NotFound` if it is empty because the session has ended.
    pub(crate) async fn require_live(self, c: &mut impl ReadHandle) -> Result<(), Error> {
        let live: bool = c.one(diesel::select(is_live(self))).await?;
        if live { Ok(()) } else { Err(Error::NotFound) }
    }
}

/// Access without a check. The caller has made sure that the user may read.
impl From<UserId> for Access {
    fn from(user: UserId) -> Self {
        Self { user, session: None }
    }
}

/// True if the rows may be shown. The condition does not depend on a row, so the databases evaluate
/// it once per statement.
#[auto_type(no_type_alias)]
pub(crate) fn is_live(access: Access) -> _ {
    let is_checked: bool = access.session.is_none();
    // The text of the statement is the same without a session, so it is prepared only once.
    let (session, now): (SessionId, Timestamp) = access.session.unwrap_or((SessionId(0), Timestamp::EPOCH));
    let session: i64 = session.0;
    let user: UserId = access.user;
    let live: live_of = live_of(user, now);
    is_checked.into_sql::<Bool>().or(exists(live.filter(sessions::id.eq(session))))
}
