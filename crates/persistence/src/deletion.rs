//! Deletes accounts. Each account is closed first, and its rows are then deleted in batches.

use daybook_domain::{Actor, SessionId, Timestamp, UserId};
use diesel::prelude::*;

use crate::access::Access;
use crate::account::lock_for_deletion;
use crate::batch::{Batch, Remaining};
use crate::credentials::{Credentials, account_if_unchanged};
use crate::database::Database;
use crate::error::Error;
use crate::handle::{ReadHandle, WriteHandle};
use crate::large::octet_length;
use crate::live::live_of;
use crate::prepared::Prepared;
use crate::schema::{events, notes, rotations, sessions, summaries, tasks, users};
use crate::session::EndedSessions;
use crate::time::At;
use crate::unit::transaction;

impl Database {
    /// Deletes the account with all its rows. Returns its live sessions, which have ended.
    ///
    /// One short transaction closes the account. From then on no request reaches it, and its
    /// address and username can be registered again. The rows are deleted in batches, because a
    /// single statement for many rows would exceed its timeout, or delay the writes of all other
    /// users. This method deletes the first batch, which is the whole account in most cases.
    /// [`Cleanup::ClosedAccounts`](crate::Cleanup::ClosedAccounts) deletes the others.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the account does not exist, its password is no longer the verified
    /// one, or the actor's session has ended.
    pub async fn delete_user(&self, actor: &Actor, verified: Credentials) -> Result<EndedSessions, Error> {
        let user = verified.user;
        let ended = self.close_account(actor, verified).await?;
        let first: Result<_, Error> = transaction!(self, |c| delete_rows(c, user).await);
        if let Err(error) = first {
            // The account is closed, so a retry of the request would find nothing to delete.
            tracing::warn!(%error, user_id = user.0, "a closed account waits for its deletion");
        }
        Ok(ended)
    }

    /// Ends the sessions of the account, and removes all personal data from its row.
    async fn close_account(&self, actor: &Actor, verified: Credentials) -> Result<EndedSessions, Error> {
        let (access, own, now) = (Access::from(actor), actor.session(), actor.now);
        transaction!(self, |c| {
            let user = verified.user;
            // Lock order: user, sessions, as in `open_session`, so the two cannot deadlock. The new
            // names need the stronger lock.
            lock_for_deletion(c, user).await?;
            access.require(c).await?;
            // Without their families, refresh tokens are unknown, as after the deletion.
            let end = (
                sessions::ended_at.eq(At(now)),
                sessions::family.eq(None::<Vec<u8>>),
                sessions::refresh_token.eq(None::<Vec<u8>>),
            );
            let end = diesel::update(live_of(user, now)).set(end).returning(sessions::id);
            let ids: Vec<i64> = c.all(Prepared(end)).await?;
            let ids: Vec<_> = ids.into_iter().map(SessionId).collect();
            // A logout may have ended the actor's session while the deletion waited for its row.
            if own.is_some_and(|session| !ids.contains(&session)) {
                return Err(Error::NotFound);
            }
            let account = diesel::update(account_if_unchanged(&verified)).set(closed(&verified, now));
            Error::not_found_if_none(c.execute(Prepared(account)).await?)?;
            Ok(EndedSessions { user, reason: None, ids })
        })
    }
}

#[derive(AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true)]
struct Closed {
    email: String,
    email_key: String,
    username: String,
    username_key: String,
    password_hash: String,
    password_changed_at: At,
    last_login_at: Option<At>,
    legacy_logout_at: Option<At>,
    updated_at: At,
    closed_at: Option<At>,
}

/// Returns the values of the row of a closed account. An instance of the previous version does not
/// know that accounts can be closed. These values keep it from using the account, too.
fn closed(verified: &Credentials, now: Timestamp) -> Closed {
    // A key has no capital letter of ASCII, so no text that a client types has this key.
    let name = format!("CLOSED {}", verified.user.0);
    Closed {
        email: name.clone(),
        email_key: name.clone(),
        username: name.clone(),
        username_key: name,
        // No password has this hash.
        password_hash: String::new(),
        // A later time also revokes the tokens without a session, and stops logins in progress.
        password_changed_at: At(now.max(verified.password_changed_at.plus_micros(1))),
        last_login_at: None,
        legacy_logout_at: None,
        updated_at: At(now),
        closed_at: Some(At(now)),
    }
}

/// Deletes a batch of rows of the account that was closed first, at this position or later. The
/// position is the time in microseconds.
pub(crate) async fn delete_first_closed(c: &mut impl WriteHandle, position: i64) -> Result<Batch, Error> {
    let Some((user, closed_at)) = first_closed(c, position).await? else {
        return Ok(Batch { deleted: 0, next: None });
    };
    Ok(match delete_rows(c, user).await? {
        // The next batch finds the next account by itself.
        Some(deleted) => Batch { deleted, next: Some(closed_at.as_micros()) },
        // Another instance deletes rows of this account.
        None => Batch { deleted: 0, next: Some(after(closed_at)) },
    })
}

