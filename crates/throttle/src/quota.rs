use std::{fmt, str::FromStr, time::Duration};

/// So many at once, and as many again over the period.
///
/// This is the generic cell rate algorithm (ITU-T I.371, annex A): one is given back every `period / limit`, so that there is no
/// moment at which a whole new quota begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    limit: u32,
    period: Duration,
}

/// Why there is no such quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// Not between 1 and a million.
    #[error("a limit is a number from 1 to 1000000")]
    Limit,
    /// Not between a second and a day.
    #[error("a period is between 1s and 24h")]
    Period,
    /// Not written like `10/5m`.
    #[error("a quota looks like 10/5m: a limit from 1 to 1000000 and a period in s, m or h")]
    Form,
}

/// With more, less than a microsecond would lie between two of a second's.
const LIMIT_MAX: u32 = 1_000_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Quota {
    /// A limit from 1 to 1,000,000 over a period from a second to a day.
    ///
    /// # Errors
    ///
    /// When either is out of its range.
    pub fn new(limit: u32, period: Duration) -> Result<Self, QuotaError> {
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(QuotaError::Limit);
        }
        if !(Duration::from_secs(1)..=DAY).contains(&period) {
            return Err(QuotaError::Period);
        }
        Ok(Self { limit, period })
    }

    /// How many there are at once.
    #[must_use]
    pub fn limit(self) -> u32 {
        self.limit
    }

    /// The time over which all of them come back.
    #[must_use]
    pub fn period(self) -> Duration {
        self.period
    }

    /// The microseconds after which one comes back, rounded up: rounded down, 600,000 a second would be a million.
    pub(crate) fn interval(self) -> i64 {
        // A day has fewer than 2^37 microseconds.
        let period = u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX);
        i64::try_from(period.div_ceil(u64::from(self.limit))).unwrap_or(i64::MAX)
    }

    /// The microseconds that may be used up.
    pub(crate) fn tolerance(self) -> i64 {
        self.interval() * i64::from(self.limit)
    }
}

/// `10/5m` is ten in five minutes; the period is in whole seconds, minutes or hours.
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
    fn written_and_read() {
        for (text, limit, seconds) in
            [("10/10m", 10, 600), ("1/1s", 1, 1), ("1000000/24h", 1_000_000, 86_400)]
        {
            let quota: Quota = text.parse().unwrap();
            assert_eq!((quota.limit(), quota.period()), (limit, Duration::from_secs(seconds)));
            assert_eq!(quota.to_string().parse(), Ok(quota));
        }
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
