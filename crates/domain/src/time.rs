//! Instants with the precision of both databases.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant in UTC with microsecond precision, from -9999 to 9999 in the Gregorian calendar.
///
/// A finer instant is truncated when it is converted, so a stored timestamp equals the original.
/// It is written as in RFC 3339 with `Z` and always six digits: `2026-11-22T09:15:56.123456Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

const PRINTER: jiff::fmt::temporal::DateTimePrinter =
    jiff::fmt::temporal::DateTimePrinter::new().precision(Some(6));

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(jiff::Timestamp::UNIX_EPOCH);

    /// The last supported instant, 9999-12-30T22:00:00Z.
    pub const MAX: Self = Self(jiff::Timestamp::constant(253_402_207_200, 0));

    /// The current time of the system clock.
    #[must_use]
    pub fn now() -> Self {
        Self::from(jiff::Timestamp::now())
    }

    /// The instant `micros` microseconds after 1970-01-01T00:00:00Z; `None` outside the supported
    /// years.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        jiff::Timestamp::from_microsecond(micros).ok().map(Self)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0.as_microsecond()
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down. A JWT calls this a NumericDate
    /// (RFC 7519, section 2).
    #[must_use]
    pub fn as_seconds(self) -> i64 {
        self.as_micros().div_euclid(1_000_000)
    }

    /// The instant `seconds` later, or the first or last supported instant if it is out of range.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_micros(seconds.saturating_mul(1_000_000))
    }

    /// The instant `micros` microseconds later, or the first or last supported instant if it is out
    /// of range.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Self::from_micros(self.as_micros().saturating_add(micros)).unwrap_or(if micros < 0 {
            Self(jiff::Timestamp::MIN)
        } else {
            Self::MAX
        })
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(precise: jiff::Timestamp) -> Self {
        // Only a fraction after the last whole second is out of range.
        Self::from_micros(precise.as_microsecond()).unwrap_or(Self::MAX)
    }
}

impl From<Timestamp> for jiff::Timestamp {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PRINTER.print_timestamp(&self.0, jiff::fmt::StdFmtWrite(f)).map_err(|_| fmt::Error)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<jiff::Timestamp>().map(Self::from).map_err(de::Error::custom)
    }
}

#[cfg(feature = "utoipa")]
mod schema {
    use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
    use utoipa::openapi::{RefOr, Schema};

    impl utoipa::PartialSchema for super::Timestamp {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
                .build()
                .into()
        }
    }

    impl utoipa::ToSchema for super::Timestamp {}
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn display_has_six_digits_and_z() {
        let t = Timestamp::from_micros(1_795_338_956_100_000).unwrap();
        assert_eq!(t.to_string(), "2026-11-22T09:15:56.100000Z");
        assert_eq!(serde_json::to_string(&t).unwrap(), "\"2026-11-22T09:15:56.100000Z\"");
    }

    #[test]
    fn from_truncates_to_microseconds() {
        let precise = jiff::Timestamp::from_nanosecond(1_999).unwrap();
        assert_eq!(Timestamp::from(precise).as_micros(), 1);
    }

    #[test]
    fn plus_seconds_saturates() {
        assert!(Timestamp::now().plus_seconds(i64::MAX) > Timestamp::now());
        assert!(Timestamp::now().plus_seconds(i64::MIN) < Timestamp::now());
    }

    #[test]
    fn max_is_the_last_supported_instant() {
        let max = Timestamp::MAX.as_micros();
        assert_eq!(Timestamp::from_micros(max), Some(Timestamp::MAX));
        assert_eq!(Timestamp::from_micros(max + 1), None);
        assert_eq!(Timestamp::from(jiff::Timestamp::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::now().plus_seconds(i64::MAX), Timestamp::MAX);
    }

    #[test]
    fn as_seconds_rounds_down_before_the_epoch() {
        assert_eq!(Timestamp::from_micros(-1).unwrap().as_seconds(), -1);
    }
}
