//! A quota, such as `10/5m`, and the arithmetic of the generic cell rate algorithm (GCRA).
//!
//! GCRA measures the use of a bucket in microseconds. Each unit uses one interval, and each
//! interval that passes gives one unit back.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A rate limit: at most `limit` units at once, and `limit` more over each `period`.
///
/// This is the generic cell rate algorithm (GCRA; ITU-T I.371, annex A). One unit comes back every
/// `period / limit`, so a whole quota never comes back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    limit: u32,
    period: Duration,
}

/// An error of [`Quota::new`] and of parsing a [`Quota`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// The limit is not between 1 and a million.
    #[error("a limit is a number from 1 to 1000000")]
    Limit,
    /// The period is not between a second and a day.
    #[error("a period is between 1s and 24h")]
    Period,
    /// The text is not written like `10/5m`.
    #[error("a quota looks like 10/5m: a limit from 1 to 1000000 and a period in s, m or h")]
    Form,
}

/// With a higher limit and a period of a second, a unit would come back in less than a microsecond.
const LIMIT_MAX: u32 = 1_000_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Quota {
    /// Returns a quota with a limit from 1 to 1,000,000 and a period from a second to a day.
    ///
    /// # Errors
    ///
    /// [`QuotaError::Limit`] or [`QuotaError::Period`] if a value is out of range.
    pub const fn new(limit: u32, period: Duration) -> Result<Self, QuotaError> {
        if limit < 1 || limit > LIMIT_MAX {
            return Err(QuotaError::Limit);
        }
        // A `const fn` can compare numbers but not durations.
        if period.as_secs() < 1 || period.as_nanos() > DAY.as_nanos() {
            return Err(QuotaError::Period);
        }
        Ok(Self { limit, period })
    }

    /// Returns a quota for a constant.
    ///
    /// # Panics
    ///
    /// If a value is out of range. In a constant, this is an error of the compiler.
    #[must_use]
    pub const fn constant(limit: u32, period: Duration) -> Self {
        match Self::new(limit, period) {
            Ok(quota) => quota,
            Err(_) => panic!("the quota is out of range"),
        }
    }

    /// Returns the number of units that can be taken at once.
    #[must_use]
    pub fn limit(self) -> u32 {
        self.limit
    }

    /// Returns the time in which a used up bucket becomes full again.
    #[must_use]
    pub fn period(self) -> Duration {
        self.period
    }

    /// Returns a quota with this many times the limit, at most 1,000,000, and the same period.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self { limit: self.limit.saturating_mul(factor.max(1)).min(LIMIT_MAX), ..self }
    }

    /// Returns the microseconds after which one unit comes back.
    ///
    /// The value is rounded up. Rounded down, a quota of 600,000 a second would allow a million.
    pub(crate) fn interval(self) -> i64 {
        // A day has fewer than 2^37 microseconds.
        let period = u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX);
        i64::try_from(period.div_ceil(u64::from(self.limit))).unwrap_or(i64::MAX)
    }

    /// Returns the microseconds used when the whole quota is used.
    pub(crate) fn tolerance(self) -> i64 {
        self.interval() * i64::from(self.limit)
    }

    /// Returns the microseconds until one unit can be taken if `used` microseconds are used. If the
    /// value is zero or less, a unit can be taken at once.
    pub(crate) fn wait(self, used: i64) -> i64 {
        used + self.interval() - self.tolerance()
    }
}

/// `10/5m` means ten units in five minutes. The period is a whole number of seconds, minutes or
/// hours.
impl FromStr for Quota {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, QuotaError> {
        let (limit, period) = text.split_once('/').ok_or(QuotaError::Form)?;
        let unit = period.chars().next_back().ok_or(QuotaError::Form)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            _ => return Err(QuotaError::Form),
        };
        let count: u32 = period[..period.len() - 1].parse().map_err(|_| QuotaError::Form)?;
        let period = Duration::from_secs(u64::from(count) * seconds);
        Self::new(limit.parse().map_err(|_| QuotaError::Form)?, period)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.limit, self.period.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_what_display_writes() {
        for (text, limit, seconds) in
            [("10/10m", 10, 600), ("1/1s", 1, 1), ("1000000/24h", 1_000_000, 86_400)]
        {
            let quota: Quota = text.parse().unwrap();
            assert_eq!((quota.limit(), quota.period()), (limit, Duration::from_secs(seconds)));
            assert_eq!(quota.to_string().parse(), Ok(quota));
        }
    }

    #[test]
    fn times_multiplies_the_limit_within_the_range() {
        let quota: Quota = "10/5m".parse().unwrap();
        assert_eq!(quota.times(4), "40/5m".parse().unwrap());
        assert_eq!(quota.times(0), quota);
        assert_eq!(quota.times(u32::MAX).limit(), 1_000_000);
    }

    #[test]
    fn parse_rejects_bad_forms_limits_and_periods() {
        for (text, error) in [
            ("", QuotaError::Form),
            ("10", QuotaError::Form),
            ("10/", QuotaError::Form),
            ("10/m", QuotaError::Form),
            ("10/10", QuotaError::Form),
            ("10/10ä", QuotaError::Form),
            ("ten/10m", QuotaError::Form),
            ("10/-1m", QuotaError::Form),
            ("0/10m", QuotaError::Limit),
            ("1000001/10m", QuotaError::Limit),
            ("10/0s", QuotaError::Period),
            ("10/25h", QuotaError::Period),
        ] {
            assert_eq!(text.parse::<Quota>(), Err(error), "{text}");
        }
    }
}
