//! Requests to Open-Meteo are shared between users: limits of a user, and pauses of a provider.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Answer, Kind, Server, Start, TEST_TIMEOUT, weather};

/// The requests of one user that may be in flight at once.
const SHARE: usize = 4;

/// The requests that a user may cause at once. One more may be sent each second.
const QUOTA: usize = 60;

/// A forecaster that takes 300 ms for each response, and counts the requests in flight.
struct SlowForecaster {
    base: String,
    /// The current and the maximum number of requests in flight, by the latitude without its
    /// fraction.
    in_flight: Arc<Mutex<HashMap<String, (usize, usize)>>>,
}

impl SlowForecaster {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let in_flight = Arc::default();
        let counts = Arc::clone(&in_flight);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(Self::respond(connection, Arc::clone(&counts)));
            }
        });
        Self { base, in_flight }
    }

    async fn respond(connection: TcpStream, counts: Arc<Mutex<HashMap<String, (usize, usize)>>>) {
        let mut connection = BufReader::new(connection);
        let (mut request, mut line) = (String::new(), String::new());
        connection.read_line(&mut request).await.unwrap();
        while line != "\r\n" {
            line.clear();
            connection.read_line(&mut line).await.unwrap();
        }
        let latitude = request.split("latitude=").nth(1).unwrap();
        let degrees: String = latitude.chars().take_while(char::is_ascii_digit).collect();
        {
            let mut counts = counts.lock().unwrap();
            let (current, most) = counts.entry(degrees.clone()).or_default();
            *current += 1;
            *most = (*most).max(*current);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        counts.lock().unwrap().get_mut(&degrees).unwrap().0 -= 1;
        let body = json!({ "utc_offset_seconds": 0, "current": { "temperature_2m": 21.5 } }).to_string();
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        // The service may have closed the connection.
        let _ = connection.write_all((head + &body).as_bytes()).await;
    }

    /// Returns the maximum number of requests in flight for this latitude.
    fn most(&self, degrees: &str) -> usize {
        self.in_flight.lock().unwrap()[degrees].1
    }
}

/// Creates a task. Returns its path.
async fn write(server: &Server, token: &str, city: &str) -> String {
    let draft = json!({ "title": "Paint", "content": "Two coats", "city": city });
    let task = server.post("/tasks", token, &draft).await.expect(StatusCode::CREATED);
    task.header("location").to_owned()
}

/// Reads a task. Returns its weather and the reason for its absence.
async fn read(server: &Server, token: &str, task: &str) -> (Value, Value) {
    let mut task = server.get(task, token).await.expect(StatusCode::OK).json();
    (task["weather"].take(), task["weather_error"].take())
}