/// Returns the position after the account that was closed first, at this position or later.
pub(crate) async fn after_first_closed(c: &mut impl ReadHandle, position: i64) -> Result<Option<i64>, Error> {
    Ok(first_closed(c, position).await?.map(|(_, closed_at)| after(closed_at)))
}

async fn first_closed(c: &mut impl ReadHandle, position: i64) -> Result<Option<(UserId, Timestamp)>, Error> {
    let from = Timestamp::from_micros(position).ok_or_else(|| Error::internal("no such position"))?;
    let closed = users::table.filter(users::closed_at.ge(At(from))).order(users::closed_at.asc());
    let first = closed.select((users::id, users::closed_at.assume_not_null())).limit(1);
    let first: Option<(i64, At)> = c.optional(first).await?;
    Ok(first.map(|(id, At(closed_at))| (UserId(id), closed_at)))
}

fn after(closed_at: Timestamp) -> i64 {
    closed_at.plus_micros(1).as_micros()
}

/// Deletes one batch of rows of a closed account, and the account itself if the batch has room for
/// all of them. Returns the number of rows, or `None` if another instance holds the lock.
async fn delete_rows(c: &mut impl WriteHandle, user: UserId) -> Result<Option<usize>, Error> {
    // Negative, because the keys of other locks are positive.
    if !c.try_begin_batch(-user.0).await? {
        return Ok(None);
    }
    let mut remaining = Remaining::default();
    if delete_owned(c, user, &mut remaining).await? {
        // The cascade deletes the days of usage, of which there is a limited number. It also
        // deletes rows of statements that began before the account was closed and ended after it.
        let account = users::table.find(user.0).filter(users::closed_at.is_not_null());
        remaining.count(c.execute(diesel::delete(account)).await?);
    }
    Ok(Some(remaining.deleted))
}

/// Deletes the first rows of a table that fit into the batch. Its value is true if the table has no
/// more rows of the account.
macro_rules! delete_first {
    ($c:ident, $remaining:ident, $owned:expr, $id:path, order $order:expr, text $text:expr) => {{
        let first = $owned.order($order).limit($remaining.rows).select(($id, octet_length($text)));
        let first: Vec<(i64, Option<i32>)> = $c.all(first).await?;
        let selection = $remaining.select(&first);
        if !selection.ids.is_empty() {
            $c.execute(diesel::delete($owned.filter($id.eq_any(selection.ids)))).await?;
        }
        selection.is_all
    }};
}

/// Deletes the first rows of the account. Returns true if no row is left in any of these tables.
///
/// Summaries come before notes, because a cascade would delete all summaries of a note at once.
/// Each order is that of an index.
async fn delete_owned(
    c: &mut impl WriteHandle,
    user: UserId,
    remaining: &mut Remaining,
) -> Result<bool, Error> {
    let of_user = summaries::table.filter(summaries::user_id.eq(user.0));
    let order = (summaries::note_id, summaries::id);
    let is_empty =
        delete_first!(c, remaining, of_user, summaries::id, order order, text summaries::text.nullable());
    let of_user = notes::table.filter(notes::user_id.eq(user.0));
    let is_empty = is_empty
        && delete_first!(c, remaining, of_user, notes::id, order notes::id, text notes::content.nullable());
    let of_user = tasks::table.filter(tasks::user_id.eq(user.0));
    let is_empty = is_empty
        && delete_first!(c, remaining, of_user, tasks::id, order tasks::id, text tasks::content.nullable());
    let of_user = events::table.filter(events::user_id.eq(user.0));
    let is_empty = is_empty
        && delete_first!(c, remaining, of_user, events::id, order events::id, text events::user_agent);
    Ok(is_empty && delete_sessions(c, user, remaining).await?)
}

/// Deletes the first sessions of the account, after their rotations.
async fn delete_sessions(
    c: &mut impl WriteHandle,
    user: UserId,
    remaining: &mut Remaining,
) -> Result<bool, Error> {
    let of_user = sessions::table.filter(sessions::user_id.eq(user.0));
    let first = of_user.order(sessions::expires_at).limit(remaining.rows).select(sessions::id);
    let first: Vec<i64> = c.all(first).await?;
    let of_first = rotations::table.filter(rotations::session_id.eq_any(first));
    let tokens: Vec<Vec<u8>> = c.all(of_first.limit(remaining.rows).select(rotations::refresh_token)).await?;
    remaining.count(tokens.len());
    if !tokens.is_empty() {
        c.execute(diesel::delete(rotations::table.filter(rotations::refresh_token.eq_any(tokens)))).await?;
    }
    let order = sessions::expires_at;
    Ok(delete_first!(c, remaining, of_user, sessions::id, order order, text sessions::user_agent))
}
