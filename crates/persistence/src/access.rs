//! The user whose rows a statement reads or changes, and the condition that the user still may.

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

    /// Returns access for a token without a session. The statement succeeds only if the user has
    /// neither changed the password nor logged out with such a token since `issued_at`.
    #[must_use]
    pub fn with_legacy_token(user: UserId, issued_at: Timestamp) -> Self {
        Self::new(user, Proof::LegacyToken(issued_at), issued_at)
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
            Proof::Session(_) | Proof::Vouched => self,
        }
    }

    /// Returns `NotFound` unless the proof is valid. A read calls this if it found no row, because
    /// an invalid proof has the same effect.
    pub(crate) async fn require(self, c: &mut impl ReadHandle) -> Result<(), Error> {
        let valid: bool = c.one(diesel::select(may(self))).await?;
        if valid { Ok(()) } else { Err(Error::NotFound) }
    }
}

/// Access without a check. The caller has made sure that the user may read and write.
impl From<UserId> for Access {
    fn from(user: UserId) -> Self {
        Self::new(user, Proof::Vouched, Timestamp::EPOCH)
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

/// True if the proof is valid. The databases evaluate the condition once per statement, because it
/// does not depend on a row.
///
/// In a transaction, the first statement has this condition, and the last one has it again. On
/// PostgreSQL, a statement that waits for a row does not see a logout that is committed meanwhile.
/// A later statement does.
pub(crate) fn may(access: Access) -> Anywhere<condition> {
    Anywhere(condition(access))
}

/// The text is the same for all proofs, so each statement is prepared only once. A proof of another
/// kind looks for id 0. Ids start at 1, so it finds no row.
#[auto_type]
fn condition(access: Access) -> _ {
    const NONE: i64 = 0;
    let (vouched, session, holder, issued_at): (bool, i64, i64, Timestamp) = match access.proof {
        Proof::Vouched => (true, NONE, NONE, Timestamp::EPOCH),
        Proof::Session(session) => (false, session.0, NONE, Timestamp::EPOCH),
        Proof::LegacyToken(issued_at) => (false, NONE, access.user.0, issued_at),
    };
    let (user, now): (UserId, Timestamp) = (access.user, access.now);
    let live: live_of = live_of(user, now);
    let holder: UserId = UserId(holder);
    let unchanged: unchanged_since = unchanged_since(holder, issued_at);
    vouched.into_sql::<Bool>().or(exists(live.filter(sessions::id.eq(session)))).or(exists(unchanged))
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
