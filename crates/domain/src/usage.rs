//! What summaries have used, by the day.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::Timestamp;

/// A day of the calendar in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

const SECONDS: i64 = 24 * 60 * 60;

impl Day {
    /// The day that this instant falls on.
    #[must_use]
    pub fn of(instant: Timestamp) -> Self {
        Self(instant.as_seconds().div_euclid(SECONDS))
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }

    /// The day so many days after 1970-01-01.
    #[must_use]
    pub fn from_number(days: i64) -> Self {
        Self(days)
    }

    /// When it begins.
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

/// As RFC 3339 writes a full date: `2026-11-23`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = self.begins().to_string();
        f.write_str(instant.split('T').next().unwrap_or_default())
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a user's summaries have used on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Usage {
    /// The day, in UTC.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Date, example = "2026-11-23"))]
    pub day: Day,
    /// Summaries that were completed.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0))]
    pub summaries: i64,
    /// How many calls were made to the provider.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0))]
    pub calls: i64,
    /// Tokens that the provider read.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0))]
    pub input_tokens: i64,
    /// Tokens that the provider wrote.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0))]
    pub output_tokens: i64,
    /// What it cost, in millionths of a US dollar, as far as the prices are known.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0))]
    pub cost_micros: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_utc() {
        let at = |seconds: i64| Day::of(Timestamp::EPOCH.plus_seconds(seconds));
        assert_eq!((at(0), at(SECONDS - 1), at(SECONDS), at(-1)), (Day(0), Day(0), Day(1), Day(-1)));
        assert_eq!(at(0).next().begins(), Timestamp::EPOCH.plus_seconds(SECONDS));
        assert_eq!(Day(20_780).to_string(), "2026-11-23");
        assert_eq!(serde_json::to_value(Day(-1)).unwrap(), "1969-12-31");
        assert_eq!(Day::from_number(Day(7).number()), Day(7));
    }
}
