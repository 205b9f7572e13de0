//! Bounds the events of each account. A client that causes an event with each request would
//! otherwise fill the disk.
//!
//! The conditions are ranges of one user. With `=`, PostgreSQL may read the events of all users in
//! the order of their ids, because it expects that many of them are this user's.

use std::collections::HashMap;

use daybook_domain::EventKind;
use diesel::prelude::*;

use crate::batch::{Batch, ROWS_MAX};
use crate::error::Error;
use crate::handle::{ReadHandle, WriteHandle};
use crate::schema::{events, users};

/// The number of an account's newest events that are kept. A device that refreshes its session
/// every 15 minutes causes 8,640 of them in 90 days.
const NEWEST: i64 = 10_000;

/// Of each kind, this number of the events before the newest ones is kept. So a flood of one kind
/// leaves the events of other kinds, such as a change of the password.
const OF_EACH_KIND: usize = 1_000;

/// The number of accounts that one batch looks at. PostgreSQL passes the newest events of an
/// account in about 4 ms, and SQLite in a tenth of it.
const ACCOUNTS: i64 = 20;

/// The number of an account's oldest events that one batch reads. It is more than are kept of all
/// kinds together, so each batch of a flood deletes as many events as a batch may.
const OLDEST: i64 = (EventKind::ALL.len() * OF_EACH_KIND) as i64 + ROWS_MAX;

/// Deletes surplus events of the first account that has any. The walk passes all accounts in the
/// order of their ids, and its position is the last one that it has passed.
pub(crate) async fn delete_first(c: &mut impl WriteHandle, position: i64) -> Result<Batch, Error> {
    let last_surplus = events::table
        .filter(events::user_id.between(users::id, users::id))
        .order((events::user_id.desc(), events::id.desc()))
        .select(events::id)
        .offset(NEWEST)
        .limit(1)
        .single_value();
    let passed = users::table.filter(users::id.gt(position)).order(users::id).limit(ACCOUNTS);
    let passed: Vec<(i64, Option<i64>)> = c.all(passed.select((users::id, last_surplus))).await?;
    for (user, last_surplus) in &passed {
        if let Some(last_surplus) = last_surplus {
            let deleted = delete(c, *user, *last_surplus).await?;
            // A full batch may have left more, so the next batch begins at the same account.
            let next = if deleted as i64 == ROWS_MAX { user - 1 } else { *user };
            return Ok(Batch { deleted, next: Some(next) });
        }
    }
    let next = passed.last().filter(|_| passed.len() as i64 == ACCOUNTS).map(|(user, _)| *user);
    Ok(Batch { deleted: 0, next })
}

/// Returns the position behind the first account that a batch at this position looks at.
pub(crate) async fn after_first(c: &mut impl ReadHandle, position: i64) -> Result<Option<i64>, Error> {
    let first = users::table.filter(users::id.gt(position)).order(users::id).limit(1);
    Ok(c.optional(first.select(users::id)).await?)
}

/// Deletes the user's oldest events up to `last` that have at least [`OF_EACH_KIND`] newer events
/// of their kind, at most [`ROWS_MAX`].
async fn delete(c: &mut impl WriteHandle, user: i64, last: i64) -> Result<usize, Error> {
    let of_user = || events::table.filter(events::user_id.between(user, user));
    let oldest = of_user().filter(events::id.le(last)).order((events::user_id, events::id)).limit(OLDEST);
    let oldest: Vec<(i64, String)> = c.all(oldest.select((events::id, events::kind))).await?;
    let surplus = surplus(&oldest);
    let Some(last) = surplus.last().copied() else { return Ok(0) };
    // The bound on the id matters if PostgreSQL uses the index for the user alone. It would
    // otherwise read all of the user's events.
    let surplus = of_user().filter(events::id.le(last)).filter(events::id.eq_any(surplus));
    Ok(c.execute(diesel::delete(surplus)).await?)
}

/// Returns the ids of the first events that have at least [`OF_EACH_KIND`] later events of their
/// kind, at most [`ROWS_MAX`].
fn surplus(oldest: &[(i64, String)]) -> Vec<i64> {
    let mut counts = HashMap::<&str, usize>::new();
    for (_, kind) in oldest {
        *counts.entry(kind).or_default() += 1;
    }
    let has_later = |(id, kind): &(i64, String)| {
        let later = counts.get_mut(kind.as_str())?;
        *later -= 1;
        (*later >= OF_EACH_KIND).then_some(*id)
    };
    oldest.iter().filter_map(has_later).take(ROWS_MAX as usize).collect()
}
