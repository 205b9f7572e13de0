//! Responses with faulty values. The client leaves out the faulty values and keeps the others.

use std::sync::Arc;

use daybook_weather_client::{Condition, Error, Forecast, Place, Resolution};
use serde_json::{Value, json};

use crate::support::{client, forecast_body, forecast_body_with, ok, paris, provider, weather};

/// Returns the forecast that the client reads from this body.
async fn read(body: Value) -> Result<Arc<Forecast>, Error> {
    let server = provider(ok(paris()), ok(body)).await;
    weather(&client(&server.uri()), "Paris").await.map(|(_, forecast)| forecast)
}

/// Returns the forecast with one value of the response replaced, which must not be an error.
async fn forecast_with(pointer: &str, value: &Value) -> Value {
    let forecast = read(forecast_body_with(pointer, value.clone())).await;
    json!(*forecast.unwrap_or_else(|error| panic!("{pointer} = {value}: {error:?}")))
}

/// Returns the only place that the client finds in these search results.
async fn find(search: Value) -> Result<Place, Error> {
    let server = provider(ok(search), ok(forecast_body())).await;
    match client(&server.uri()).resolve("Paris").await? {
        Resolution::One(place) => Ok(place),
        Resolution::Several(places) => panic!("{places:?}"),
    }
}

/// Returns two search results for Paris. The first one has another value in one field.
fn two_results(field: &str, value: &Value) -> Value {
    let mut search = paris();
    let mut broken = search["results"][0].clone();
    broken[field] = value.clone();
    broken["country"] = json!("Nowhere");
    search["results"] = json!([broken, search["results"][0]]);
    search
}

#[tokio::test]
async fn a_faulty_current_value_is_left_out() {
    for (field, key, values) in [
        ("weather_code", "condition", [json!(null), json!(100), json!(-1), json!(3.5), json!("rain")]),
        (
            "precipitation",
            "precipitation_mm",
            [json!(-0.1), json!(null), json!(1e300), json!({}), json!("wet")],
        ),
        (
            "temperature_2m",
            "temperature_celsius",
            [json!(null), json!(70.1), json!("NaN"), json!([7.4]), json!(true)],
        ),
        (
            "apparent_temperature",
            "apparent_temperature_celsius",
            [json!(-151), json!(null), json!(""), json!({}), json!([])],
        ),
        (
            "relative_humidity_2m",
            "humidity_percent",
            [json!(101), json!(-1), json!(null), json!("damp"), json!({})],
        ),
        ("wind_speed_10m", "wind_speed_kmh", [json!(601), json!(-1), json!(null), json!("calm"), json!([])]),
        ("time", "time", [json!("yesterday"), json!(null), json!("2026-11-31T10:15"), json!(7), json!({})]),
    ] {
        let good = json!(*read(forecast_body()).await.unwrap());
        for value in values {
            let forecast = forecast_with(&format!("/current/{field}"), &value).await;
            let mut expected = good["current"].clone();
            expected[key] = json!(null);
            assert_eq!(forecast["current"], expected, "{field} = {value}");
            assert_eq!(forecast["daily"], good["daily"], "{field} = {value}");
        }
    }
}

#[tokio::test]
async fn a_number_may_be_a_string_or_a_float() {
    let forecast = forecast_with("/current/temperature_2m", &json!("21.4")).await;
    assert_eq!(forecast["current"]["temperature_celsius"], 21.4);
    for code in [json!(3), json!(3.0), json!("3")] {
        let forecast = forecast_with("/current/weather_code", &code).await;
        assert_eq!(forecast["current"]["condition"], json!(Condition::from_code(3)), "{code}");
    }
}

