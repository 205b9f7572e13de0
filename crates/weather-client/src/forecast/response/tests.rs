//! `ForecastResponse::into_forecast` with faulty responses.

use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq};
use proptest::proptest;
use serde_json::json;

use super::*;
use crate::mutation::mutated;

fn good() -> Value {
    json!({
        "latitude": 48.86, "longitude": 2.36, "utc_offset_seconds": 3600, "timezone": "Europe/Paris",
        "current": {
            "time": "2026-11-22T10:15", "interval": 900, "temperature_2m": 7.4, "apparent_temperature": 4.1,
            "relative_humidity_2m": 81, "precipitation": 0.2, "weather_code": 61, "wind_speed_10m": 14.8,
        },
        "daily": {
            "time": ["2026-11-22", "2026-11-23", "2026-11-24"],
            "weather_code": [61, 3, 0],
            "temperature_2m_max": [9.1, 8.0, 7.5],
            "temperature_2m_min": [3.2, -1.5, 0.0],
            "precipitation_probability_max": [88, 4, null],
        },
    })
}

fn read(body: Value) -> Result<Forecast, Error> {
    let response: ForecastResponse = serde_json::from_value(body).map_err(Error::malformed)?;
    response.into_forecast(Timestamp::UNIX_EPOCH)
}

/// Returns the current time if these fields of the response are replaced or removed.
fn time_with(offset: Option<Value>, timezone: &str, time: Value) -> Option<String> {
    let mut body = good();
    body["utc_offset_seconds"] = offset.unwrap_or_default();
    body["timezone"] = json!(timezone);
    body["current"]["time"] = time;
    read(body).unwrap().current.time.map(|time| time.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn into_forecast_keeps_an_unchanged_temperature(body in mutated(good())) {
        let is_unchanged = body.pointer("/current/temperature_2m") == Some(&json!(7.4));
        let outcome = read(body);
        if is_unchanged {
            prop_assert_eq!(outcome.unwrap().current.temperature_celsius, Some(7.4));
        }
    }

    #[test]
    fn into_forecast_returns_consistent_days_in_order(body in mutated(good())) {
        let daily = read(body).map(|forecast| forecast.daily).unwrap_or_default();
        prop_assert!(daily.len() <= DAYS);
        prop_assert!(daily.is_sorted_by(|earlier, later| earlier.date < later.date), "{daily:?}");
        for day in daily {
            prop_assert!(day.has_values());
            if let (Some(min), Some(max)) = (day.temperature_min_celsius, day.temperature_max_celsius) {
                prop_assert!(min <= max);
            }
        }
    }
}

#[test]
fn into_forecast_uses_the_utc_offset_of_the_response() {
    for offset in [json!(3600), json!(3600.0), json!("3600")] {
        let time = time_with(Some(offset), "Europe/Paris", json!("2026-11-22T10:15"));
        assert_eq!(time.as_deref(), Some("2026-11-22T09:15:00Z"));
    }
}

#[test]
fn into_forecast_needs_no_utc_offset_for_utc() {
    for (zone, time) in [
        ("GMT", "2026-11-22T09:15"),
        ("UTC", "2026-11-22T09:15"),
        ("Europe/Paris", "2026-11-22T09:15:00Z"),
        ("Europe/Paris", "2026-11-22T10:15:00+01:00"),
    ] {
        let time = time_with(None, zone, json!(time));
        assert_eq!(time.as_deref(), Some("2026-11-22T09:15:00Z"), "{zone}");
    }
}

#[test]
fn into_forecast_leaves_out_a_time_that_is_not_known() {
    for offset in [None, Some(json!(1_000_000)), Some(json!(0.5)), Some(json!("CET")), Some(json!([]))] {
        let time = time_with(offset.clone(), "Europe/Paris", json!("2026-11-22T10:15"));
        assert_eq!(time, None, "{offset:?}");
    }
    for time in
        [json!("yesterday"), json!("2026-11-31T10:15"), json!(1_795_000_000), json!("-002026-11-22T10:15")]
    {
        assert_eq!(time_with(Some(json!(0)), "GMT", time.clone()), None, "{time}");
    }
}
