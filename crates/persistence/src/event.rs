//! Events: what happened to accounts.

use std::net::IpAddr;

use daybook_domain::{
    Cursor, EndReason, Event, EventId, EventKind, Origin, Page, PageRequest, SessionId, Timestamp, UserId,
};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::InsertStatement;
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;

use crate::schema::events;
use crate::time::At;
use crate::unit::{execute, read};
use crate::{Database, Error};

/// For how many seconds events are kept: as long as a session lasts unless it is told otherwise, so that its login can be
/// looked up while it lives.
const KEPT_SECONDS: i64 = 90 * 24 * 60 * 60;

/// How many outdated events a login or a refresh removes at the most: more than it adds, few enough not to be noticed.
pub(crate) const REMOVED_AT_ONCE: i64 = 20;

/// How many of the last logins say from where a user is known.
const KNOWN_FROM: i64 = 50;

/// An event that is about to be stored.
#[derive(Insertable)]
#[diesel(table_name = events)]
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
    pub(crate) fn new(user: UserId, kind: EventKind, origin: &Origin, now: Timestamp) -> Self {
        Self {
            user_id: user.0,
            kind: kind.name(),
            reason: None,
            session_id: None,
            ip: origin.ip.map(|ip| ip.to_string()),
            user_agent: origin.user_agent.clone(),
            created_at: At(now),
        }
    }

    pub(crate) fn in_session(self, session: impl Into<Option<SessionId>>) -> Self {
        Self { session_id: session.into().map(|session| session.0), ..self }
    }

    pub(crate) fn because(self, reason: EndReason) -> Self {
        Self { reason: Some(reason.name()), ..self }
    }
}

/// The statement that stores an event.
pub(crate) fn insert(
    entry: Entry,
) -> InsertStatement<events::table, <Entry as Insertable<events::table>>::Values> {
    diesel::insert_into(events::table).values(entry)
}

/// The user's oldest events.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn oldest(user: UserId) -> _ {
    let user_id: i64 = user.0;
    events::table
        .filter(events::user_id.eq(user_id))
        .order(events::id.asc())
        .select((events::id, events::created_at))
}

/// The last of the oldest events that need not be kept any longer.
pub(crate) fn last_outdated(oldest: &[(i64, At)], now: Timestamp) -> Option<i64> {
    let limit = now.plus_seconds(-KEPT_SECONDS);
    oldest.iter().take_while(|(_, at)| at.0 < limit).last().map(|(id, _)| *id)
}

/// The user's events up to one of them.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn up_to(user: UserId, last: i64) -> _ {
    let user_id: i64 = user.0;
    events::table.filter(events::user_id.eq(user_id)).filter(events::id.le(last))
}

/// Removes some of the user's events that need not be kept any longer.
macro_rules! remove_outdated {
    ($c:ident, $user:expr, $now:expr) => {{
        let oldest = $crate::event::oldest($user).limit($crate::event::REMOVED_AT_ONCE);
        let oldest: Vec<(i64, $crate::time::At)> = $c.all(oldest).await?;
        if let Some(last) = $crate::event::last_outdated(&oldest, $now) {
            $c.execute(diesel::delete($crate::event::up_to($user, last))).await?;
        }
    }};
}

pub(crate) use remove_outdated;

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

impl TryFrom<Row> for Event {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: EventId(row.id),
            event: EventKind::from_name(&row.kind).ok_or(Error::internal("an event of an unknown kind"))?,
            reason: row.reason.as_deref().and_then(EndReason::from_name),
            created_at: row.created_at.0,
            session_id: row.session_id.map(SessionId),
            ip: row.ip,
            user_agent: row.user_agent,
        })
    }
}

impl Database {
    /// Stores an event that comes with no other change.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the user is gone.
    pub async fn record_event(
        &self,
        user: UserId,
        kind: EventKind,
        session: Option<SessionId>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<(), Error> {
        execute!(self, |c| {
            c.execute(insert(Entry::new(user, kind, &origin, now).in_session(session))).await?;
            Ok(())
        })
    }

    /// A page of the user's events of the last 90 days, newest first.
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
                .select(Row::as_select());
            let rows: Vec<Row> = c.all(query).await?;
            let found = rows.into_iter().map(Event::try_from).collect::<Result<_, _>>()?;
            Ok(Page::from_overfetch(found, page.limit, |event: &Event| event.id.0))
        })
    }

    /// The addresses of the user's last logins, and of the registration; the newest first, the same one maybe again.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn login_addresses(&self, user: UserId) -> Result<Vec<IpAddr>, Error> {
        read!(self, |c| {
            // Not a parameter: the databases find the index of logins only by these very words.
            let query = events::table
                .filter(events::user_id.eq(user.0))
                .filter(sql::<Bool>("kind IN ('login', 'register')"))
                .order(events::id.desc())
                .limit(KNOWN_FROM)
                .select(events::ip);
            let addresses: Vec<Option<String>> = c.all(query).await?;
            Ok(addresses.into_iter().flatten().filter_map(|ip| ip.parse().ok()).collect())
        })
    }
}