#[tokio::test]
async fn a_forecast_without_daily_or_current_values_keeps_the_others() {
    for daily in [json!(null), json!([]), json!("none"), json!({}), json!({ "time": [] })] {
        let forecast = read(forecast_body_with("/daily", daily.clone())).await.unwrap();
        assert_eq!(forecast.current.temperature_celsius, Some(7.4), "{daily}");
        assert!(forecast.daily.is_empty(), "{daily}");
    }
    for current in [json!(null), json!([]), json!(7), json!({})] {
        let forecast = read(forecast_body_with("/current", current.clone())).await.unwrap();
        assert_eq!(forecast.current.temperature_celsius, None, "{current}");
        assert_eq!(forecast.current.condition, None, "{current}");
        assert_eq!(forecast.daily.len(), 2, "{current}");
    }
    let mut without_daily = forecast_body();
    without_daily.as_object_mut().unwrap().remove("daily");
    assert_eq!(read(without_daily).await.unwrap().current.temperature_celsius, Some(7.4));
}

#[tokio::test]
async fn a_forecast_without_a_single_value_is_malformed() {
    for body in [
        json!({}),
        json!({ "error": true, "reason": "maintenance" }),
        json!({ "utc_offset_seconds": 0, "current": { "time": "2026-11-22T10:15" }, "daily": null }),
        json!({ "current": { "temperature_2m": null }, "daily": { "time": ["2026-11-22"] } }),
    ] {
        let error = read(body.clone()).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn a_faulty_daily_column_keeps_the_days() {
    for (column, key) in [
        ("weather_code", "condition"),
        ("temperature_2m_max", "temperature_max_celsius"),
        ("temperature_2m_min", "temperature_min_celsius"),
        ("precipitation_probability_max", "precipitation_probability_percent"),
    ] {
        let good = json!(*read(forecast_body()).await.unwrap())["daily"].clone();
        let pointer = format!("/daily/{column}");
        for faulty in [json!(null), json!({}), json!("61"), json!([]), json!([null, "x"]), json!([1e9, -1e9])]
        {
            let mut expected = good.clone();
            (expected[0][key], expected[1][key]) = (json!(null), json!(null));
            assert_eq!(forecast_with(&pointer, &faulty).await["daily"], expected, "{column} = {faulty}");
        }

        let values = forecast_body()["daily"][column].as_array().unwrap().clone();
        let mut expected = good.clone();
        expected[1][key] = json!(null);
        assert_eq!(forecast_with(&pointer, &json!(values[..1])).await["daily"], expected, "{column}");
        let longer = [values.as_slice(), &[json!(1)]].concat();
        assert_eq!(forecast_with(&pointer, &json!(longer)).await["daily"], good, "{column}");
    }
}

#[tokio::test]
async fn temperatures_of_a_day_are_left_out_if_the_lowest_is_above_the_highest() {
    // The lowest temperature of the second day is -1.5.
    let forecast = forecast_with("/daily/temperature_2m_max/1", &json!(-2)).await;
    let day = &forecast["daily"][1];
    assert_eq!(
        (&day["temperature_min_celsius"], &day["temperature_max_celsius"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(day["condition"]["code"], 3);
    // One temperature alone is kept.
    let forecast = forecast_with("/daily/temperature_2m_max/1", &json!(null)).await;
    assert_eq!(forecast["daily"][1]["temperature_min_celsius"], -1.5);
}

#[tokio::test]
async fn a_day_without_a_date_or_without_values_is_left_out() {
    for date in [json!("2026-02-30"), json!(null), json!(20_261_122), json!("today"), json!("2026-11-23")] {
        let forecast = forecast_with("/daily/time/0", &date).await;
        let dates: Vec<_> = forecast["daily"].as_array().unwrap().iter().map(|day| &day["date"]).collect();
        assert_eq!(dates, ["2026-11-23"], "{date}");
    }
    let mut body = forecast_body();
    for column in
        ["weather_code", "temperature_2m_max", "temperature_2m_min", "precipitation_probability_max"]
    {
        body["daily"][column][0] = json!(null);
    }
    let daily = read(body).await.unwrap().daily.clone();
    assert_eq!(daily.iter().map(|day| day.date.to_string()).collect::<Vec<_>>(), ["2026-11-23"]);
}

#[tokio::test]
async fn days_are_sorted_by_date() {
    let forecast = forecast_with("/daily/time", &json!(["2026-11-24", "2026-11-23"])).await;
    assert_eq!(forecast["daily"][0]["date"], "2026-11-23");
    assert_eq!(forecast["daily"][0]["condition"]["code"], 3);
    assert_eq!(forecast["daily"][1]["condition"]["code"], 61);
}

#[tokio::test]
async fn a_time_without_a_usable_utc_offset_is_left_out() {
    for offset in [json!(null), json!(1_000_000), json!(0.5), json!("CET"), json!({})] {
        let forecast = forecast_with("/utc_offset_seconds", &offset).await;
        assert_eq!(forecast["current"]["time"], json!(null), "{offset}");
        assert_eq!(forecast["current"]["temperature_celsius"], 7.4, "{offset}");
    }
    let mut utc = forecast_body_with("/utc_offset_seconds", json!(null));
    utc["timezone"] = json!("GMT");
    let forecast = json!(*read(utc).await.unwrap());
    assert_eq!(forecast["current"]["time"], "2026-11-22T10:15:00.000000Z");
}

#[tokio::test]
async fn a_result_without_a_usable_name_or_coordinates_is_skipped() {
    let long = "x".repeat(201);
    for (field, value) in [
        ("name", json!("Paris\u{200e}")),
        ("name", json!("a\0b")),
        ("name", json!("a\u{202e}b")),
        ("name", json!("a\u{ad}b")),
        ("name", json!("a\u{e0041}b")),
        ("name", json!(long)),
        ("name", json!("")),
        ("name", json!(" ")),
        ("name", json!(7)),
        ("name", json!(null)),
        ("latitude", json!(90.01)),
        ("latitude", json!("48.85")),
        ("latitude", json!(null)),
        ("longitude", json!(-180.5)),
        ("longitude", json!([2.3])),
    ] {
        let place = find(two_results(field, &value)).await.unwrap();
        assert_eq!(place.country.as_deref(), Some("France"), "{field} = {value}");

        let mut alone = paris();
        alone["results"][0][field] = value.clone();
        let error = find(alone).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{field} = {value}: {error:?}");
    }
}

#[tokio::test]
async fn a_result_of_another_type_is_skipped() {
    for broken in [json!(null), json!("Paris"), json!([]), json!({}), json!(7)] {
        let mut search = paris();
        search["results"].as_array_mut().unwrap().insert(0, broken.clone());
        assert_eq!(find(search).await.unwrap().name, "Paris", "{broken}");
        let error = find(json!({ "results": [broken] })).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{broken}: {error:?}");
    }
}

#[tokio::test]
async fn a_faulty_optional_field_of_a_place_is_left_out() {
    let long = "x".repeat(201);
    for (field, value) in [
        ("population", json!(-1)),
        ("population", json!(1.5)),
        ("population", json!("2138551")),
        ("timezone", json!(1)),
        ("timezone", json!("Europe/\u{2066}")),
        ("country_code", json!("FRA")),
        ("country_code", json!("F\nR")),
        ("country", json!("\u{1b}[31m")),
        ("country", json!("a\u{2028}b")),
        ("admin1", json!(long)),
        ("admin1", json!("a\u{200b}b")),
        ("admin1", json!({})),
    ] {
        let mut search = paris();
        let mut expected = json!(find(search.clone()).await.unwrap());
        search["results"][0][field] = value.clone();
        expected[field] = json!(null);
        assert_eq!(json!(find(search).await.unwrap()), expected, "{field} = {value}");
    }
    let mut search = paris();
    search["results"][0]["elevation"] = json!("high");
    assert_eq!(find(search).await.unwrap().name, "Paris");
}
