//! The requests that the client sends, and the values that it reads from the responses.

use std::sync::Arc;

use daybook_weather_client::{Error, Forecast, Place};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{
    FORECAST, builder, client, forecast_body, forecast_body_with, healthy_provider, ok, paris, provider,
    requests, weather,
};

const NOON: &str = "2026-11-22T12:00:00.123456789Z";

/// Returns the place and the forecast that the client reads from these two bodies.
async fn read(search: Value, forecast: Value) -> Result<(Place, Arc<Forecast>), Error> {
    let server = provider(ok(search), ok(forecast)).await;
    let noon: Timestamp = NOON.parse().expect("a time");
    weather(&builder(&server.uri()).clock(move || noon).build()?, "Paris").await
}

#[tokio::test]
async fn place_and_forecast_hold_the_values_of_the_responses() {
    let (place, forecast) = read(paris(), forecast_body()).await.unwrap();
    assert_eq!(forecast.fetched_at, NOON.parse().unwrap());
    assert_eq!(
        json!({ "place": place, "forecast": *forecast }),
        json!({
            "place": {
                "name": "Paris", "country": "France", "country_code": "FR", "admin1": "Île-de-France",
                "latitude": 48.85341, "longitude": 2.3488, "timezone": "Europe/Paris",
                "population": 2_138_551,
            },
            "forecast": {
                "stale": false,
                "fetched_at": "2026-11-22T12:00:00.123456Z",
                "current": {
                    "time": "2026-11-22T09:15:00.000000Z",
                    "temperature_celsius": 7.4,
                    "apparent_temperature_celsius": 4.1,
                    "humidity_percent": 81,
                    "precipitation_mm": 0.2,
                    "wind_speed_kmh": 14.8,
                    "condition": {"code": 61, "description": "Slight rain"},
                },
                "daily": [
                    {
                        "date": "2026-11-22",
                        "temperature_min_celsius": 3.2, "temperature_max_celsius": 9.1,
                        "precipitation_probability_percent": 88,
                        "condition": {"code": 61, "description": "Slight rain"},
                    },
                    {
                        "date": "2026-11-23",
                        "temperature_min_celsius": -1.5, "temperature_max_celsius": 8.0,
                        "precipitation_probability_percent": 4,
                        "condition": {"code": 3, "description": "Overcast"},
                    },
                ],
            },
        })
    );
}

#[tokio::test]
async fn requests_follow_the_documentation_of_open_meteo() {
    let server = healthy_provider().await;
    weather(&client(&server.uri()), "Paris").await.unwrap();

    let requests = requests(&server).await;
    let [search, forecast] = &requests[..] else { panic!("one request each, not {}", requests.len()) };
    assert_eq!(search.method.as_str(), "GET");
    assert_eq!(search.url.path(), "/v1/search");
    assert_eq!(search.url.query(), Some("name=Paris&count=50&language=en&format=json"));
    assert_eq!(forecast.method.as_str(), "GET");
    assert_eq!(forecast.url.path(), FORECAST);
    let query: Vec<_> = forecast.url.query_pairs().collect();
    let expected = [
        ("latitude", "48.85341"),
        ("longitude", "2.3488"),
        (
            "current",
            "temperature_2m,apparent_temperature,relative_humidity_2m,\
             precipitation,weather_code,wind_speed_10m",
        ),
        ("daily", "weather_code,temperature_2m_max,temperature_2m_min,precipitation_probability_max"),
        ("timezone", "auto"),
        ("forecast_days", "16"),
    ];
    assert_eq!(query, expected.map(|(key, value)| (key.into(), value.into())));
    for request in &requests {
        let agent = request.headers.get("user-agent").unwrap().to_str().unwrap();
        assert_eq!(agent, concat!("daybook-weather-client/", env!("CARGO_PKG_VERSION")));
    }
}

