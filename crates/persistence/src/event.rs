//! Events, which are the history of each account, and the addresses of the last logins.

use std::net::IpAddr;

use daybook_domain::{
    Actor, Cursor, EndReason, Event, EventId, EventKind, Listed, Page, PageRequest, SessionId, Timestamp,
    UserId,
};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;

use crate::access::{Access, may};
use crate::database::Database;
use crate::error::Error;
use crate::handle::{ReadHandle, WriteHandle, columns};
use crate::insert_if::insert_if;
use crate::schema::events;
use crate::time::At;
use crate::unit::{execute, read};

/// The time for which events are kept, in seconds. It is as long as the default lifetime of a
/// session, so that the owner can look up the login of a live session.
pub(crate) const KEPT_SECONDS: i64 = 90 * 24 * 60 * 60;

/// The maximum number of outdated events that one login or refresh deletes. It is more than a login
/// or refresh adds, and small enough not to delay it.
const DELETED_MAX: i64 = 20;

/// The number of recent logins that make an address known.
pub(crate) const KNOWN_LOGINS: i64 = 50;

/// The condition for logins. Literal SQL: the databases use the partial index of logins only if the
/// condition has the same text as in the index.
pub(crate) const IS_LOGIN: &str = "kind IN ('login', 'register')";

/// An event to be stored.
pub(crate) struct Entry {
    user_id: i64,
    kind: &'static str,
    reason: Option<&'static str>,
    session_id: Option<i64>,
    ip: Option<String>,
    user_agent: Option<String>,
    created_at: At,
}

impl Entry {
    /// Returns an event in the actor's session.
    pub(crate) fn new(actor: &Actor, kind: EventKind) -> Self {
        Self {
            user_id: actor.user.0,
            kind: kind.name(),
            reason: None,
            session_id: actor.session().map(|session| session.0),
            ip: actor.origin.ip.map(|ip| ip.to_string()),
            user_agent: actor.origin.user_agent.clone(),
            created_at: At(actor.now),
        }
    }

    /// Returns the same event in another session.
    pub(crate) fn in_session(self, session: SessionId) -> Self {
        Self { session_id: Some(session.0), ..self }
    }

    pub(crate) fn because(self, reason: EndReason) -> Self {
        Self { reason: Some(reason.name()), ..self }
    }
}

/// Stores an event.
pub(crate) async fn record(c: &mut impl WriteHandle, entry: Entry) -> Result<(), Error> {
    record_if(c, UserId(entry.user_id).into(), entry).await
}

/// Stores an event if the access is valid, and otherwise returns `NotFound`. As the last statement
/// of a transaction it also sees a logout for which an earlier statement has waited.
pub(crate) async fn record_if(c: &mut impl WriteHandle, access: Access, entry: Entry) -> Result<(), Error> {
    let insert = insert_if!(may(access), events {
        user_id => entry.user_id,
        kind => entry.kind,
        reason => entry.reason,
        session_id => entry.session_id,
        ip => entry.ip,
        user_agent => entry.user_agent,
        created_at => entry.created_at,
    });
    Error::not_found_if_none(c.execute(insert).await?)
}

/// Deletes at most [`DELETED_MAX`] of the user's outdated events.
pub(crate) async fn delete_outdated(
    c: &mut impl WriteHandle,
    user: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    let oldest = events::table
        .filter(events::user_id.eq(user.0))
        .order(events::id.asc())
        .select((events::id, events::created_at))
        .limit(DELETED_MAX);
    let oldest: Vec<(i64, At)> = c.all(oldest).await?;
    if let Some(last) = last_outdated(&oldest, now) {
        let outdated = events::table.filter(events::user_id.eq(user.0)).filter(events::id.le(last));
        c.execute(diesel::delete(outdated)).await?;
    }
    Ok(())
}

/// Returns the id of the last event to delete. The deletion covers all ids up to it, so it stops
/// before the first event that is still kept.
fn last_outdated(oldest: &[(i64, At)], now: Timestamp) -> Option<i64> {
    let limit = now.plus_seconds(-KEPT_SECONDS);
    oldest.iter().take_while(|(_, at)| at.0 < limit).last().map(|(id, _)| *id)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(Pg, Sqlite))]
struct Row {
    id: i64,
    kind: String,
    reason: Option<String>,
    session_id: Option<i64>,
    ip: Option<String>,
    user_agent: Option<String>,
    created_at: At,
}

impl Row {
    /// Returns the event, or `None` if a newer version of the service has stored it and this
    /// version does not know its kind.
    fn known(self) -> Option<Event> {
        Some(Event {
            id: EventId(self.id),
            event: EventKind::from_name(&self.kind)?,
            reason: self.reason.as_deref().and_then(EndReason::from_name),
            created_at: self.created_at.0,
            session_id: self.session_id.map(SessionId),
            ip: self.ip,
            user_agent: self.user_agent,
        })
    }
}

/// The pages count events of unknown kinds too, so `next` leads on behind them.
impl Listed for Row {
    fn cursor(&self) -> Cursor {
        Cursor::after(self.id)
    }
}

impl Database {
    /// Stores an event that belongs to no other change, such as a failed login.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the account does not exist.
    pub async fn record_event(&self, actor: &Actor, kind: EventKind) -> Result<(), Error> {
        let entry = Entry::new(actor, kind);
        execute!(self, |c| record(c, entry).await)
    }

    /// Returns a page of the user's events of the last 90 days that are still stored, newest first.
    ///
    /// Events of kinds that only a newer version knows are left out. So a page may have fewer
    /// events than its limit, even none, and still have a next page.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn events(
        &self,
        user: UserId,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Page<Event>, Error> {
        read!(self, |c| {
            let below = page.cursor.map_or(i64::MAX, Cursor::id);
            let query = events::table
                .filter(events::user_id.eq(user.0))
                .filter(events::id.lt(below))
                .filter(events::created_at.ge(At(now.plus_seconds(-KEPT_SECONDS))))
                .order(events::id.desc())
                .limit(page.limit.items() as i64 + 1)
                .select(columns::<Row>());
            let rows: Vec<Row> = c.all(query).await?;
            let Page { items, next } = Page::from_overfetch(rows, page.limit);
            Ok(Page { items: items.into_iter().filter_map(Row::known).collect(), next })
        })
    }

    /// Returns the addresses of the user's last 50 logins, newest first. The registration counts as
    /// a login. An address may occur more than once.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn login_addresses(&self, user: UserId) -> Result<Vec<IpAddr>, Error> {
        read!(self, |c| {
            let query = events::table
                .filter(events::user_id.eq(user.0))
                .filter(sql::<Bool>(IS_LOGIN))
                .order(events::id.desc())
                .limit(KNOWN_LOGINS)
                .select(events::ip);
            let addresses: Vec<Option<String>> = c.all(query).await?;
            Ok(addresses.into_iter().flatten().filter_map(|ip| ip.parse().ok()).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_outdated_stops_at_the_first_event_that_is_kept() {
        let now = Timestamp::now();
        let old = At(now.plus_seconds(-KEPT_SECONDS - 1));
        let edge = At(now.plus_seconds(-KEPT_SECONDS));
        let new = At(now);
        for (oldest, expected) in [
            (vec![], None),
            (vec![(1, new)], None),
            (vec![(1, edge)], None),
            (vec![(1, old)], Some(1)),
            (vec![(1, old), (4, old), (5, new)], Some(4)),
            (vec![(1, old), (4, new), (5, old)], Some(1)),
            (vec![(1, new), (4, old)], None),
        ] {
            assert_eq!(last_outdated(&oldest, now), expected, "{oldest:?}");
        }
    }
}
