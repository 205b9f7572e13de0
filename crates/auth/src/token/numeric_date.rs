//! Times in claims.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// A NumericDate (RFC 7519, section 2): seconds since 1970, possibly with a fraction.
#[derive(Debug, Clone, Copy)]
pub(super) enum NumericDate {
    Whole(i64),
    /// A number that is written with a fraction or an exponent.
    Fraction(f64),
}

/// Up to 2^53 a float holds every integer.
const FRACTION_MAX: f64 = 9_007_199_254_740_992.0;

impl NumericDate {
    /// Returns true if the number has neither a fraction nor an exponent.
    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// Returns the last whole second that is not after this time.
    pub(super) fn floor(self) -> i64 {
        match self {
            Self::Whole(seconds) => seconds,
            Self::Fraction(seconds) => seconds.floor() as i64,
        }
    }

    /// Returns the first whole second that is not before this time.
    pub(super) fn ceil(self) -> i64 {
        match self {
            Self::Whole(seconds) => seconds,
            Self::Fraction(seconds) => seconds.ceil() as i64,
        }
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = NumericDate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since 1970")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<NumericDate, E> {
        Ok(NumericDate::Whole(seconds))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<NumericDate, E> {
        i64::try_from(seconds).map(NumericDate::Whole).map_err(|_| E::custom("out of range"))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<NumericDate, E> {
        // False for NaN, too.
        if seconds.abs() <= FRACTION_MAX {
            Ok(NumericDate::Fraction(seconds))
        } else {
            Err(E::custom("out of range"))
        }
    }
}

impl Serialize for NumericDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(seconds) => serializer.serialize_i64(*seconds),
            Self::Fraction(seconds) => serializer.serialize_f64(*seconds),
        }
    }
}
