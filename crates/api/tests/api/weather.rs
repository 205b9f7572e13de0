//! `GET /tasks/{id}`: a task with the weather at its city, or with the reason for its absence.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Kind, Server, Start, TEST_TIMEOUT, timestamp, weather};

/// Starts a service with these two providers.
async fn with_providers(kind: Kind, geocoding: &str, weather: &str) -> Server {
    Start::on(kind).with_weather(geocoding, weather).start().await
}

/// Creates a task with this city.
async fn write(server: &Server, token: &str, city: &str) -> Value {
    let draft = json!({ "title": "Paint", "content": "Two coats", "city": city });
    server.post("/tasks", token, &draft).await.expect(StatusCode::CREATED).json()
}

/// Returns the paths that the provider was asked for, in order.
async fn paths_requested(provider: &MockServer) -> Vec<String> {
    let requests = provider.received_requests().await.unwrap();
    requests.iter().map(|request| request.url.path().to_owned()).collect()
}

/// Fails unless the task is complete, has no weather, and has a sentence with the reason. Returns
/// the sentence.
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

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_task_returns_the_weather_at_its_city(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = weather::of_lisbon().await;
    let server = with_providers(kind, &provider.uri(), &provider.uri()).await;
    let token = server.user("ada").await;
    let task = write(&server, &token, "Lisbon").await;
    let id = format!("/tasks/{}", task["id"]);
    let mut read = server.get(&id, &token).await.expect(StatusCode::OK).json();
    let weather = read.as_object_mut().unwrap().remove("weather").unwrap();
    assert_eq!(read, task, "apart from the weather, the task must be as it was created");
    let place = json!({
        "name": "Lisbon", "country": "Portugal", "country_code": "PT", "admin1": "Lisbon",
        "latitude": 38.71667, "longitude": -9.13333, "timezone": "Europe/Lisbon",
    });
    assert_eq!((&task["place"], &weather["place"]), (&place, &place));
    assert_eq!((&weather["source"], &weather["stale"]), (&json!("Open-Meteo.com"), &json!(false)));
    assert_eq!(weather["current"]["temperature_celsius"], 21.5);
    assert_eq!(timestamp(&weather["current"]["time"]), "2026-11-22T09:15:00.000000Z");
    timestamp(&weather["fetched_at"]);
    let days: Vec<_> = weather["daily"].as_array().unwrap().iter().map(|day| &day["date"]).collect();
    assert_eq!(days.len(), 7, "{days:?}");
    assert_eq!((days[0], days[6]), (&json!("2026-11-22"), &json!("2026-11-28")));
    assert_eq!(weather["daily"][1]["temperature_max_celsius"], 19.5);
    assert_eq!(weather["daily"][1]["precipitation_probability_percent"], 80);

    // Another city has other weather.
    server.patch(&id, &token, &json!({ "city": "Atlantis" })).await.expect(StatusCode::OK);
    let mut moved = task.clone();
    moved["city"] = json!("Atlantis");
    moved["place"] = Value::Null;
    moved["updated_at"] = server.get("/tasks", &token).await.json()[0]["updated_at"].clone();
    assert_eq!(no_weather(&server, &token, &moved).await, "No place of that name is known");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_get_task_requests_the_forecast(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = weather::of_lisbon().await;
    let server = with_providers(kind, &provider.uri(), &provider.uri()).await;
    let (token, bob) = (server.user("ada").await, server.user("bob").await);
    let task = write(&server, &token, "Lisbon").await;
    assert_eq!(paths_requested(&provider).await, ["/v1/search"], "creating a task geocodes its city");
    write(&server, &token, " \t").await;
    server.delete("/tasks/2", &token).await.expect(StatusCode::NO_CONTENT);
    let path = format!("/tasks/{}", task["id"]);
    let listed = server.get("/tasks", &token).await.expect(StatusCode::OK).json();
    assert_eq!(listed, json!([task]), "the list has the weather");
    server.patch(&path, &token, &json!({ "title": "a" })).await.expect(StatusCode::OK);
    server.patch(&path, &token, &json!({ "city": "Lisbon" })).await.expect(StatusCode::OK);
    for method in [Method::PUT, Method::PATCH] {
        let elsewhere = json!({ "title": "a", "content": "b", "city": "Porto" });
        server.send(method.clone(), &path, &bob, &elsewhere).await.expect(StatusCode::NOT_FOUND);
        server.send(method, &path, "", &elsewhere).await.expect(StatusCode::UNAUTHORIZED);
    }
    server.get(&path, &bob).await.expect(StatusCode::NOT_FOUND);
    server.get(&path, "").await.expect(StatusCode::UNAUTHORIZED);
    server.delete(&path, &token).await.expect(StatusCode::NO_CONTENT);
    server.get(&path, &token).await.expect(StatusCode::NOT_FOUND);
    assert_eq!(paths_requested(&provider).await, ["/v1/search"]);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn geocoding_and_forecast_are_cached(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = weather::of_lisbon().await;
    let server = with_providers(kind, &provider.uri(), &provider.uri()).await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let first = write(&server, &ada, "Lisbon").await;
    let second = write(&server, &bob, "  lisBON ").await;
    let mut seen = Vec::new();
    for (token, task) in [(&ada, &first), (&ada, &first), (&bob, &second)] {
        let task = server.get(&format!("/tasks/{}", task["id"]), token).await.expect(StatusCode::OK).json();
        seen.push(task["weather"].clone());
    }
    assert!(seen[0].is_object() && seen[0] == seen[1] && seen[0] == seen[2], "{seen:?}");
    assert_eq!(paths_requested(&provider).await, ["/v1/search", "/v1/forecast"]);
    // An unknown city is cached too.
    let nowhere = write(&server, &ada, "Atlantis").await;
    for _ in 0..2 {
        assert_eq!(no_weather(&server, &ada, &nowhere).await, "No place of that name is known");
    }
    assert_eq!(paths_requested(&provider).await, ["/v1/search", "/v1/forecast", "/v1/search"]);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_task_sends_the_city_as_one_query_parameter(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = weather::of_lisbon().await;
    let server = with_providers(kind, &provider.uri(), &provider.uri()).await;
    let token = server.user("ada").await;
    for city in ["x&count=100&name=Lisbon", "../../v1/forecast#", "http://127.0.0.1/?", "São Paulo%00"] {
        let task = write(&server, &token, city).await;
        no_weather(&server, &token, &task).await;
        let requests = provider.received_requests().await.unwrap();
        let request = requests.last().unwrap();
        assert!(!task["place"].is_object(), "{task}");
        assert_eq!(request.url.path(), "/v1/search");
        let names: Vec<_> = request.url.query_pairs().filter(|(name, _)| name == "name").collect();
        assert_eq!(names.len(), 1, "{}", request.url);
        assert_eq!(names[0].1, city);
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_task_succeeds_if_a_provider_fails(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
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
        // In the first round the geocoder fails, and in the second the forecast.
        for (geocoding, weather) in [(bad.uri(), good.uri()), (good.uri(), bad.uri())] {
            let server = with_providers(kind, &geocoding, &weather).await;
            let token = server.user("ada").await;
            let task = write(&server, &token, "Lisbon").await;
            assert_eq!(task["place"].is_object(), geocoding == good.uri(), "{task}");
            no_weather(&server, &token, &task).await;
        }
        assert!(!paths_requested(&bad).await.is_empty());
    }
    assert_eq!(paths_requested(&elsewhere).await, [""; 0], "a redirect was followed");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_task_and_get_task_succeed_if_the_providers_are_unreachable(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    // The harness configures providers that do not listen.
    let server = Server::on(kind).await;
    let token = server.user("ada").await;
    let task = write(&server, &token, "Lisbon").await;
    assert_eq!(task["place"], Value::Null);
    assert_eq!(no_weather(&server, &token, &task).await, "The weather service could not be reached");
    let body = json!({ "title": "Paint", "content": "again", "city": "Porto" });
    let path = format!("/tasks/{}", task["id"]);
    let moved = server.put(&path, &token, &body).await.expect(StatusCode::OK).json();
    assert_eq!((&moved["city"], &moved["place"]), (&json!("Porto"), &Value::Null));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_task_rejects_an_ambiguous_city_with_candidates(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = weather::of_lisbon().await;
    let server = with_providers(kind, &provider.uri(), &provider.uri()).await;
    let token = server.user("ada").await;
    let draft = |city: &str| json!({ "title": "Paint", "content": "Two coats", "city": city });
    let refused = server.post("/tasks", &token, &draft("Springfield")).await;
    let issue = refused.expect(StatusCode::UNPROCESSABLE_ENTITY).json()["detail"][0].clone();
    assert_eq!((&issue["type"], &issue["loc"]), (&json!("ambiguous_place"), &json!(["body", "city"])));
    assert_eq!(issue["input"], "Springfield");
    let message = "Several places have this name: say which, for example Springfield, Missouri, US";
    assert_eq!(issue["msg"], message);
    let candidates = issue["ctx"]["candidates"].as_array().unwrap();
    let labels: Vec<_> = candidates.iter().map(|candidate| candidate["city"].as_str().unwrap()).collect();
    assert_eq!(
        labels,
        ["Springfield, Missouri, US", "Springfield, Massachusetts, US", "Springfield, Illinois, US"]
    );
    assert_eq!(server.get("/tasks", &token).await.json(), json!([]), "a rejected task was stored");

    // Each candidate can be sent as city and is geocoded to its place.
    for candidate in candidates {
        let task = server.post("/tasks", &token, &draft(candidate["city"].as_str().unwrap())).await;
        let task = task.expect(StatusCode::CREATED).json();
        assert_eq!((&task["city"], &task["place"]), (&candidate["city"], &candidate["place"]));
    }
    let before = server.get("/tasks/1", &token).await.expect(StatusCode::OK).json();
    for method in [Method::PUT, Method::PATCH] {
        let refused = server.send(method, "/tasks/1", &token, &draft("Springfield")).await;
        assert_eq!(refused.issues()[0].0, "ambiguous_place");
    }
    assert_eq!(server.get("/tasks/1", &token).await.json(), before, "a rejected change was stored");
    assert_eq!(before["weather"]["place"]["admin1"], "Missouri");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_task_geocodes_a_city_without_a_place(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = weather::of_lisbon().await;
    let server = with_providers(kind, &provider.uri(), &provider.uri()).await;
    let token = server.user("ada").await;
    // A task has no place if the geocoder was down, or if it was stored before tasks had places.
    write(&server, &token, "Lisbon").await;
    write(&server, &token, "Springfield, Illinois").await;
    let forget = "UPDATE tasks SET place_name = NULL, latitude = NULL, longitude = NULL, \
                  city = replace(city, ', Illinois', '')";
    server.execute(forget);
    let listed = server.get("/tasks", &token).await.json();
    assert_eq!(listed[1]["place"], Value::Null);
    let read = server.get("/tasks/1", &token).await.expect(StatusCode::OK).json();
    assert_eq!(
        (&read["place"]["name"], &read["weather"]["place"]["name"]),
        (&json!("Lisbon"), &json!("Lisbon"))
    );
    let now = server.get("/tasks", &token).await.json();
    assert_eq!(now[1]["place"], read["place"], "the place was not stored");
    assert_eq!(now[1]["updated_at"], listed[1]["updated_at"], "storing the place changed `updated_at`");
    assert_eq!(no_weather(&server, &token, &listed[0]).await, "Several places have this name");
    // A task with an ambiguous city can be changed if the city stays the same.
    let draft = json!({ "title": "Paint", "content": "again", "city": listed[0]["city"] });
    let kept = server.put("/tasks/2", &token, &draft).await.expect(StatusCode::OK).json();
    assert_eq!((&kept["content"], &kept["place"]), (&json!("again"), &Value::Null));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_task_returns_the_forecast_for_the_due_date(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = weather::of_lisbon().await;
    let server = with_providers(kind, &provider.uri(), &provider.uri()).await;
    let token = server.user("ada").await;
    let mut draft =
        json!({ "title": "Paint", "content": "Two coats", "city": "Lisbon", "due_date": "2026-11-30" });
    let task = server.post("/tasks", &token, &draft).await.expect(StatusCode::CREATED).json();
    assert_eq!(task["due_date"], "2026-11-30");
    let due = server.get("/tasks/1", &token).await.expect(StatusCode::OK).json()["weather"]["due"].clone();
    assert_eq!((&due["date"], &due["temperature_max_celsius"]), (&json!("2026-11-30"), &json!(-2.5)));
    assert_eq!(due["condition"]["code"], 71);
    // The forecast does not have these days.
    for date in ["2027-01-01", "2026-11-21", "2028-02-29"] {
        let task =
            server.patch("/tasks/1", &token, &json!({ "due_date": date })).await.expect(StatusCode::OK);
        assert_eq!(task.json()["due_date"], date);
        assert_eq!(server.get("/tasks/1", &token).await.json()["weather"]["due"], Value::Null, "{date}");
    }
    for date in [
        "2026-02-29",
        "2026-13-01",
        "30.11.2026",
        "2026-11-3",
        "tomorrow",
        "2026-11-30T10:00:00Z",
        " 2026-11-30",
    ] {
        draft["due_date"] = json!(date);
        for answer in [
            server.post("/tasks", &token, &draft).await,
            server.patch("/tasks/1", &token, &json!({ "due_date": date })).await,
        ] {
            let issues = answer.issues();
            assert_eq!((issues.len(), issues[0].1.as_str()), (1, "body.due_date"), "{date}: {issues:?}");
        }
    }
    // `null` changes nothing, as in every patch. An empty date removes the due date. A PUT without
    // a due date removes it too.
    let kept =
        server.patch("/tasks/1", &token, &json!({ "due_date": null })).await.expect(StatusCode::OK).json();
    assert_eq!(kept["due_date"], "2028-02-29");
    let gone =
        server.patch("/tasks/1", &token, &json!({ "due_date": "" })).await.expect(StatusCode::OK).json();
    assert_eq!(gone["due_date"], Value::Null);
    draft["due_date"] = json!("2026-11-23");
    let put = server.put("/tasks/1", &token, &draft).await.expect(StatusCode::OK).json();
    assert_eq!(put["due_date"], "2026-11-23");
    draft.as_object_mut().unwrap().remove("due_date");
    let put = server.put("/tasks/1", &token, &draft).await.expect(StatusCode::OK).json();
    assert_eq!(put["due_date"], Value::Null);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_task_marks_a_cached_forecast_as_stale_if_the_provider_fails(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = weather::of_lisbon().await;
    let start = Start::on(kind).with_weather(&provider.uri(), &provider.uri());
    let server = start.with("WEATHER_CACHE_LIFETIME", "0s").start().await;
    let token = server.user("ada").await;
    write(&server, &token, "Lisbon").await;
    let fresh = server.get("/tasks/1", &token).await.expect(StatusCode::OK).json()["weather"].clone();
    let down = Mock::given(any()).respond_with(ResponseTemplate::new(503)).with_priority(1);
    down.mount(&provider).await;
    let mut stale = server.get("/tasks/1", &token).await.expect(StatusCode::OK).json()["weather"].clone();
    assert_eq!((&fresh["stale"], &stale["stale"]), (&json!(false), &json!(true)));
    stale["stale"] = json!(false);
    assert_eq!(stale, fresh, "apart from `stale`, the forecast must be the same");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_task_gives_up_on_a_slow_provider(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    // The provider responds after an hour, so only a timeout can end the call.
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(3_600));
    let provider = MockServer::start().await;
    Mock::given(any()).respond_with(slow).mount(&provider).await;
    let good = weather::of_lisbon().await;
    for (geocoding, weather) in [(provider.uri(), good.uri()), (good.uri(), provider.uri())] {
        let server = with_providers(kind, &geocoding, &weather).await;
        let token = server.user("ada").await;
        let task = write(&server, &token, "Lisbon").await;
        assert_eq!(no_weather(&server, &token, &task).await, "The weather service did not answer in time");
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_task_uses_a_provider_again_after_it_recovers(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = weather::of_lisbon().await;
    let failing =
        Mock::given(any()).respond_with(ResponseTemplate::new(503)).up_to_n_times(1).with_priority(1);
    failing.mount(&provider).await;
    let server = with_providers(kind, &provider.uri(), &provider.uri()).await;
    let token = server.user("ada").await;
    let task = write(&server, &token, "Lisbon").await;
    no_weather(&server, &token, &task).await;
    let path = format!("/tasks/{}", task["id"]);
    crate::harness::eventually("the weather", || async {
        server.get(&path, &token).await.expect(StatusCode::OK).json()["weather"].is_object()
    })
    .await;
}
