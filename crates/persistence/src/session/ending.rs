//! Ends sessions before they expire.

use daybook_domain::{Actor, EndReason, EventKind, SessionId, Timestamp, UserId};
use diesel::dsl::{Returning, Update};
use diesel::prelude::*;
use diesel::query_builder::{self, IntoUpdateTarget};

use crate::access::{Access, may};
use crate::account::lock_account_if_open;
use crate::database::Database;
use crate::error::Error;
use crate::event::{self, Entry};
use crate::handle::{Query, WriteHandle};
use crate::live::live_of;
use crate::prepared::Prepared;
use crate::schema::{sessions, users};
use crate::time::At;
use crate::unit::transaction;

/// The time for which an ended session is kept, in seconds. Until then, a client that still uses
/// the session gets the reason why it ended.
const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// The sessions that a method has ended. The caller must log them and announce them to the other
/// instances.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "ended sessions must be logged and announced to the other instances"]
pub struct EndedSessions {
    /// The user of the sessions.
    pub user: UserId,
    /// The reason why they ended, or `None` if the account was deleted.
    pub reason: Option<EndReason>,
    /// The sessions, in no particular order.
    pub ids: Vec<SessionId>,
}

/// The actor who ends sessions, and the reason.
pub(crate) struct Ending {
    actor: Actor,
    reason: EndReason,
}

impl Ending {
    pub(crate) fn new(actor: &Actor, reason: EndReason) -> Self {
        Self { actor: actor.clone(), reason }
    }

    /// Returns the new values of the columns of a session that ends.
    fn change(&self) -> Change {
        Change {
            ended_at: At(self.actor.now),
            end_reason: self.reason.name(),
            expires_at: At(self.actor.now.plus_seconds(KEPT_SECONDS)),
        }
    }

    fn event(&self, session: SessionId) -> Entry {
        let entry = |kind| Entry::new(&self.actor, kind).in_session(session);
        match self.reason {
            EndReason::Logout => entry(EventKind::Logout),
            reason => entry(EventKind::SessionEnded).because(reason),
        }
    }
}

#[derive(AsChangeset)]
#[diesel(table_name = sessions)]
pub(crate) struct Change {
    ended_at: At,
    end_reason: &'static str,
    expires_at: At,
}

/// The statement that ends `Target`. Its type has a name, so that the bounds of [`end_sessions`]
/// can require that both databases run it.
type EndStatement<Target> = Returning<Update<Target, Change>, sessions::id>;

/// Ends these sessions, and stores an event for each of them.
pub(crate) async fn end_sessions<Target>(
    c: &mut impl WriteHandle,
    target: Target,
    ending: &Ending,
) -> Result<EndedSessions, Error>
where
    Target: IntoUpdateTarget<Table = sessions::table, WhereClause: 'static>,
    EndStatement<Target>: query_builder::Query,
    Prepared<EndStatement<Target>>: Query<i64>,
{
    let update = diesel::update(target).set(ending.change()).returning(sessions::id);
    let ids: Vec<i64> = c.all(Prepared(update)).await?;
    let ids: Vec<SessionId> = ids.into_iter().map(SessionId).collect();
    for id in &ids {
        event::record(c, ending.event(*id)).await?;
    }
    Ok(EndedSessions { user: ending.actor.user, reason: Some(ending.reason), ids })
}

impl Database {
    /// Ends one of the actor's sessions. It may be another session than the actor's current one.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the actor has no live session with this id, or the actor's own
    /// session has ended.
    pub async fn end_session(
        &self,
        actor: &Actor,
        session: SessionId,
        reason: EndReason,
    ) -> Result<EndedSessions, Error> {
        let (access, ending) = (Access::from(actor), Ending::new(actor, reason));
        let target = live_of(actor.user, actor.now).filter(sessions::id.eq(session.0)).filter(may(access));
        transaction!(self, |c| {
            // Lock order: user, sessions, as in `open_session`. Without this lock, the event would
            // lock the user after the session. Every logout takes it, so the access that the next
            // statement checks stays valid until the end.
            lock_account_if_open(c, ending.actor.user).await?;
            let ended = end_sessions(c, target, &ending).await?;
            Error::not_found_if_none(ended.ids.len())?;
            Ok(ended)
        })
    }

    /// Ends all sessions of the actor, and revokes all of the actor's tokens that belong to no
    /// session.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the actor's own session has ended, or the account does not exist.
    pub async fn end_all_sessions(&self, actor: &Actor) -> Result<EndedSessions, Error> {
        let ending = Ending::new(actor, EndReason::LogoutAll);
        let (access, user, now) = (Access::from(actor), actor.user, actor.now);
        let logout = Entry::new(actor, EventKind::Logout).because(EndReason::LogoutAll);
        transaction!(self, |c| {
            // This update comes first, because it locks the user's row. So no login opens a session
            // meanwhile. Lock order: user, sessions, as in `open_session`, so the two cannot
            // deadlock.
            revoke_legacy_tokens(c, access, now).await?;
            // The actor's own session is among those that end, so this is the last possible check.
            event::record_if(c, access.without_legacy_token(), logout).await?;
            end_sessions(c, live_of(user, now), &ending).await
        })
    }

    /// Revokes all tokens of the actor that belong to no session. A single token cannot be revoked,
    /// because nothing identifies it. Each token is valid for at most half an hour.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the actor's token was revoked before, or the account does not exist.
    pub async fn end_legacy_tokens(&self, actor: &Actor) -> Result<(), Error> {
        let (access, now) = (Access::from(actor), actor.now);
        let logout = Entry::new(actor, EventKind::Logout);
        transaction!(self, |c| {
            revoke_legacy_tokens(c, access, now).await?;
            // The actor's token is among those that were revoked.
            event::record(c, logout).await
        })
    }
}

/// Revokes all tokens of the user that belong to no session.
async fn revoke_legacy_tokens(c: &mut impl WriteHandle, access: Access, now: Timestamp) -> Result<(), Error> {
    let account = users::table.find(access.user.0).filter(may(access));
    let revoke = diesel::update(account).set(users::legacy_logout_at.eq(At(now)));
    Error::not_found_if_none(c.execute(Prepared(revoke)).await?)
}