/// Returns the number of requests to the geocoder and to the forecaster.
async fn counts(provider: &MockServer) -> (usize, usize) {
    let requests = provider.received_requests().await.unwrap();
    let count = |path| requests.iter().filter(|request| request.url.path() == path).count();
    (count("/v1/search"), count("/v1/forecast"))
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_ups_of_one_user_leave_the_provider_to_the_others(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let forecaster = SlowForecaster::start().await;
    let server = Start::on(kind).with_weather("http://127.0.0.1:9", &forecaster.base).start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let mut tasks = Vec::new();
    for _ in 0..100 {
        tasks.push(write(&server, &ada, "").await);
    }
    let other = write(&server, &bob, "").await;
    let places = "UPDATE tasks SET city = 'x', place_name = 'x', longitude = 0, latitude = \
                  CASE WHEN user_id = 1 THEN 10 + id / 1000.0 ELSE 50 END";
    server.execute(places);
    let reads: Vec<_> = tasks
        .iter()
        .map(|task| tokio::spawn(Answer::of(server.request(Method::GET, task).bearer_auth(&ada))))
        .collect();
    crate::harness::eventually("the share of one user", || async {
        forecaster.in_flight.lock().unwrap().get("10").is_some_and(|counts| counts.0 == SHARE)
    })
    .await;
    let (weather, _) = read(&server, &bob, &other).await;
    assert!(weather.is_object(), "{weather}");
    let unfinished = reads.iter().filter(|read| !read.is_finished()).count();
    assert!(unfinished > 0, "the other user waited for all of them");
    let mut sentences = Vec::new();
    for read in reads {
        let task = read.await.unwrap().expect(StatusCode::OK).json();
        assert_eq!(task["weather"].is_null(), task["weather_error"].is_string());
        sentences.extend(task["weather_error"].as_str().map(ToOwned::to_owned));
    }
    assert!(sentences.len() <= 100 - SHARE, "{sentences:?}");
    assert_eq!((forecaster.most("10"), forecaster.most("50")), (SHARE, 1));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_ups_of_a_user_reach_the_provider_only_within_the_quota(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = weather::of_lisbon().await;
    let start = Start::on(kind).with_weather(&provider.uri(), &provider.uri());
    // Each read needs a request.
    let start = start.with("WEATHER_CACHE_LIFETIME", "0s");
    let limited = start.clone().with("DAYBOOK_RATE_LIMIT", &format!("weather={QUOTA}/1m"));
    let server = limited.start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let started = Instant::now();
    let task = write(&server, &ada, "Lisbon").await;
    let mut refusals = 0;
    for _ in 0..600 {
        let (weather, sentence) = read(&server, &ada, &task).await;
        if weather.is_null() {
            assert_eq!(sentence, "You have looked up too many places, try again in 1 s");
            refusals += 1;
        }
    }
    let most = QUOTA + usize::try_from(started.elapsed().as_secs()).unwrap() + 1;
    let (geocoded, forecasts) = counts(&provider).await;
    assert!((QUOTA..=most).contains(&(geocoded + forecasts)), "{geocoded} and {forecasts} of {most}");
    assert_eq!(refusals, 600 - forecasts);

    // Another user has a quota of its own.
    let other = write(&server, &bob, "Lisbon").await;
    assert!(read(&server, &bob, &other).await.0.is_object());
    // The geocoder knows each of these cities. One that it is not asked for has no place.
    let known = json!({ "results": [{ "name": "Anywhere", "latitude": 1.0, "longitude": 2.0 }] });
    let known = ResponseTemplate::new(200).set_body_json(known);
    Mock::given(path("/v1/search")).respond_with(known).with_priority(1).mount(&provider).await;
    let mut without_place = 0;
    for number in 0..QUOTA / 2 {
        let city = json!({ "city": format!("City {number}") });
        let patched = server.patch(&task, &ada, &city).await.expect(StatusCode::OK).json();
        without_place += usize::from(patched["place"].is_null());
    }
    assert!(without_place > 0);
    let patched = server.patch(&other, &bob, &json!({ "city": "Town" })).await.expect(StatusCode::OK).json();
    assert_eq!(patched["place"]["name"], "Anywhere");

    let unlimited = start.with("DAYBOOK_RATE_LIMIT", "off").start().await;
    for _ in 0..2 * QUOTA {
        assert!(read(&unlimited, &bob, &other).await.0.is_object());
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cached_look_ups_are_not_limited(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = weather::of_lisbon().await;
    let server = Start::on(kind).with_weather(&provider.uri(), &provider.uri()).start().await;
    let ada = server.user("ada").await;
    let mut tasks = Vec::new();
    for _ in 0..2 * QUOTA {
        tasks.push(write(&server, &ada, "Lisbon").await);
    }
    for task in &tasks {
        assert!(read(&server, &ada, task).await.0.is_object());
    }
    assert_eq!(counts(&provider).await, (1, 1));
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_geocoder_that_fails_several_times_in_a_row_gets_no_further_requests(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(&provider).await;
    let server = Start::on(kind).with_weather(&provider.uri(), &provider.uri()).start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    for number in 0..5 {
        write(&server, &ada, &format!("City {number}")).await;
    }
    let started = Instant::now();
    for (number, token) in [&ada, &bob].into_iter().cycle().take(20).enumerate() {
        let task = write(&server, token, &format!("Town {number}")).await;
        let (_, sentence) = read(&server, token, &task).await;
        assert_eq!(sentence, "The weather service is not available");
    }
    // A slow machine may have sent a probe after each ten seconds.
    let probes = usize::try_from(started.elapsed().as_secs() / 10).unwrap();
    let (geocoded, _) = counts(&provider).await;
    assert!((5..=5 + probes).contains(&geocoded), "{geocoded} requests, {probes} of them probes");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_429_of_the_forecaster_counts_for_all_users(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let provider = weather::of_lisbon().await;
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "600");
    let forecast = Mock::given(path("/v1/forecast")).respond_with(limited).with_priority(1);
    forecast.mount(&provider).await;
    let server = Start::on(kind).with_weather(&provider.uri(), &provider.uri()).start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let (first, second) =
        (write(&server, &ada, "Lisbon").await, write(&server, &bob, "Springfield, Illinois").await);
    assert_eq!(read(&server, &ada, &first).await.1, "The weather service is not available (status 429)");
    assert_eq!(read(&server, &bob, &second).await.1, "The weather service is not available");
    assert_eq!(counts(&provider).await, (2, 1));
}
