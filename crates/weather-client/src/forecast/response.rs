//! The forecaster's response, and the checks that turn it into a [`Forecast`].
//!
//! Each range contains all values ever measured, with a margin. A value outside it is left out, as
//! is a value of another type. The other values are kept.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde::Deserialize;
use serde_json::Value;

use super::request::DAYS;
use super::{Current, Day, Forecast};
use crate::condition::Condition;
use crate::error::Error;
use crate::json::{self, Object};

/// °C. Measured: -89.2 in Vostok, 56.7 in Death Valley.
const TEMPERATURE: RangeInclusive<f64> = -100.0..=70.0;
/// °C. The limits are for a storm at the lowest temperature, and for humid heat at the highest.
const APPARENT_TEMPERATURE: RangeInclusive<f64> = -150.0..=100.0;
/// mm. Measured within an hour: 305.
const PRECIPITATION: RangeInclusive<f64> = 0.0..=1000.0;
/// km/h. Measured outside tornadoes: a gust of 408.
const WIND_SPEED: RangeInclusive<f64> = 0.0..=600.0;
const PERCENT: RangeInclusive<f64> = 0.0..=100.0;
/// The codes of WMO's table 4677.
const CODES: RangeInclusive<f64> = 0.0..=99.0;
/// Seconds. The time zones of the world range from -12 to +14 hours.
const UTC_OFFSETS: RangeInclusive<f64> = -43_200.0..=50_400.0;
/// The first year of Unix time, and the last one that RFC 3339 can express.
const YEARS: RangeInclusive<i16> = 1970..=9999;
/// The number of days that a forecast covers, and one on each side.
const FORECAST_DAYS: u32 = 18;
/// The names of the time zone that has the offset zero.
const UTC_NAMES: [&str; 5] = ["UTC", "GMT", "Etc/UTC", "Etc/GMT", "Z"];

/// The body of a successful response: a JSON object.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct ForecastResponse(Object);

impl ForecastResponse {
    /// Returns the forecast with all values that are plausible.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if there is no such value.
    pub(crate) fn into_forecast(self, fetched_at: Timestamp) -> Result<Forecast, Error> {
        let current = self.current();
        let daily = self.daily();
        if !current.has_values() && daily.is_empty() {
            return Err(Error::unusable("value of a forecast"));
        }
        Ok(Forecast { fetched_at, stale: false, current, daily })
    }

    fn current(&self) -> Current {
        let missing = Object::new();
        let current = self.0.get("current").and_then(Value::as_object).unwrap_or(&missing);
        let number = |name, range| json::number(current, name, range);
        Current {
            time: json::text(current, "time").and_then(|time| self.timestamp(time)),
            temperature_celsius: number("temperature_2m", TEMPERATURE),
            apparent_temperature_celsius: number("apparent_temperature", APPARENT_TEMPERATURE),
            humidity_percent: current.get("relative_humidity_2m").and_then(percent),
            precipitation_mm: number("precipitation", PRECIPITATION),
            wind_speed_kmh: number("wind_speed_10m", WIND_SPEED),
            condition: current.get("weather_code").and_then(condition),
        }
    }

    /// Converts a local time to a timestamp. Returns `None` if the UTC offset is not known.
    ///
    /// With `timezone=auto`, times are local and have no offset of their own. If a time has an
    /// offset nevertheless, that one is used.
    fn timestamp(&self, time: &str) -> Option<Timestamp> {
        let own: Option<Timestamp> = time.parse().ok();
        let timestamp = match own {
            Some(timestamp) => timestamp,
            None => self.utc_offset()?.to_timestamp(time.parse::<DateTime>().ok()?).ok()?,
        };
        let year = Offset::UTC.to_datetime(timestamp).year();
        YEARS.contains(&year).then_some(timestamp)
    }

    /// Returns the offset of local time from UTC, or `None` if it is missing and the time zone is
    /// not UTC.
    fn utc_offset(&self) -> Option<Offset> {
        let seconds = json::number(&self.0, "utc_offset_seconds", UTC_OFFSETS);
        match seconds.filter(|seconds| seconds.fract() == 0.0) {
            // The cast cannot truncate, because the range is checked first.
            Some(seconds) => Offset::from_seconds(seconds as i32).ok(),
            None => {
                let zone = json::text(&self.0, "timezone")?;
                UTC_NAMES.contains(&zone).then_some(Offset::UTC)
            }
        }
    }

    /// Converts columns to rows, in the order of the dates.
    ///
    /// A value that its column does not have is missing. Days without a date or without any value
    /// are left out. If a date occurs twice, the first day is kept.
    fn daily(&self) -> Vec<Day> {
        let Some(table) = self.0.get("daily").and_then(Value::as_object) else { return Vec::new() };
        let rows = json::array(table, "time").iter().enumerate();
        let mut days: Vec<Day> =
            rows.filter_map(|(index, date)| day(table, index, date)).filter(Day::has_values).collect();
        // The sort is stable, so the first of several days stays first.
        days.sort_by_key(|day| day.date);
        days.dedup_by_key(|day| day.date);
        // A date far from the others is impossible.
        if let Some(middle) = days.get(days.len() / 2).map(|day| day.date) {
            days.retain(|day| (day.date - middle).get_days().unsigned_abs() <= FORECAST_DAYS);
        }
        days.truncate(DAYS);
        days
    }
}

impl Current {
    fn has_values(&self) -> bool {
        // A time alone is not weather.
        self.temperature_celsius.is_some()
            || self.apparent_temperature_celsius.is_some()
            || self.humidity_percent.is_some()
            || self.precipitation_mm.is_some()
            || self.wind_speed_kmh.is_some()
            || self.condition.is_some()
    }
}

impl Day {
    fn has_values(&self) -> bool {
        self.temperature_min_celsius.is_some()
            || self.temperature_max_celsius.is_some()
            || self.precipitation_probability_percent.is_some()
            || self.condition.is_some()
    }
}

/// Returns the day in one row of the table, or `None` if its date is not valid.
fn day(table: &Object, index: usize, date: &Value) -> Option<Day> {
    let date: Date = date.as_str()?.parse().ok()?;
    let value = |column| json::array(table, column).get(index);
    let temperature = |column| value(column).and_then(|value| json::number_of(value, TEMPERATURE));
    let (min, max) = match (temperature("temperature_2m_min"), temperature("temperature_2m_max")) {
        // At least one of the two is wrong, and it is not known which.
        (Some(min), Some(max)) if min > max => (None, None),
        temperatures => temperatures,
    };
    YEARS.contains(&date.year()).then(|| Day {
        date,
        temperature_min_celsius: min,
        temperature_max_celsius: max,
        precipitation_probability_percent: value("precipitation_probability_max").and_then(percent),
        condition: value("weather_code").and_then(condition),
    })
}

/// Rounds to a whole percentage. The cast cannot truncate, because the range is checked first.
fn percent(value: &Value) -> Option<u8> {
    json::number_of(value, PERCENT).map(|percent| percent.round() as u8)
}

/// Returns the condition with this code, which must be a whole number: 3 or 3.0.
fn condition(value: &Value) -> Option<Condition> {
    let code = json::number_of(value, CODES).filter(|code| code.fract() == 0.0)?;
    Some(Condition::from_code(code as u8))
}

#[cfg(test)]
mod tests;
