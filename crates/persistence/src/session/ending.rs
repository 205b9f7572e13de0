//! How sessions end before they expire.

use daybook_domain::{EndReason, EventKind, Origin, SessionId, Timestamp, UserId};
use diesel::prelude::*;

use super::live_of;
use crate::event::{Entry, insert};
use crate::schema::{sessions, users};
use crate::time::At;
use crate::unit::transaction;
use crate::{Database, Error};

/// For so many seconds an ended session is remembered, so that a client that comes back is told why.
const REMEMBERED_SECONDS: i64 = 24 * 60 * 60;

/// What sessions end of.
pub(crate) struct Ending<'a> {
    user: UserId,
    reason: EndReason,
    origin: &'a Origin,
    now: Timestamp,
}

impl<'a> Ending<'a> {
    pub(crate) fn new(user: UserId, reason: EndReason, origin: &'a Origin, now: Timestamp) -> Self {
        Self { user, reason, origin, now }
    }

    pub(crate) fn change(&self) -> Change {
        Change {
            ended_at: At(self.now),
            end_reason: self.reason.name(),
            expires_at: At(self.now.plus_seconds(REMEMBERED_SECONDS)),
        }
    }

    pub(crate) fn entry(&self, session: i64) -> Entry {
        let entry = |kind| Entry::new(self.user, kind, self.origin, self.now).in_session(SessionId(session));
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

/// Ends these sessions and writes an event for each; gives their ids.
macro_rules! end_sessions {
    ($c:ident, $sessions:expr, $ending:expr) => {{
        let ending = $ending;
        let update = diesel::update($sessions).set(ending.change()).returning($crate::schema::sessions::id);
        let ids: Vec<i64> = $c.all(update).await?;
        for id in &ids {
            $c.execute($crate::event::insert(ending.entry(*id))).await?;
        }
        ids.into_iter().map(daybook_domain::SessionId).collect::<Vec<_>>()
    }};
}

pub(crate) use end_sessions;

impl Database {
    /// Ends one of the user's sessions.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none with this id that lives, or it is somebody else's.
    pub async fn end_session(
        &self,
        user: UserId,
        session: SessionId,
        reason: EndReason,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(), Error> {
        transaction!(self, |c| {
            let target = live_of(user, now).filter(sessions::id.eq(session.0));
            let ended = end_sessions!(c, target, Ending::new(user, reason, &origin, now));
            Error::not_found_if_none(ended.len())
        })
    }

    /// Ends all of the user's sessions, and makes every token without a session void; gives the ids of those that lived.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn end_all_sessions(
        &self,
        user: UserId,
        current: Option<SessionId>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, Error> {
        transaction!(self, |c| {
            // First, as this locks the user's row: no login comes in between.
            let account = users::table.find(user.0);
            c.execute(diesel::update(account).set(users::legacy_logout_at.eq(At(now)))).await?;
            let entry = Entry::new(user, EventKind::Logout, &origin, now).in_session(current);
            c.execute(insert(entry.because(EndReason::LogoutAll))).await?;
            let ending = Ending::new(user, EndReason::LogoutAll, &origin, now);
            Ok(end_sessions!(c, live_of(user, now), ending))
        })
    }

    /// Makes every token of the user void that has no session: they cannot be told apart, and live for half an hour at the most.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn end_legacy_tokens(&self, user: UserId, origin: Origin, now: Timestamp) -> Result<(), Error> {
        transaction!(self, |c| {
            let account = users::table.find(user.0);
            c.execute(diesel::update(account).set(users::legacy_logout_at.eq(At(now)))).await?;
            c.execute(insert(Entry::new(user, EventKind::Logout, &origin, now))).await?;
            Ok(())
        })
    }
}
