//! Faulty responses of Open-Meteo. The task has all that is usable of them.

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Kind, Server, Start, TEST_TIMEOUT};

/// Starts a service with a provider that finds these places and has this forecast.
async fn with_provider(kind: Kind, places: &Value, forecast: &Value) -> (Server, MockServer) {
    let provider = MockServer::start().await;
    for (route, body) in [("/v1/search", &json!({ "results": places })), ("/v1/forecast", forecast)] {
        let template = ResponseTemplate::new(200).set_body_json(body);
        Mock::given(method("GET")).and(path(route)).respond_with(template).mount(&provider).await;
    }
    (Start::on(kind).with_weather(&provider.uri(), &provider.uri()).start().await, provider)
}

fn place(name: &str, admin1: &str, admin2: &str, code: &str, latitude: f64) -> Value {
    json!({
        "name": name, "latitude": latitude, "longitude": 1.5, "country_code": code, "admin1": admin1,
        "admin2": admin2, "timezone": "Europe/London", "population": 9_000,
    })
}

fn forecast(current: &Value) -> Value {
    json!({ "utc_offset_seconds": 0, "timezone": "GMT", "current": current, "daily": null })
}

fn draft(city: &str) -> Value {
    json!({ "title": "Paint", "content": "Two coats", "city": city })
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_task_shows_the_temperature_beside_impossible_values(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let good = json!({ "time": "2026-11-22T09:15", "temperature_2m": 21.5, "wind_speed_10m": 12.3,
        "weather_code": 3, "precipitation": 0.2 });
    for (field, value, shown) in [
        ("weather_code", json!(null), "condition"),
        ("weather_code", json!(1_000), "condition"),
        ("precipitation", json!(-0.1), "precipitation_mm"),
        ("precipitation", json!("wet"), "precipitation_mm"),
        ("time", json!(null), "time"),
    ] {
        let mut current = good.clone();
        current[field] = value;
        let places = json!([place("Lisbon", "Lisbon", "Lisbon", "PT", 38.7)]);
        let (server, _provider) = with_provider(kind, &places, &forecast(&current)).await;
        let token = server.user("ada").await;
        let task = server.post("/tasks", &token, &draft("Lisbon")).await.expect(StatusCode::CREATED).json();
        let task = server.get(&format!("/tasks/{}", task["id"]), &token).await.expect(StatusCode::OK).json();
        let current = &task["weather"]["current"];
        assert_eq!(current["temperature_celsius"], 21.5, "{field}: {task}");
        assert_eq!(current["wind_speed_kmh"], 12.3, "{field}: {task}");
        assert_eq!(current[shown], Value::Null, "{field}: {task}");
        assert_eq!(task["weather"]["daily"], json!([]), "{field}: {task}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_task_skips_a_broken_candidate(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let good = place("Lisbon", "Lisbon", "Lisbon", "PT", 38.7);
    for broken in [
        place("Lis\u{200e}bon", "Lisbon", "Lisbon", "PT", 10.0),
        place("Lisbon", "Maine", "Androscoggin", "US", 100.0),
        json!(null),
        json!({ "name": 7 }),
    ] {
        let (server, _provider) = with_provider(kind, &json!([good, broken]), &json!({})).await;
        let token = server.user("ada").await;
        let task = server.post("/tasks", &token, &draft("Lisbon")).await.expect(StatusCode::CREATED).json();
        assert_eq!(task["place"]["country_code"], "PT", "{broken}: {task}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_task_tells_places_of_one_region_apart(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let beeston = |admin2: &str, latitude: f64| place("Beeston", "England", admin2, "GB", latitude);
    let places = json!([beeston("Nottinghamshire", 52.9), beeston("Leeds", 53.8), beeston("Norfolk", 52.7)]);
    let (server, _provider) = with_provider(kind, &places, &json!({})).await;
    let token = server.user("ada").await;
    let answer = server.post("/tasks", &token, &draft("Beeston")).await;
    let answer = answer.expect(StatusCode::UNPROCESSABLE_ENTITY).json();
    let candidates = answer["detail"][0]["ctx"]["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 3, "{answer}");
    for (admin2, latitude) in [("Nottinghamshire", 52.9), ("Leeds", 53.8), ("Norfolk", 52.7)] {
        let cities = candidates.iter().map(|candidate| candidate["city"].as_str().unwrap());
        let named: Vec<_> = cities.filter(|city| city.contains(admin2)).collect();
        let [city] = named[..] else { panic!("{answer}") };
        let task = server.post("/tasks", &token, &draft(city)).await.expect(StatusCode::CREATED).json();
        assert_eq!(task["place"]["latitude"], latitude, "{city}: {task}");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_task_reads_the_code_of_a_region(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let places = json!([
        place("Vancouver", "British Columbia", "Metro Vancouver", "CA", 49.2),
        place("Vancouver", "Washington", "Clark", "US", 45.6),
        place("Vancouver", "Western Australia", "Albany", "AU", -35.0),
    ]);
    let (server, _provider) = with_provider(kind, &places, &json!({})).await;
    let token = server.user("ada").await;
    for (city, code) in [
        ("Vancouver, BC", "CA"),
        ("Vancouver, B.C.", "CA"),
        ("Vancouver, US-WA", "US"),
        ("Vancouver, WA, AU", "AU"),
    ] {
        let task = server.post("/tasks", &token, &draft(city)).await.expect(StatusCode::CREATED).json();
        assert_eq!(task["place"]["country_code"], code, "{city}: {task}");
    }
}
