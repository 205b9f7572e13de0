//! Reserves tokens within the budget of a day, charges them, and lists a user's usage.

use daybook_domain::{Cursor, Day, Page, PageRequest, Spent, Timestamp, Usage, UserId};
use diesel::dsl::auto_type;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::access::Access;
use crate::budget::{Budget, OverBudget, Used};
use crate::database::Database;
use crate::error::Error;
use crate::handle::{ReadHandle, WriteHandle, columns};
use crate::prepared::Prepared;
use crate::schema::{reservations, usage, usage_of_all};
use crate::unit::{read, transaction};

/// Reserved tokens. Settling the reservation charges the used tokens and releases the rest. A
/// reservation that is never settled counts as used for the rest of its day.
///
/// A reservation can be settled once. To settle it again changes nothing, so it is safe after
/// [`Error::Unavailable`], when the first settlement may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a reservation that is not settled counts as used"]
pub struct Reservation {
    id: i64,
    user: UserId,
    day: Day,
    tokens: i64,
}

/// The number of days after which the rows of reservations that were never settled are deleted. A
/// summary takes minutes, so those of yesterday may still be settled.
const KEPT_DAYS: i64 = 2;

#[derive(Queryable, Selectable)]
#[diesel(table_name = usage, check_for_backend(Pg, Sqlite))]
struct Row {
    day: i64,
    summaries: i64,
    calls: i64,
    input_tokens: i64,
    output_tokens: i64,
    cost_micros: i64,
}

impl From<Row> for Usage {
    fn from(row: Row) -> Self {
        Self {
            day: Day::from_number(row.day),
            summaries: row.summaries,
            calls: row.calls,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cost_micros: row.cost_micros,
        }
    }
}

/// The row of the user and the day.
#[auto_type(no_type_alias)]
fn of_user(user: UserId, day: Day) -> _ {
    let (user, day): (i64, i64) = (user.0, day.number());
    usage::table.filter(usage::user_id.eq(user)).filter(usage::day.eq(day))
}

/// The row of all users for the day.
#[auto_type(no_type_alias)]
fn of_all(day: Day) -> _ {
    let day: i64 = day.number();
    usage_of_all::table.filter(usage_of_all::day.eq(day))
}

/// Charges the used tokens and releases the reservation. Does nothing if it is settled.
///
/// Lock order: the reservation, the user's row, then the row of all users, as in
/// [`Database::reserve_tokens`]. So two units cannot deadlock.
pub(crate) async fn settle(
    c: &mut impl WriteHandle,
    reservation: Reservation,
    spent: Spent,
    is_complete: bool,
) -> Result<(), Error> {
    let Reservation { id, user, day, tokens: reserved } = reservation;
    // If two units settle the same reservation, the second one waits here, and finds no row.
    if c.execute(diesel::delete(reservations::table.find(id))).await? == 0 {
        return Ok(());
    }
    let charge = diesel::update(of_user(user, day)).set((
        usage::reserved_tokens.eq(usage::reserved_tokens - reserved),
        usage::summaries.eq(usage::summaries + i64::from(is_complete)),
        usage::calls.eq(usage::calls + spent.calls),
        usage::input_tokens.eq(usage::input_tokens + spent.input_tokens),
        usage::output_tokens.eq(usage::output_tokens + spent.output_tokens),
        usage::cost_micros.eq(usage::cost_micros + spent.cost_micros.unwrap_or(0)),
    ));
    c.execute(Prepared(charge)).await?;
    let used = spent.input_tokens.saturating_add(spent.output_tokens);
    let charge = diesel::update(of_all(day)).set((
        usage_of_all::reserved_tokens.eq(usage_of_all::reserved_tokens - reserved),
        usage_of_all::tokens.eq(usage_of_all::tokens + used),
    ));
    c.execute(Prepared(charge)).await?;
    Ok(())
}

/// Inserts the two rows of the day, unless they exist.
async fn insert_rows(c: &mut impl WriteHandle, user: UserId, day: Day) -> Result<(), Error> {
    let row = (usage::user_id.eq(user.0), usage::day.eq(day.number()));
    c.execute(diesel::insert_into(usage::table).values(row).on_conflict_do_nothing()).await?;
    let row = usage_of_all::day.eq(day.number());
    c.execute(diesel::insert_into(usage_of_all::table).values(row).on_conflict_do_nothing()).await?;
    Ok(())
}

