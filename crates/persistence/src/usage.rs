//! What summaries use, and how much they may.

use daybook_domain::{Cursor, Day, Page, PageRequest, Timestamp, Usage, UserId};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::{usage, usage_of_all};
use crate::unit::{read, transaction};
use crate::{Database, Error};

/// How many tokens may be used in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// By one user.
    pub per_user: i64,
    /// By all of them together.
    pub of_all: i64,
}

/// Tokens that are set aside until it is known how many were used. If that is never told, they count as used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what is set aside and not settled counts as used"]
pub struct Reservation {
    pub(crate) user: UserId,
    pub(crate) day: Day,
    pub(crate) tokens: i64,
}

/// Why nothing was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    /// Too much is set aside for what is under way: when that is settled, there may be room.
    ForNow,
    /// Too much has been used: there is room when the next day begins.
    Today,
}

/// What making a summary took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// How many calls were made to the provider.
    pub calls: i64,
    /// Tokens that it read.
    pub input_tokens: i64,
    /// Tokens that it wrote.
    pub output_tokens: i64,
    /// What that cost, in millionths of a US dollar, if it is known.
    pub cost_micros: Option<i64>,
}

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

/// The user's row of this day.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn of_user(reservation: Reservation) -> _ {
    let (user, day): (i64, i64) = (reservation.user.0, reservation.day.number());
    usage::table.filter(usage::user_id.eq(user)).filter(usage::day.eq(day))
}

/// The row of this day for all.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn of_all(reservation: Reservation) -> _ {
    let day: i64 = reservation.day.number();
    usage_of_all::table.filter(usage_of_all::day.eq(day))
}

/// Books what was used instead of what was set aside.
macro_rules! settle {
    ($c:ident, $reservation:expr, $spent:expr, $is_complete:expr) => {{
        use $crate::schema::{usage, usage_of_all};
        let (reservation, spent): ($crate::Reservation, $crate::Spent) = ($reservation, $spent);
        // In the order in which they are reserved, so that two never wait for each other.
        let of_user = diesel::update($crate::usage::of_user(reservation)).set((
            usage::reserved_tokens.eq(usage::reserved_tokens - reservation.tokens),
            usage::summaries.eq(usage::summaries + i64::from($is_complete)),
            usage::calls.eq(usage::calls + spent.calls),
            usage::input_tokens.eq(usage::input_tokens + spent.input_tokens),
            usage::output_tokens.eq(usage::output_tokens + spent.output_tokens),
            usage::cost_micros.eq(usage::cost_micros + spent.cost_micros.unwrap_or(0)),
        ));
        $c.execute(of_user).await?;
        let tokens = spent.input_tokens.saturating_add(spent.output_tokens);
        let of_all = diesel::update($crate::usage::of_all(reservation)).set((
            usage_of_all::reserved_tokens.eq(usage_of_all::reserved_tokens - reservation.tokens),
            usage_of_all::tokens.eq(usage_of_all::tokens + tokens),
        ));
        $c.execute(of_all).await?;
    }};
}

pub(crate) use settle;

impl Database {
    /// Sets so many tokens aside for this user on the day of `now`, unless that would be more than the budget has left. However many ask
    /// at once, from however many processes, they never get more than there is.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the user is gone.
    pub async fn reserve_tokens(
        &self,
        user: UserId,
        tokens: i64,
        budget: Budget,
        now: Timestamp,
    ) -> Result<Result<Reservation, NoRoom>, Error> {
        let reservation = Reservation { user, day: Day::of(now), tokens };
        transaction!(self, |c| {
            let day = reservation.day.number();
            let row = (usage::user_id.eq(user.0), usage::day.eq(day));
            c.execute(diesel::insert_into(usage::table).values(row).on_conflict_do_nothing()).await?;
            let row = usage_of_all::day.eq(day);
            c.execute(diesel::insert_into(usage_of_all::table).values(row).on_conflict_do_nothing()).await?;
            let used = usage::input_tokens + usage::output_tokens + usage::reserved_tokens;
            let has_room = of_user(reservation).filter(used.le(budget.per_user.saturating_sub(tokens)));
            let set_aside = usage::reserved_tokens.eq(usage::reserved_tokens + tokens);
            let user_has_room = c.execute(diesel::update(has_room).set(set_aside)).await? > 0;
            let used = usage_of_all::tokens + usage_of_all::reserved_tokens;
            let has_room = of_all(reservation).filter(used.le(budget.of_all.saturating_sub(tokens)));
            let set_aside = usage_of_all::reserved_tokens.eq(usage_of_all::reserved_tokens + tokens);
            if user_has_room && c.execute(diesel::update(has_room).set(set_aside)).await? > 0 {
                return Ok(Ok(reservation));
            }
            if user_has_room {
                let back = usage::reserved_tokens.eq(usage::reserved_tokens - tokens);
                c.execute(diesel::update(of_user(reservation)).set(back)).await?;
            }
            let by_user: i64 =
                c.one(of_user(reservation).select(usage::input_tokens + usage::output_tokens)).await?;
            let by_all: i64 = c.one(of_all(reservation).select(usage_of_all::tokens)).await?;
            let would_fit = by_user.saturating_add(tokens) <= budget.per_user
                && by_all.saturating_add(tokens) <= budget.of_all;
            Ok(Err(if would_fit { NoRoom::ForNow } else { NoRoom::Today }))
        })
    }

    /// Books what was used instead of what was set aside, where there is no summary to store.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn settle_tokens(&self, reservation: Reservation, spent: Spent) -> Result<(), Error> {
        transaction!(self, |c| {
            settle!(c, reservation, spent, false);
            Ok(())
        })
    }

    /// A page of the days on which the user's summaries have used anything, the newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn usage(&self, user: UserId, page: PageRequest) -> Result<Page<Usage>, Error> {
        read!(self, |c| {
            let query = usage::table
                .filter(usage::user_id.eq(user.0))
                // A day on which all was refused has a row as well.
                .filter(usage::calls.gt(0))
                .filter(usage::day.lt(page.cursor.map_or(i64::MAX, Cursor::id)))
                .order(usage::day.desc())
                .limit(page.limit.items() as i64 + 1)
                .select(Row::as_select());
            let rows: Vec<Row> = c.all(query).await?;
            let found = rows.into_iter().map(Usage::from).collect();
            Ok(Page::from_overfetch(found, page.limit, |usage: &Usage| usage.day.number()))
        })
    }
}
