//! The weather at a place: the current values and a forecast for sixteen days.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::condition::Condition;

pub(crate) mod request;
pub(crate) mod response;

/// The weather at a place.
///
/// Times are serialized as RFC 3339 in UTC with microseconds, dates as `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Forecast {
    /// When the client fetched this forecast. Its age is at most the cache lifetime, unless it is
    /// `stale`.
    #[serde(serialize_with = "microseconds")]
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub fetched_at: Timestamp,
    /// True if the cache lifetime is over and Open-Meteo did not provide a newer forecast.
    pub stale: bool,
    /// The current weather.
    pub current: Current,
    /// The days from today at the place on, in order. There are sixteen, or fewer if the weather
    /// model ends earlier. A day without any value is left out.
    pub daily: Vec<Day>,
}

/// The current weather. A value is `None` if the response has none or an impossible one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Current {
    /// The moment for which the values are valid: the last full quarter of an hour.
    #[serde(serialize_with = "optional_microseconds")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub time: Option<Timestamp>,
    /// Air temperature 2 m above ground, °C, -100 to 70.
    pub temperature_celsius: Option<f64>,
    /// Perceived temperature, from wind chill, humidity and sunshine, °C, -150 to 100.
    pub apparent_temperature_celsius: Option<f64>,
    /// Relative humidity 2 m above ground, 0 to 100.
    pub humidity_percent: Option<u8>,
    /// Rain, showers and melted snow in the preceding interval of 15 minutes to an hour, mm,
    /// 0 to 1,000.
    pub precipitation_mm: Option<f64>,
    /// Wind speed 10 m above ground, km/h, 0 to 600.
    pub wind_speed_kmh: Option<f64>,
    /// The weather in words.
    pub condition: Option<Condition>,
}

/// The weather of a day. At least one value is not `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Day {
    /// The date at the place.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Date))]
    pub date: Date,
    /// The lowest air temperature 2 m above ground, °C, -100 to 70.
    pub temperature_min_celsius: Option<f64>,
    /// The highest air temperature 2 m above ground, °C, from the lowest temperature to 70.
    pub temperature_max_celsius: Option<f64>,
    /// The probability of precipitation in the hour in which it is highest, 0 to 100.
    pub precipitation_probability_percent: Option<u8>,
    /// The most severe weather of the day.
    pub condition: Option<Condition>,
}

/// Serializes with exactly six digits of a second, so that times have one length and sort as text.
fn microseconds<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.6}"))
}

fn optional_microseconds<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => microseconds(time, serializer),
        None => serializer.serialize_none(),
    }
}
