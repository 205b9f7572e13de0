//! Deletes outdated rows of all accounts. Each function deletes one batch.
//!
//! The walks follow a primary key, because an index by time would slow down each login. The
//! position of a walk is the last id that it has passed.

use daybook_domain::{Day, Timestamp};
use diesel::alias;
use diesel::dsl::{not, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::batch::{Batch, ROWS_MAX};
use crate::error::Error;
use crate::event;
use crate::handle::WriteHandle;
use crate::schema::{events, rotations, sessions, usage, usage_of_all};
use crate::server_time::ServerTime;
use crate::session::GRACE_SECONDS;
use crate::time::At;

/// The number of days for which usage is kept: 13 months, so that a month can be compared with the
/// same month of the previous year.
const USAGE_DAYS: i64 = 400;

/// The time for which an expired session is kept, in seconds. Until then, its refresh token still
/// makes a client known, which strangers cannot lock out. It is as long as events are kept.
const EXPIRED_SECONDS: i64 = event::KEPT_SECONDS;

/// Deletes events that are no longer kept, except the logins that make an address known, because an
/// owner may be away for longer. The account's own next login or refresh deletes those. The walk
/// ends at the first batch without an old event, because ids grow with time.
pub(crate) async fn delete_events(
    c: &mut impl WriteHandle,
    position: i64,
    now: Timestamp,
) -> Result<Batch, Error> {
    let until = now.plus_seconds(-event::KEPT_SECONDS);
    let passed = events::table.filter(events::id.gt(position)).order(events::id).limit(ROWS_MAX);
    let passed: Vec<(i64, At)> = c.all(passed.select((events::id, events::created_at))).await?;
    let Some((last, _)) = passed.last().filter(|_| passed.iter().any(|(_, at)| at.0 < until)) else {
        return Ok(Batch { deleted: 0, next: None });
    };
    let logins = alias!(events as logins);
    // Null if all logins of the account are known.
    let first_known = logins
        .filter(logins.field(events::user_id).eq(events::user_id))
        .filter(sql::<Bool>(event::IS_LOGIN))
        .order(logins.field(events::id).desc())
        .select(logins.field(events::id))
        .offset(event::KNOWN_LOGINS - 1)
        .limit(1)
        .single_value();
    let outdated = events::table
        .filter(events::id.gt(position))
        .filter(events::id.le(*last))
        .filter(events::created_at.lt(At(until)))
        .filter(not(sql::<Bool>(event::IS_LOGIN)).or(events::id.nullable().lt(first_known)));
    let deleted = c.execute(diesel::delete(outdated)).await?;
    Ok(Batch { deleted, next: next(*last, passed.len()) })
}

/// Deletes sessions that expired long ago, and outdated rotations of all sessions. An ended session
/// expires a day after its end. The walk passes all sessions, because each has its own lifetime.
pub(crate) async fn delete_sessions(
    c: &mut impl WriteHandle,
    position: i64,
    now: Timestamp,
) -> Result<Batch, Error> {
    let passed = sessions::table.filter(sessions::id.gt(position)).order(sessions::id).limit(ROWS_MAX);
    let passed: Vec<(i64, At)> = c.all(passed.select((sessions::id, sessions::expires_at))).await?;
    let Some((last, _)) = passed.last() else { return Ok(Batch { deleted: 0, next: None }) };
    let outdated = rotations::table
        .filter(rotations::session_id.gt(position))
        .filter(rotations::session_id.le(*last))
        .filter(rotations::rotated_at.le(ServerTime::ago(now, GRACE_SECONDS)));
    let outdated = outdated.limit(ROWS_MAX).select(rotations::refresh_token);
    let outdated: Vec<Vec<u8>> = c.all(outdated).await?;
    let mut deleted = outdated.len();
    if deleted > 0 {
        c.execute(diesel::delete(rotations::table.filter(rotations::refresh_token.eq_any(outdated)))).await?;
    }
    if deleted as i64 == ROWS_MAX {
        // There may be more of them, so the next batch begins at the same session.
        return Ok(Batch { deleted, next: Some(position) });
    }
    let until = now.plus_seconds(-EXPIRED_SECONDS);
    if passed.iter().any(|(_, expires_at)| expires_at.0 <= until) {
        // The condition is checked again, because a refresh may have extended a session.
        let expired = sessions::table
            .filter(sessions::id.gt(position))
            .filter(sessions::id.le(*last))
            .filter(sessions::expires_at.le(At(until)));
        deleted += c.execute(diesel::delete(expired)).await?;
    }
    Ok(Batch { deleted, next: next(*last, passed.len()) })
}

/// Deletes usage of days that are no longer kept. The walk passes all users with usage.
pub(crate) async fn delete_usage(
    c: &mut impl WriteHandle,
    position: i64,
    now: Timestamp,
) -> Result<Batch, Error> {
    let first_kept = Day::of(now).number() - USAGE_DAYS;
    let passed = usage::table.filter(usage::user_id.gt(position)).order((usage::user_id, usage::day));
    let passed: Vec<(i64, i64)> = c.all(passed.limit(ROWS_MAX).select((usage::user_id, usage::day))).await?;
    let mut deleted = 0;
    if position == 0 {
        // A row for each day, so there are few of them.
        let of_all = usage_of_all::table.filter(usage_of_all::day.lt(first_kept));
        deleted += c.execute(diesel::delete(of_all)).await?;
    }
    let Some((last, _)) = passed.last() else { return Ok(Batch { deleted, next: None }) };
    // The last user may have more days than were selected. There is one row for each day, so the
    // statement is still short.
    let outdated = usage::table
        .filter(usage::user_id.gt(position))
        .filter(usage::user_id.le(*last))
        .filter(usage::day.lt(first_kept));
    deleted += c.execute(diesel::delete(outdated)).await?;
    Ok(Batch { deleted, next: next(*last, passed.len()) })
}

/// Returns the position of the next batch. A batch with fewer rows than its limit was the last one.
fn next(last: i64, passed: usize) -> Option<i64> {
    (passed as i64 == ROWS_MAX).then_some(last)
}