#[tokio::test]
async fn requests_keep_the_path_of_the_base_url() {
    let server = healthy_provider().await;
    for base in ["/open-meteo", "/open-meteo/"] {
        let error = client(&format!("{}{base}", server.uri())).resolve("Paris").await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { status: 404, .. }), "{error:?}");
    }
    for request in requests(&server).await {
        assert_eq!(request.url.path(), "/open-meteo/v1/search");
    }
}

#[tokio::test]
async fn resolve_rejects_a_name_without_results() {
    for nothing in [json!({"generationtime_ms": 0.3}), json!({"results": []}), json!({"results": null})] {
        let error = read(nothing.clone(), forecast_body()).await.unwrap_err();
        assert!(matches!(error, Error::UnknownPlace), "{nothing}: {error:?}");
    }
}

#[tokio::test]
async fn resolve_chooses_the_only_place_with_a_known_population() {
    let mut several = paris();
    let texas = json!({"name": "Paris", "latitude": 33.66, "longitude": -95.55, "country": "United States"});
    several["results"].as_array_mut().unwrap().push(texas);
    let (place, _) = read(several, forecast_body()).await.unwrap();
    assert_eq!(place.country.unwrap(), "France");
}

#[tokio::test]
async fn a_place_requires_only_a_name_and_coordinates() {
    let atlantis = json!({"results": [
        {"name": "Atlantis", "latitude": -31, "longitude": 180,
         "country": "", "admin1": null, "timezone": ""},
    ]});
    let (place, _) = read(atlantis, forecast_body()).await.unwrap();
    assert_eq!(place.name, "Atlantis");
    assert_eq!((place.latitude, place.longitude), (-31.0, 180.0));
    assert_eq!((place.country, place.country_code, place.admin1, place.timezone), (None, None, None, None));
}

#[tokio::test]
async fn a_place_with_an_invalid_field_is_malformed() {
    for (field, value) in [
        ("name", json!("")),
        ("name", json!(7)),
        ("latitude", json!(90.01)),
        ("latitude", json!("48.85")),
        ("longitude", json!(-180.5)),
        ("longitude", json!(null)),
    ] {
        let mut search = paris();
        search["results"][0][field] = value.clone();
        let error = read(search, forecast_body()).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{field} = {value}: {error:?}");
    }
}

#[tokio::test]
async fn unknown_values_of_a_forecast_are_none() {
    let mut forecast = forecast_body();
    for field in ["apparent_temperature", "relative_humidity_2m", "precipitation", "wind_speed_10m"] {
        forecast["current"][field] = json!(null);
    }
    forecast["daily"]["precipitation_probability_max"] = json!([null, 4]);

    let (_, forecast) = read(paris(), forecast).await.unwrap();
    assert_eq!(forecast.current.temperature_celsius, 7.4);
    assert_eq!(forecast.current.apparent_temperature_celsius, None);
    assert_eq!(forecast.current.humidity_percent, None);
    assert_eq!(forecast.current.precipitation_mm, None);
    assert_eq!(forecast.current.wind_speed_kmh, None);
    let probabilities: Vec<_> =
        forecast.daily.iter().map(|day| day.precipitation_probability_percent).collect();
    assert_eq!(probabilities, [None, Some(4)]);
}

#[tokio::test]
async fn a_forecast_omits_days_without_values() {
    for (column, values) in [
        ("/daily/weather_code", json!([61, null])),
        ("/daily/temperature_2m_max", json!([9.1, null])),
        ("/daily/temperature_2m_min", json!([3.2, null])),
    ] {
        let (_, forecast) = read(paris(), forecast_body_with(column, values)).await.unwrap();
        let dates: Vec<_> = forecast.daily.iter().map(|day| day.date.to_string()).collect();
        assert_eq!(dates, ["2026-11-22"], "{column}");
    }
}

#[tokio::test]
async fn a_forecast_has_at_most_sixteen_days() {
    let daily = json!({
        "time": vec!["2026-11-22"; 20], "weather_code": vec![0; 20], "temperature_2m_max": vec![1.0; 20],
        "temperature_2m_min": vec![0.0; 20], "precipitation_probability_max": vec![0; 20],
    });
    let (_, forecast) = read(paris(), forecast_body_with("/daily", daily)).await.unwrap();
    assert_eq!(forecast.daily.len(), 16);
}