/// Reserves the tokens in the user's row. Returns false if they do not fit.
async fn reserve_for_user(
    c: &mut impl WriteHandle,
    user: UserId,
    day: Day,
    tokens: i64,
    budget: Budget,
) -> Result<bool, Error> {
    let used = usage::input_tokens + usage::output_tokens + usage::reserved_tokens;
    let fitting = of_user(user, day).filter(used.le(budget.per_user.saturating_sub(tokens)));
    let reserve = usage::reserved_tokens.eq(usage::reserved_tokens + tokens);
    Ok(c.execute(Prepared(diesel::update(fitting).set(reserve))).await? > 0)
}

/// Reserves the tokens in the row of all users. Returns false if they do not fit.
async fn reserve_for_all(
    c: &mut impl WriteHandle,
    day: Day,
    tokens: i64,
    budget: Budget,
) -> Result<bool, Error> {
    let used = usage_of_all::tokens + usage_of_all::reserved_tokens;
    let fitting = of_all(day).filter(used.le(budget.of_all.saturating_sub(tokens)));
    let reserve = usage_of_all::reserved_tokens.eq(usage_of_all::reserved_tokens + tokens);
    Ok(c.execute(Prepared(diesel::update(fitting).set(reserve))).await? > 0)
}

/// Returns the used tokens of the day.
async fn used(c: &mut impl ReadHandle, user: UserId, day: Day) -> Result<Used, Error> {
    let by_user: i64 = c.one(of_user(user, day).select(usage::input_tokens + usage::output_tokens)).await?;
    let by_all: i64 = c.one(of_all(day).select(usage_of_all::tokens)).await?;
    Ok(Used { by_user, by_all })
}

impl Database {
    /// Reserves tokens for this user on the day of `now`, if they fit into the budgets of the user
    /// and of all users. Concurrent requests never reserve more than the budget, even in different
    /// processes. No session is checked, because the summary belongs to all requests that wait for
    /// it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the account does not exist or is closed.
    pub async fn reserve_tokens(
        &self,
        user: UserId,
        tokens: i64,
        budget: Budget,
        now: Timestamp,
    ) -> Result<Result<Reservation, OverBudget>, Error> {
        let day = Day::of(now);
        transaction!(self, |c| {
            Access::from(user).require(c).await?;
            let outdated = reservations::day.le(day.number() - KEPT_DAYS);
            c.execute(diesel::delete(reservations::table.filter(outdated))).await?;
            insert_rows(c, user, day).await?;
            let fits_user = reserve_for_user(c, user, day, tokens, budget).await?;
            if fits_user && reserve_for_all(c, day, tokens, budget).await? {
                let row = reservations::day.eq(day.number());
                let insert = diesel::insert_into(reservations::table).values(row);
                let id: i64 = c.one(insert.returning(reservations::id)).await?;
                return Ok(Ok(Reservation { id, user, day, tokens }));
            }
            if fits_user {
                let release = usage::reserved_tokens.eq(usage::reserved_tokens - tokens);
                c.execute(Prepared(diesel::update(of_user(user, day)).set(release))).await?;
            }
            let used = used(c, user, day).await?;
            Ok(Err(budget.explain(used, tokens, fits_user)))
        })
    }

    /// Charges the used tokens and releases the reservation, if there is no summary to store.
    /// Otherwise use [`Database::store_summary`]. Does nothing if the reservation is settled.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn settle_tokens(&self, reservation: Reservation, spent: Spent) -> Result<(), Error> {
        transaction!(self, |c| settle(c, reservation, spent, false).await)
    }

    /// Returns a page of the days with summaries or calls to the provider, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn usage(&self, user: UserId, page: PageRequest) -> Result<Page<Usage>, Error> {
        read!(self, |c| {
            let query = usage::table
                .filter(usage::user_id.eq(user.0))
                // A day has a row even if all its requests were rejected.
                .filter(usage::calls.gt(0).or(usage::summaries.gt(0)))
                .filter(usage::day.lt(page.cursor.map_or(i64::MAX, Cursor::id)))
                .order(usage::day.desc())
                .limit(page.limit.items() as i64 + 1)
                .select(columns::<Row>());
            let rows: Vec<Row> = c.all(query).await?;
            let found = rows.into_iter().map(Usage::from).collect();
            Ok(Page::from_overfetch(found, page.limit))
        })
    }
}
