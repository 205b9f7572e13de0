//! `GET /tasks/{id}`: a task with the weather at its city, or with a reason why there is none.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Kind, Server, Start, on_both_databases, timestamp, weather};

async fn asking(kind: Kind, geocoding: &str, weather: &str) -> Server {
    Start::on(kind).with("GEOCODING_BASE_URL", geocoding).with("WEATHER_BASE_URL", weather).start().await
}

async fn write(server: &Server, token: &str, city: &str) -> Value {
    let draft = json!({ "title": "Paint", "content": "Two coats", "city": city });
    server.post("/tasks", token, &draft).await.expect(StatusCode::CREATED).json()
}

/// The paths that were asked for, in order.
async fn asked(provider: &MockServer) -> Vec<String> {
    let requests = provider.received_requests().await.unwrap();
    requests.iter().map(|request| request.url.path().to_owned()).collect()
}

/// Fails unless the task is served whole, without weather and with a sentence instead; gives the sentence.
async fn no_weather(server: &Server, token: &str, task: &Value) -> String {
    let mut read = server.get(&format!("/tasks/{}", task["id"]), token).await.expect(StatusCode::OK).json();
    let fields = read.as_object_mut().unwrap();
    assert_eq!(fields.remove("weather"), Some(Value::Null));
    let sentence = fields.remove("weather_error").expect("a reason");
    assert_eq!(&read, task);
    let sentence = sentence.as_str().expect("a sentence").to_owned();
    assert!(sentence.starts_with(char::is_uppercase) && sentence.contains(' '), "{sentence}");
    for inner in ["127.0.0.1", "http", "canary", "error:", "/v1", "os error"] {
        assert!(!sentence.contains(inner), "{sentence}");
    }
    sentence
}