#[tokio::test]
async fn a_place_with_invisible_characters_or_a_long_text_is_malformed() {
    let long = "x".repeat(201);
    for (field, text) in [
        ("name", "a\0b"),
        ("name", "a\u{202e}b"),
        ("country", "\u{1b}[31m"),
        ("country_code", "F\nR"),
        ("admin1", &long),
        ("timezone", "Europe/\u{2066}"),
        ("name", "a\u{ad}b"),
        ("admin1", "a\u{200b}b"),
        ("country", "a\u{2028}b"),
        ("name", "a\u{e0041}b"),
    ] {
        let mut place = paris();
        place["results"][0][field] = json!(text);
        let error = read(place, forecast_body()).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{field}: {error:?}");
    }
}

#[tokio::test]
async fn a_place_may_contain_joiners() {
    let name = "م\u{200c}ی👩\u{200d}👧❤\u{fe0f}";
    let mut search = paris();
    search["results"][0]["name"] = json!(name);
    let (place, _) = read(search, forecast_body()).await.unwrap();
    assert_eq!(place.name, name);
}

#[tokio::test]
async fn a_forecast_with_an_impossible_value_is_malformed() {
    for (pointer, value) in [
        ("/utc_offset_seconds", json!(1_000_000)),
        ("/utc_offset_seconds", json!(null)),
        ("/current", json!(null)),
        ("/current/time", json!("yesterday")),
        ("/current/time", json!("2026-11-31T10:15")),
        ("/current/temperature_2m", json!(null)),
        ("/current/temperature_2m", json!(70.1)),
        ("/current/temperature_2m", json!("NaN")),
        ("/current/apparent_temperature", json!(-151)),
        ("/current/relative_humidity_2m", json!(101)),
        ("/current/precipitation", json!(-0.1)),
        ("/current/wind_speed_10m", json!(601)),
        ("/current/weather_code", json!(100)),
        ("/current/weather_code", json!(-1)),
        ("/daily", json!([])),
        ("/daily/time/0", json!("2026-02-30")),
        ("/daily/time/0", json!(null)),
        ("/daily/weather_code/1", json!(100)),
        ("/daily/temperature_2m_min/1", json!(-100.1)),
        ("/daily/temperature_2m_max/1", json!(70.1)),
        // The highest temperature (-2) is below the lowest (-1.5).
        ("/daily/temperature_2m_max/1", json!(-2)),
        ("/daily/precipitation_probability_max/0", json!(100.5)),
        ("/daily/precipitation_probability_max/0", json!("likely")),
    ] {
        let error = read(paris(), forecast_body_with(pointer, value.clone())).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{pointer} = {value}: {error:?}");
    }
}

#[tokio::test]
async fn a_forecast_with_columns_of_unequal_length_is_malformed() {
    for column in
        ["time", "weather_code", "temperature_2m_max", "temperature_2m_min", "precipitation_probability_max"]
    {
        let mut shorter = forecast_body();
        shorter["daily"][column].as_array_mut().unwrap().pop();
        let error = read(paris(), shorter).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{column}: {error:?}");
    }
}

#[cfg(feature = "utoipa")]
#[test]
fn schemas_describe_times_and_dates_as_strings_with_a_format() {
    use daybook_weather_client::{Day, Forecast};
    use utoipa::PartialSchema;

    let forecast = serde_json::to_value(Forecast::schema()).unwrap();
    assert_eq!(forecast["properties"]["fetched_at"]["type"], "string");
    assert_eq!(forecast["properties"]["fetched_at"]["format"], "date-time");
    let day = serde_json::to_value(Day::schema()).unwrap();
    assert_eq!(day["properties"]["date"]["format"], "date");
    let required: Vec<_> = day["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(!required.contains(&"precipitation_probability_percent"), "{required:?}");
}
