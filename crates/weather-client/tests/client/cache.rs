//! Caches, single flight and the limit on concurrent requests.

use std::collections::VecDeque;
use std::time::Duration;

use daybook_weather_client::{Coordinates, Error, Forecast};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{
    FORECAST, SEARCH, accept, builder, client, counts, forecast_body, healthy_provider, listen, ok, paris,
    provider, resolve_one, respond, weather,
};

#[tokio::test]
async fn resolve_and_forecast_send_no_request_for_a_second_call() {
    let server = healthy_provider().await;
    let client = client(&server.uri());
    let first = weather(&client, "Paris").await.unwrap();
    let second = weather(&client, "Paris").await.unwrap();
    assert_eq!(first, second);
    assert_eq!(counts(&server).await, (1, 1));
}

#[tokio::test]
async fn resolve_ignores_ascii_case_and_white_space_for_its_cache() {
    let server = provider(ok(paris()), ok(forecast_body())).await;
    let client = client(&server.uri());
    for name in ["Le Mans", "le mans", "  LE \t MANS\n"] {
        client.resolve(name).await.unwrap();
    }
    assert_eq!(counts(&server).await, (1, 0));
    client.resolve("Lemans").await.unwrap();
    assert_eq!(counts(&server).await, (2, 0));
}

#[tokio::test]
async fn resolve_caches_a_name_with_the_kelvin_sign_separately() {
    let server = MockServer::start().await;
    let kyoto = Mock::given(path(SEARCH)).and(query_param("name", "Kyoto"));
    let mut found = paris();
    found["results"][0]["name"] = json!("Kyoto");
    kyoto.respond_with(ok(found)).with_priority(1).mount(&server).await;
    Mock::given(path(SEARCH)).respond_with(ok(json!({"generationtime_ms": 0.3}))).mount(&server).await;
    let client = client(&server.uri());
    // The first letter is the Kelvin sign. Its lower case is `k`.
    let error = client.resolve("\u{212a}yoto").await.unwrap_err();
    assert!(matches!(error, Error::UnknownPlace), "{error:?}");
    assert_eq!(resolve_one(&client, "Kyoto").await.unwrap().name, "Kyoto");
}

#[tokio::test]
async fn forecast_is_cached_by_its_coordinates() {
    let server = healthy_provider().await;
    let client = client(&server.uri());
    weather(&client, "Paris").await.unwrap();
    weather(&client, "Lutetia").await.unwrap();
    assert_eq!(counts(&server).await, (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn resolve_and_forecast_share_a_request_between_concurrent_callers() {
    // All callers arrive during the delay. One that arrives later finds the response in the cache.
    let slow = |body| ok(body).set_delay(Duration::from_millis(200));
    let server = provider(slow(paris()), slow(forecast_body())).await;
    let client = client(&server.uri());

    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let client = client.clone();
        callers.spawn(async move { weather(&client, "Paris").await });
    }
    let outcomes = callers.join_all().await;
    assert_eq!(outcomes.len(), 64);
    for outcome in outcomes {
        let (place, _) = outcome.unwrap();
        assert_eq!(place.name, "Paris");
    }
    assert_eq!(counts(&server).await, (1, 1));
}

#[tokio::test]
async fn resolve_caches_an_unknown_name() {
    let server = provider(ok(json!({"generationtime_ms": 0.3})), ok(forecast_body())).await;
    let client = client(&server.uri());
    for _ in 0..3 {
        assert!(matches!(weather(&client, "Nowhere").await, Err(Error::UnknownPlace)));
    }
    assert_eq!(counts(&server).await, (1, 0));
}

#[tokio::test]
async fn forecast_caches_a_failure() {
    let server = provider(ok(paris()), ResponseTemplate::new(503)).await;
    let client = client(&server.uri());
    for _ in 0..3 {
        let error = weather(&client, "Paris").await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { status: 503, .. }), "{error:?}");
    }
    assert_eq!(counts(&server).await, (1, 1));
}

#[tokio::test]
async fn resolve_caches_a_failure_only_for_its_name() {
    let server = provider(ResponseTemplate::new(503), ok(forecast_body())).await;
    let client = client(&server.uri());
    client.resolve("Paris").await.unwrap_err();
    client.resolve("Berlin").await.unwrap_err();
    assert_eq!(counts(&server).await, (2, 0));
}