on_both_databases! {
    async fn a_task_has_the_weather_at_its_city(kind: Kind) {
        let provider = weather::of_lisbon().await;
        let server = asking(kind, &provider.uri(), &provider.uri()).await;
        let token = server.user("ada").await;
        let task = write(&server, &token, "Lisbon").await;
        let id = format!("/tasks/{}", task["id"]);
        let mut read = server.get(&id, &token).await.expect(StatusCode::OK).json();
        let weather = read.as_object_mut().unwrap().remove("weather").unwrap();
        assert_eq!(read, task, "with the weather, and else as it was written");
        assert_eq!(weather["place"]["name"], "Lisbon");
        assert_eq!(weather["place"]["timezone"], "Europe/Lisbon");
        assert_eq!(weather["current"]["temperature_celsius"], 21.5);
        assert_eq!(timestamp(&weather["current"]["time"]), "2026-11-22T09:15:00.000000Z");
        timestamp(&weather["fetched_at"]);
        let days: Vec<_> = weather["daily"].as_array().unwrap().iter().map(|day| &day["date"]).collect();
        assert_eq!(days, ["2026-11-22", "2026-11-23"]);
        assert_eq!(weather["daily"][1]["temperature_max_celsius"], 19.5);
        assert_eq!(weather["daily"][1]["precipitation_probability_percent"], 80);

        // It moves: the weather does too.
        server.patch(&id, &token, &json!({ "city": "Atlantis" })).await.expect(StatusCode::OK);
        let mut moved = task.clone();
        moved["city"] = json!("Atlantis");
        moved["updated_at"] = server.get("/tasks", &token).await.json()[0]["updated_at"].clone();
        assert_eq!(no_weather(&server, &token, &moved).await, "No place of that name is known");
    }

    async fn only_reading_one_task_asks_for_the_weather(kind: Kind) {
        let provider = weather::of_lisbon().await;
        let server = asking(kind, &provider.uri(), &provider.uri()).await;
        let (token, bob) = (server.user("ada").await, server.user("bob").await);
        let task = write(&server, &token, "Lisbon").await;
        let path = format!("/tasks/{}", task["id"]);
        let listed = server.get("/tasks", &token).await.expect(StatusCode::OK).json();
        assert_eq!(listed, json!([task]), "lists have no weather");
        server.patch(&path, &token, &json!({ "title": "a" })).await.expect(StatusCode::OK);
        server.get(&path, &bob).await.expect(StatusCode::NOT_FOUND);
        server.get(&path, "").await.expect(StatusCode::UNAUTHORIZED);
        server.delete(&path, &token).await.expect(StatusCode::NO_CONTENT);
        server.get(&path, &token).await.expect(StatusCode::NOT_FOUND);
        assert_eq!(asked(&provider).await, [""; 0]);
    }

    async fn the_provider_is_asked_once_for_a_place(kind: Kind) {
        let provider = weather::of_lisbon().await;
        let server = asking(kind, &provider.uri(), &provider.uri()).await;
        let (ada, bob) = (server.user("ada").await, server.user("bob").await);
        let first = write(&server, &ada, "Lisbon").await;
        let second = write(&server, &bob, "  lisBON ").await;
        let mut seen = Vec::new();
        for (token, task) in [(&ada, &first), (&ada, &first), (&bob, &second)] {
            let task = server.get(&format!("/tasks/{}", task["id"]), token).await.expect(StatusCode::OK).json();
            seen.push(task["weather"].clone());
        }
        assert!(seen[0].is_object() && seen[0] == seen[1] && seen[0] == seen[2], "{seen:?}");
        assert_eq!(asked(&provider).await, ["/v1/search", "/v1/forecast"]);
        // What is not known is remembered as well.
        let nowhere = write(&server, &ada, "Atlantis").await;
        for _ in 0..2 {
            assert_eq!(no_weather(&server, &ada, &nowhere).await, "No place of that name is known");
        }
        assert_eq!(asked(&provider).await, ["/v1/search", "/v1/forecast", "/v1/search"]);
    }

    async fn a_city_cannot_reach_beyond_its_parameter(kind: Kind) {
        let provider = weather::of_lisbon().await;
        let server = asking(kind, &provider.uri(), &provider.uri()).await;
        let token = server.user("ada").await;
        for city in ["x&count=100&name=Lisbon", "../../v1/forecast#", "http://127.0.0.1/?", "São Paulo%00"] {
            let task = write(&server, &token, city).await;
            no_weather(&server, &token, &task).await;
            let requests = provider.received_requests().await.unwrap();
            let request = requests.last().unwrap();
            assert_eq!(request.url.path(), "/v1/search");
            let names: Vec<_> = request.url.query_pairs().filter(|(name, _)| name == "name").collect();
            assert_eq!(names.len(), 1, "{}", request.url);
            assert_eq!(names[0].1, city);
        }
    }

    async fn a_provider_that_fails_does_not_fail_the_task(kind: Kind) {
        let elsewhere = weather::of_lisbon().await;
        let good = weather::of_lisbon().await;
        let redirect = format!("{}/v1/search", elsewhere.uri());
        let templates = [
            ResponseTemplate::new(500).set_body_string("canary"),
            ResponseTemplate::new(429).insert_header("retry-after", "60"),
            ResponseTemplate::new(400).set_body_json(json!({ "error": true, "reason": "canary" })),
            ResponseTemplate::new(302).insert_header("location", redirect.as_str()),
            ResponseTemplate::new(200).set_body_string("<html>canary"),
            ResponseTemplate::new(200).set_body_string(""),
            ResponseTemplate::new(200).set_body_json(json!({ "results": [{ "name": "canary" }] })),
            ResponseTemplate::new(200).set_body_json(json!({ "results": "canary", "current": "canary" })),
            ResponseTemplate::new(200).set_body_string(format!("{{\"a\":\"{}\"}}", "canary".repeat(100_000))),
        ];
        for template in templates {
            let bad = MockServer::start().await;
            Mock::given(any()).respond_with(template).mount(&bad).await;
            // Each of the two services fails in its turn.
            for (geocoding, weather) in [(bad.uri(), good.uri()), (good.uri(), bad.uri())] {
                let server = asking(kind, &geocoding, &weather).await;
                let token = server.user("ada").await;
                let task = write(&server, &token, "Lisbon").await;
                no_weather(&server, &token, &task).await;
            }
            assert!(!asked(&bad).await.is_empty());
        }
        assert_eq!(asked(&elsewhere).await, [""; 0], "a redirect was followed");
    }

    async fn a_provider_that_is_down_does_not_fail_the_task(kind: Kind) {
        // As the harness configures it: nobody listens.
        let server = Server::on(kind).await;
        let token = server.user("ada").await;
        let task = write(&server, &token, "Lisbon").await;
        assert_eq!(no_weather(&server, &token, &task).await, "The weather service could not be reached");
    }

    async fn a_provider_that_is_slow_does_not_hold_the_task_up(kind: Kind) {
        // An hour: an answer can only come from giving up.
        let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(3_600));
        let provider = MockServer::start().await;
        Mock::given(path("/v1/search")).respond_with(slow).mount(&provider).await;
        let server = asking(kind, &provider.uri(), &provider.uri()).await;
        let token = server.user("ada").await;
        let task = write(&server, &token, "Lisbon").await;
        assert_eq!(no_weather(&server, &token, &task).await, "The weather service did not answer in time");
    }

    async fn a_provider_that_comes_back_is_asked_again(kind: Kind) {
        let provider = weather::of_lisbon().await;
        let failing = Mock::given(any()).respond_with(ResponseTemplate::new(503)).up_to_n_times(1).with_priority(1);
        failing.mount(&provider).await;
        let server = asking(kind, &provider.uri(), &provider.uri()).await;
        let token = server.user("ada").await;
        let task = write(&server, &token, "Lisbon").await;
        no_weather(&server, &token, &task).await;
        let path = format!("/tasks/{}", task["id"]);
        crate::harness::eventually("the weather", || async {
            server.get(&path, &token).await.expect(StatusCode::OK).json()["weather"].is_object()
        })
        .await;
    }
}
