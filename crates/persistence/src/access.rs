//! Who may read or change a user's rows, and the SQL condition that checks it.

use daybook_domain::{Actor, Proof, SessionId, Timestamp, UserId};
use diesel::backend::Backend;
use diesel::dsl::{auto_type, exists};
use diesel::expression::{AppearsOnTable, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;

use crate::database::Database;
use crate::error::Error;
use crate::handle::ReadHandle;
use crate::live::{live_of, unchanged_since};
use crate::schema::sessions;
use crate::unit::read;

/// A user who reads or changes their own rows, with the proof that they may.
///
/// The statement that reads or changes the rows also checks the proof. So a write is rejected even
/// if the session ended a moment before. A separate statement for this check would cost more. On
/// PostgreSQL it would add about a fifth to the cost of a page of notes.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    pub(crate) user: UserId,
    proof: Proof,
    now: Timestamp,
}

impl Access {
    /// Returns access with this proof. A session must not have expired at `now`.
    #[must_use]
    pub fn new(user: UserId, proof: Proof, now: Timestamp) -> Self {
        Self { user, proof, now }
    }

    /// Returns access for a session. The statement succeeds only if the session has neither ended
    /// nor expired at `now`.
    #[must_use]
    pub fn in_session(user: UserId, session: SessionId, now: Timestamp) -> Self {
        Self::new(user, Proof::Session(session), now)
    }

    /// Returns the same access for a statement that runs at this time.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    /// The user, for logs and limits. A query takes the whole access.
    #[must_use]
    pub fn user(self) -> UserId {
        self.user
    }

    /// Returns the access of the statements after one that has revoked all legacy tokens of the
    /// user. Such a token can be checked only before.
    pub(crate) fn without_legacy_token(self) -> Self {
        match self.proof {
            Proof::LegacyToken(_) => self.user.into(),
            Proof::Session(_) | Proof::Unchecked => self,
        }
    }

    /// Returns the condition of a read. Checks a token without a session first, by a statement of
    /// its own.
    ///
    /// Few requests have such a token. With the condition for it, the others would be slower: on
    /// PostgreSQL, the read of a note by 7 %.
    pub(crate) async fn may_read(self, c: &mut impl ReadHandle) -> Result<Anywhere<is_live>, Error> {
        if matches!(self.proof, Proof::LegacyToken(_)) {
            self.require(c).await?;
        }
        Ok(Anywhere(is_live(self, !matches!(self.proof, Proof::Session(_)))))
    }

    /// Returns `NotFound` unless the proof is valid. A read calls this if it found no row, because
    /// an invalid proof has the same effect.
    pub(crate) async fn require(self, c: &mut impl ReadHandle) -> Result<(), Error> {
        let valid: bool = c.one(diesel::select(may(self))).await?;
        if valid { Ok(()) } else { Err(Error::NotFound) }
    }
}

/// Access without a proof. The caller has made sure that the user may read and write. A write still
/// checks that the account is open.
impl From<UserId> for Access {
    fn from(user: UserId) -> Self {
        Self::new(user, Proof::Unchecked, Timestamp::EPOCH)
    }
}

impl From<&Actor> for Access {
    fn from(actor: &Actor) -> Self {
        Self::new(actor.user, actor.proof, actor.now)
    }
}

impl Database {
    /// Checks the proof of an access without reading or changing rows. Needed only before a call to
    /// another service, because all statements check their access.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the session has ended or expired, or the token was revoked.
    pub async fn check_access(&self, access: Access) -> Result<(), Error> {
        read!(self, |c| access.require(c).await)
    }
}

/// True if the proof is valid and the account is open, for writes. The databases evaluate the
/// condition once per statement, because it does not depend on a row. A closed account has no live
/// session.
///
/// A transaction that may wait after its first check has this condition again in its last
/// statement. On PostgreSQL, a statement that waits for a row does not see a logout that is
/// committed meanwhile. A later statement does.
pub(crate) fn may(access: Access) -> Anywhere<is_valid> {
    Anywhere(is_valid(access))
}

/// The id of no row, because ids start at 1. Proofs of other kinds use it. The text of a statement
/// is therefore the same for all proofs, and is prepared once.
const NONE: i64 = 0;

/// True if the session is live, or the caller has checked the proof.
#[auto_type]
fn is_live(access: Access, is_checked: bool) -> _ {
    let session: i64 = match access.proof {
        Proof::Session(session) => session.0,
        Proof::Unchecked | Proof::LegacyToken(_) => NONE,
    };
    let (user, now): (UserId, Timestamp) = (access.user, access.now);
    let live: live_of = live_of(user, now);
    is_checked.into_sql::<Bool>().or(exists(live.filter(sessions::id.eq(session))))
}

#[auto_type]
fn is_valid(access: Access) -> _ {
    let (holder, issued_at): (i64, Timestamp) = match access.proof {
        Proof::LegacyToken(issued_at) => (access.user.0, issued_at),
        // No change is later, so only the account must be open.
        Proof::Unchecked => (access.user.0, Timestamp::MAX),
        Proof::Session(_) => (NONE, Timestamp::EPOCH),
    };
    let live: is_live = is_live(access, false);
    let holder: UserId = UserId(holder);
    let unchanged: unchanged_since = unchanged_since(holder, issued_at);
    live.or(exists(unchanged))
}

/// A condition that consists of subqueries. It refers to no table around it, so it may stand in a
/// statement on any table, even on one that the subqueries read.
#[derive(Debug, Clone, Copy, QueryId)]
pub(crate) struct Anywhere<E>(E);

impl<E: Expression> Expression for Anywhere<E> {
    type SqlType = E::SqlType;
}

impl<E: Expression, Source> AppearsOnTable<Source> for Anywhere<E> {}

impl<E: Expression, Source> SelectableExpression<Source> for Anywhere<E> {}

impl<E, Grouping> ValidGrouping<Grouping> for Anywhere<E> {
    type IsAggregate = is_aggregate::Never;
}

impl<DB: Backend, E: QueryFragment<DB>> QueryFragment<DB> for Anywhere<E> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }
}