#[tokio::test]
async fn forecast_is_fetched_again_after_it_has_expired() {
    let server = healthy_provider().await;
    let client = builder(&server.uri()).cache_lifetime(Duration::ZERO).build().unwrap();
    weather(&client, "Paris").await.unwrap();
    weather(&client, "Paris").await.unwrap();
    assert_eq!(counts(&server).await, (1, 2));
}

#[tokio::test]
async fn forecast_returns_the_last_successful_one_as_stale_after_a_failure() {
    let server = MockServer::start().await;
    let good = Mock::given(path(FORECAST)).respond_with(ok(forecast_body()));
    good.up_to_n_times(1).with_priority(1).mount(&server).await;
    Mock::given(path(FORECAST)).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    Mock::given(path(SEARCH)).respond_with(ok(paris())).mount(&server).await;
    let client = builder(&server.uri()).cache_lifetime(Duration::ZERO).build().unwrap();
    let paris = resolve_one(&client, "Paris").await.unwrap().coordinates();
    let fresh = client.forecast(paris).await.unwrap();
    assert!(!fresh.stale);
    for _ in 0..2 {
        let stale = client.forecast(paris).await.unwrap();
        assert!(stale.stale);
        assert_eq!(
            Forecast { stale: false, ..(*stale).clone() },
            *fresh,
            "only `stale` differs, not {:?}",
            stale.fetched_at
        );
    }
    // There was never a successful forecast for these coordinates.
    let elsewhere = Coordinates { latitude: 1.0, ..paris };
    let error = client.forecast(elsewhere).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { status: 503, .. }), "{error:?}");
}

#[tokio::test]
async fn cache_capacity_of_zero_disables_the_caches() {
    let server = healthy_provider().await;
    let client = builder(&server.uri()).cache_capacity(0).build().unwrap();
    weather(&client, "Paris").await.unwrap();
    weather(&client, "Paris").await.unwrap();
    assert_eq!(counts(&server).await, (2, 2));
}

#[tokio::test]
async fn forecast_rejects_coordinates_out_of_range_without_a_request() {
    let server = healthy_provider().await;
    let client = client(&server.uri());
    client.resolve("Paris").await.unwrap();
    for (latitude, longitude) in [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
        let outcome = client.forecast(Coordinates { latitude, longitude }).await;
        assert!(matches!(outcome, Err(Error::UnknownPlace)), "{latitude}, {longitude}");
    }
    assert_eq!(counts(&server).await, (1, 0));
}

#[tokio::test]
async fn resolve_is_sent_again_for_a_waiting_caller_if_the_first_call_is_dropped() {
    let (listener, url) = listen().await;
    let client = client(&url);
    let call = || {
        let client = client.clone();
        tokio::spawn(async move { resolve_one(&client, "Paris").await })
    };

    let first = call();
    let mut abandoned = accept(&listener).await;
    let second = call();
    tokio::task::yield_now().await;
    first.abort();

    let rest = abandoned.read(&mut [0; 64]).await;
    assert!(matches!(rest, Ok(0) | Err(_)), "the connection is still open: {rest:?}");
    respond(accept(&listener).await, &paris()).await;
    assert_eq!(second.await.unwrap().unwrap().name, "Paris");
}

#[tokio::test]
async fn max_concurrency_limits_the_requests_in_flight() {
    const CALLERS: usize = 12;

    let (listener, url) = listen().await;
    let client = builder(&url).max_concurrency(2).build().unwrap();
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let client = client.clone();
        callers.spawn(async move { client.resolve(&format!("Paris {number}")).await });
    }

    let mut in_flight = VecDeque::from([accept(&listener).await, accept(&listener).await]);
    for _ in in_flight.len()..CALLERS {
        assert_no_connection_waits(&listener).await;
        let oldest = in_flight.pop_front().unwrap();
        respond(oldest, &paris()).await;
        in_flight.push_back(accept(&listener).await);
    }
    for stream in in_flight {
        respond(stream, &paris()).await;
    }
    for outcome in callers.join_all().await {
        outcome.unwrap();
    }
}

/// Asserts that no connection waits to be accepted.
///
/// The listener accepts connections in the order in which they were opened. It would accept a
/// waiting connection of the client before the one that this function opens.
async fn assert_no_connection_waits(listener: &TcpListener) {
    let address = listener.local_addr().expect("a bound socket has an address");
    let probe = TcpStream::connect(address).await.expect("the socket listens");
    let (_, peer) = listener.accept().await.expect("the socket listens");
    assert_eq!(peer, probe.local_addr().expect("a connected socket has an address"), "an excess connection");
}
