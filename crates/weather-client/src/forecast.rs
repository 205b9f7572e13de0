//! The weather at a place, now and for sixteen days: <https://open-meteo.com/en/docs>.

use jiff::{Timestamp, civil::Date};
use serde::{Serialize, Serializer};
use url::Url;

use crate::{Condition, Coordinates};

pub(crate) mod answer;

/// As far as Open-Meteo looks. Beyond a week it is little more than the climate, but somebody may have something to do then.
const DAYS: usize = 16;

/// The weather at a place.
///
/// Times are serialised as RFC 3339 in UTC with microseconds, dates as `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Forecast {
    /// When this was read from the service. It may be as old as the cache's lifetime.
    #[serde(serialize_with = "microseconds")]
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub fetched_at: Timestamp,
    /// Whether it should have been read anew, and could not be.
    pub stale: bool,
    /// The weather now.
    pub current: Current,
    /// The days to come, today (at the place) first: sixteen, or fewer where the model does not reach so far.
    pub daily: Vec<Day>,
}

/// The weather now. What the model does not know is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Current {
    /// The moment these values are valid for: the last full quarter of an hour.
    #[serde(serialize_with = "microseconds")]
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub time: Timestamp,
    /// Air temperature 2 m above ground, °C, -100 to 70.
    pub temperature_celsius: f64,
    /// What it feels like, from wind chill, humidity and sun, °C, -150 to 100.
    pub apparent_temperature_celsius: Option<f64>,
    /// Relative humidity 2 m above ground, 0 to 100.
    pub humidity_percent: Option<u8>,
    /// Rain, showers and melted snow in the interval before, 15 minutes to an hour, mm, 0 to 1,000.
    pub precipitation_mm: Option<f64>,
    /// Wind speed 10 m above ground, km/h, 0 to 600.
    pub wind_speed_kmh: Option<f64>,
    /// What the sky does.
    pub condition: Condition,
}

/// A day's weather.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Day {
    /// The date at the place.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Date))]
    pub date: Date,
    /// The lowest air temperature 2 m above ground, °C, -100 to 70.
    pub temperature_min_celsius: f64,
    /// The highest air temperature 2 m above ground, °C, no lower than the lowest, to 70.
    pub temperature_max_celsius: f64,
    /// How likely precipitation is in the likeliest hour, 0 to 100; `None` where the model does not tell.
    pub precipitation_probability_percent: Option<u8>,
    /// The severest weather of the day.
    pub condition: Condition,
}

/// Returns the URL of the forecast for these coordinates.
pub(crate) fn request(endpoint: &Url, coordinates: Coordinates) -> Url {
    let mut url = endpoint.clone();
    url.query_pairs_mut()
            .append_pair("latitude", &coordinates.latitude.to_string())
            .append_pair("longitude", &coordinates.longitude.to_string())
            .append_pair(
                "current",
                "temperature_2m,apparent_temperature,relative_humidity_2m,precipitation,weather_code,wind_speed_10m",
            )
            .append_pair(
                "daily",
                "weather_code,temperature_2m_max,temperature_2m_min,precipitation_probability_max",
            )
            .append_pair("timezone", "auto")
            .append_pair("forecast_days", &DAYS.to_string());
    url
}

/// Always six digits, so that times sort as text and have one width.
fn microseconds<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.6}"))
}
