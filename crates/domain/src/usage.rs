//! The tokens and the cost of one summary, and of a user's summaries in a day.

use std::fmt;

use jiff::tz::Offset;
use serde::{Serialize, Serializer};

use crate::{Cursor, Listed, Timestamp};

/// A calendar day in UTC, which is a span of instants. A [`DueDate`](crate::DueDate) is a day at a
/// place instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

const SECONDS: i64 = 24 * 60 * 60;

impl Day {
    /// The day that contains this instant.
    #[must_use]
    pub fn of(instant: Timestamp) -> Self {
        Self(instant.as_seconds().div_euclid(SECONDS))
    }

    /// Days since 1970-01-01, negative before it.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }

    /// The day that is `days` days after 1970-01-01.
    #[must_use]
    pub fn from_number(days: i64) -> Self {
        Self(days)
    }

    /// The first instant of the day, kept within the range of [`Timestamp`].
    #[must_use]
    pub fn begins(self) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(self.0.saturating_mul(SECONDS))
    }

    /// The next day.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Writes a full date (RFC 3339, section 5.6): `2026-11-23`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Offset::UTC.to_datetime(self.begins().into()).date().fmt(f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What one summary has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Number of calls to the provider.
    pub calls: i64,
    /// Tokens that were read.
    pub input_tokens: i64,
    /// Tokens that were written.
    pub output_tokens: i64,
    /// The cost in millionths of a US dollar; `None` if the price is not known.
    pub cost_micros: Option<i64>,
}

/// What a user's summaries have used on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Usage {
    /// The day, in UTC.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Date, example = "2026-11-23"))]
    pub day: Day,
    /// Number of completed summaries.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0))]
    pub summaries: i64,
    /// Number of calls to the provider.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0))]
    pub calls: i64,
    /// Tokens that were read. Without a model, they are estimated.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0))]
    pub input_tokens: i64,
    /// Tokens that were written. Without a model, they are estimated.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0))]
    pub output_tokens: i64,
    /// The cost in millionths of a US dollar. Calls without a known price are not included.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0))]
    pub cost_micros: i64,
}

impl Usage {
    /// A day on which nothing was used.
    #[must_use]
    pub fn new(day: Day) -> Self {
        Self { day, summaries: 0, calls: 0, input_tokens: 0, output_tokens: 0, cost_micros: 0 }
    }
}

impl Listed for Usage {
    fn cursor(&self) -> Cursor {
        Cursor::after(self.day.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_in_utc() {
        let at = |seconds: i64| Day::of(Timestamp::EPOCH.plus_seconds(seconds));
        assert_eq!((at(0), at(SECONDS - 1), at(SECONDS), at(-1)), (Day(0), Day(0), Day(1), Day(-1)));
        assert_eq!(at(0).next().begins(), Timestamp::EPOCH.plus_seconds(SECONDS));
        assert_eq!(Day(20_780).to_string(), "2026-11-23");
        assert_eq!(serde_json::to_value(Day(-1)).unwrap(), "1969-12-31");
        assert_eq!(Day::from_number(Day(7).number()), Day(7));
    }
}
