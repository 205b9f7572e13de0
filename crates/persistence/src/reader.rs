//! Who reads, and the condition under which they may.

use daybook_domain::{SessionId, Timestamp, UserId};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::schema::sessions;
use crate::session::live_of;

/// A user who reads their own rows.
///
/// In a session, they find nothing unless it lives, and that is asked in the statement that reads. It costs less than a statement of
/// its own: on PostgreSQL about a fifth of a page of notes.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    pub(crate) user: UserId,
    session: Option<(SessionId, Timestamp)>,
}

impl Reader {
    /// A user who may read as long as this session has neither ended nor, now, expired.
    #[must_use]
    pub fn in_session(user: UserId, session: SessionId, now: Timestamp) -> Self {
        Self { user, session: Some((session, now)) }
    }
}

/// A user who may read, as somebody else has made sure of.
impl From<UserId> for Reader {
    fn from(user: UserId) -> Self {
        Self { user, session: None }
    }
}

/// Whether this reader may read. A condition of the statement as a whole: databases look at it once and not for each row.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn may(reader: Reader) -> _ {
    let is_known: bool = reader.session.is_none();
    let (session, now): (SessionId, Timestamp) = reader.session.unwrap_or((SessionId(0), Timestamp::EPOCH));
    let session: i64 = session.0;
    let user: UserId = reader.user;
    let live: live_of = live_of(user, now);
    is_known.into_sql::<Bool>().or(exists(live.filter(sessions::id.eq(session))))
}

/// Leaves the body with `NotFound` if these rows are none because the reader's session has ended.
macro_rules! tell_none_from_ended {
    ($c:ident, $reader:ident, $rows:ident) => {
        if $rows.is_empty() && !$c.one::<bool, _>(diesel::select($crate::reader::may($reader))).await? {
            return Err($crate::Error::NotFound);
        }
    };
}

pub(crate) use tell_none_from_ended;
