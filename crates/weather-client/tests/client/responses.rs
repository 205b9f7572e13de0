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
async fn a_forecast_has_at_most_sixteen_days() {
    let dates: Vec<_> = (1..=20).map(|day| format!("2026-11-{day:02}")).collect();
    let daily = json!({
        "time": dates, "weather_code": vec![0; 20], "temperature_2m_max": vec![1.0; 20],
        "temperature_2m_min": vec![0.0; 20], "precipitation_probability_max": vec![0; 20],
    });
    let (_, forecast) = read(paris(), forecast_body_with("/daily", daily)).await.unwrap();
    assert_eq!(forecast.daily.len(), 16);
}

#[tokio::test]
async fn a_place_may_contain_joiners() {
    let name = "م\u{200c}ی👩\u{200d}👧❤\u{fe0f}";
    let mut search = paris();
    search["results"][0]["name"] = json!(name);
    let (place, _) = read(search, forecast_body()).await.unwrap();
    assert_eq!(place.name, name);
}

#[cfg(feature = "utoipa")]
#[test]
fn schemas_describe_times_and_dates_as_strings_with_a_format() {
    use daybook_weather_client::{Current, Day, Forecast};
    use utoipa::PartialSchema;

    let forecast = serde_json::to_value(Forecast::schema()).unwrap();
    assert_eq!(forecast["properties"]["fetched_at"]["type"], "string");
    assert_eq!(forecast["properties"]["fetched_at"]["format"], "date-time");
    let current = serde_json::to_value(Current::schema()).unwrap();
    assert_eq!(current["properties"]["time"]["type"], json!(["string", "null"]));
    assert_eq!(current["properties"]["time"]["format"], "date-time");
    let day = serde_json::to_value(Day::schema()).unwrap();
    assert_eq!(day["properties"]["date"]["format"], "date");
    let required: Vec<_> = day["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(!required.contains(&"precipitation_probability_percent"), "{required:?}");
}
