//! The forecaster's response, and the checks that turn it into a [`Forecast`].
//!
//! Each range contains all values ever measured, with a margin. A value outside it is a faulty
//! response.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde::Deserialize;

use super::request::DAYS;
use super::{Current, Day, Forecast};
use crate::condition::Condition;
use crate::error::{Error, within};

/// °C. Measured: -89.2 in Vostok, 56.7 in Death Valley.
const TEMPERATURE: RangeInclusive<f64> = -100.0..=70.0;
/// °C. The limits are for a storm at the lowest temperature, and for humid heat at the highest.
const APPARENT_TEMPERATURE: RangeInclusive<f64> = -150.0..=100.0;
/// mm. Measured within an hour: 305.
const PRECIPITATION: RangeInclusive<f64> = 0.0..=1000.0;
/// km/h. Measured outside tornadoes: a gust of 408.
const WIND_SPEED: RangeInclusive<f64> = 0.0..=600.0;
/// The last code of WMO's table 4677.
const LAST_CODE: u8 = 99;

/// The body of a successful response.
#[derive(Deserialize)]
pub(crate) struct ForecastResponse {
    utc_offset_seconds: i32,
    current: CurrentValues,
    daily: DailyValues,
}

#[derive(Deserialize)]
struct CurrentValues {
    time: DateTime,
    temperature_2m: f64,
    apparent_temperature: Option<f64>,
    relative_humidity_2m: Option<f64>,
    precipitation: Option<f64>,
    weather_code: u8,
    wind_speed_10m: Option<f64>,
}

/// Columns of equal length. Every value except a date can be null, if the weather model does not
/// know it.
#[derive(Deserialize)]
struct DailyValues {
    time: Vec<Date>,
    weather_code: Vec<Option<u8>>,
    temperature_2m_max: Vec<Option<f64>>,
    temperature_2m_min: Vec<Option<f64>>,
    precipitation_probability_max: Vec<Option<f64>>,
}

impl ForecastResponse {
    /// Returns the forecast, or [`Error::Malformed`] if a value is implausible.
    pub(crate) fn into_forecast(self, fetched_at: Timestamp) -> Result<Forecast, Error> {
        let offset = Offset::from_seconds(self.utc_offset_seconds).map_err(Error::malformed)?;
        Ok(Forecast {
            fetched_at,
            stale: false,
            current: self.current.into_current(offset)?,
            daily: self.daily.into_days()?,
        })
    }
}

impl CurrentValues {
    fn into_current(self, offset: Offset) -> Result<Current, Error> {
        let optional =
            |value: Option<f64>, range, what| value.map(|value| within(value, range, what)).transpose();
        Ok(Current {
            // With `timezone=auto`, times are local and have no offset of their own.
            time: offset.to_timestamp(self.time).map_err(Error::malformed)?,
            temperature_celsius: within(self.temperature_2m, TEMPERATURE, "temperature")?,
            apparent_temperature_celsius: optional(
                self.apparent_temperature,
                APPARENT_TEMPERATURE,
                "apparent temperature",
            )?,
            humidity_percent: percent(self.relative_humidity_2m, "humidity")?,
            precipitation_mm: optional(self.precipitation, PRECIPITATION, "precipitation")?,
            wind_speed_kmh: optional(self.wind_speed_10m, WIND_SPEED, "wind speed")?,
            condition: condition(self.weather_code)?,
        })
    }
}

impl DailyValues {
    /// Converts columns to rows. Omits days without temperatures or a weather code, because they
    /// are too far in the future for the model.
    fn into_days(self) -> Result<Vec<Day>, Error> {
        let length = self.time.len();
        let lengths = [
            self.weather_code.len(),
            self.temperature_2m_max.len(),
            self.temperature_2m_min.len(),
            self.precipitation_probability_max.len(),
        ];
        if lengths != [length; 4] {
            return Err(Error::implausible("lengths of the daily columns"));
        }

        let temperatures = self.temperature_2m_min.into_iter().zip(self.temperature_2m_max);
        let values = self.weather_code.into_iter().zip(temperatures).zip(self.precipitation_probability_max);
        self.time
            .into_iter()
            .zip(values)
            .take(DAYS)
            .filter_map(|(date, ((code, (min, max)), probability))| {
                Some(day(date, code?, min?, max?, probability))
            })
            .collect()
    }
}

fn day(date: Date, code: u8, min: f64, max: f64, probability: Option<f64>) -> Result<Day, Error> {
    let min = within(min, TEMPERATURE, "lowest temperature")?;
    Ok(Day {
        date,
        temperature_min_celsius: min,
        temperature_max_celsius: within(max, min..=*TEMPERATURE.end(), "highest temperature")?,
        precipitation_probability_percent: percent(probability, "precipitation probability")?,
        condition: condition(code)?,
    })
}

/// Rounds to a whole percentage. The cast cannot truncate, because the range is checked first.
fn percent(value: Option<f64>, what: &'static str) -> Result<Option<u8>, Error> {
    value.map(|value| Ok(within(value, 0.0..=100.0, what)?.round() as u8)).transpose()
}

fn condition(code: u8) -> Result<Condition, Error> {
    if code > LAST_CODE { Err(Error::implausible("weather code")) } else { Ok(Condition::from_code(code)) }
}
