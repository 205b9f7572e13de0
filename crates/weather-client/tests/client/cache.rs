//! How few requests are made.

use std::{collections::VecDeque, time::Duration};

use daybook_weather_client::{Error, Forecast, Place};
use serde_json::json;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{path, query_param},
};

use crate::support::{
    FORECAST, SEARCH, accept, answer, builder, client, counts, healthy_provider, listen, ok, paris, provider,
    week,
};

#[tokio::test]
async fn a_second_call_makes_no_request() {
    let server = healthy_provider().await;
    let client = client(&server.uri());
    let first = client.weather("Paris").await.unwrap();
    let second = client.weather("Paris").await.unwrap();
    assert_eq!(first, second);
    assert_eq!(counts(&server).await, (1, 1));
}

#[tokio::test]
async fn spellings_of_one_name_share_a_place() {
    let server = provider(ok(paris()), ok(week())).await;
    let client = client(&server.uri());
    for name in ["Le Mans", "le mans", "  LE \t MANS\n"] {
        client.find_place(name).await.unwrap();
    }
    assert_eq!(counts(&server).await, (1, 0));
    client.find_place("Lemans").await.unwrap();
    assert_eq!(counts(&server).await, (2, 0));
}

#[tokio::test]
async fn who_asks_for_another_name_first_decides_nothing() {
    let server = MockServer::start().await;
    let kyoto = Mock::given(path(SEARCH)).and(query_param("name", "Kyoto"));
    let mut found = paris();
    found["results"][0]["name"] = json!("Kyoto");
    kyoto.respond_with(ok(found)).with_priority(1).mount(&server).await;
    Mock::given(path(SEARCH)).respond_with(ok(json!({"generationtime_ms": 0.3}))).mount(&server).await;
    let client = client(&server.uri());
    // Its first letter is the sign for kelvin, which is a k in lower case.
    let error = client.find_place("\u{212a}yoto").await.unwrap_err();
    assert!(matches!(error, Error::UnknownPlace), "{error:?}");
    assert_eq!(client.find_place("Kyoto").await.unwrap().name, "Kyoto");
}

#[tokio::test]
async fn two_names_of_one_place_share_its_forecast() {
    let server = healthy_provider().await;
    let client = client(&server.uri());
    client.weather("Paris").await.unwrap();
    client.weather("Lutetia").await.unwrap();
    assert_eq!(counts(&server).await, (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_callers_at_once_make_one_request_each() {
    // The delay lets all of them arrive while the first one's request is under way.
    let slow = |body| ok(body).set_delay(Duration::from_millis(200));
    let server = provider(slow(paris()), slow(week())).await;
    let client = client(&server.uri());

    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let client = client.clone();
        callers.spawn(async move { client.weather("Paris").await });
    }
    let reports = callers.join_all().await;
    assert_eq!(reports.len(), 64);
    for report in reports {
        assert_eq!(report.unwrap().place.name, "Paris");
    }
    assert_eq!(counts(&server).await, (1, 1));
}

#[tokio::test]
async fn a_name_that_is_no_place_is_remembered() {
    let server = provider(ok(json!({"generationtime_ms": 0.3})), ok(week())).await;
    let client = client(&server.uri());
    for _ in 0..3 {
        assert!(matches!(client.weather("Nowhere").await, Err(Error::UnknownPlace)));
    }
    assert_eq!(counts(&server).await, (1, 0));
}

#[tokio::test]
async fn a_failure_is_repeated_without_a_request() {
    let server = provider(ok(paris()), ResponseTemplate::new(503)).await;
    let client = client(&server.uri());
    for _ in 0..3 {
        let error = client.weather("Paris").await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { status: 503, .. }), "{error:?}");
    }
    assert_eq!(counts(&server).await, (1, 1));
}

#[tokio::test]
async fn a_failure_is_one_places_own() {
    let server = provider(ResponseTemplate::new(503), ok(week())).await;
    let client = client(&server.uri());
    client.find_place("Paris").await.unwrap_err();
    client.find_place("Berlin").await.unwrap_err();
    assert_eq!(counts(&server).await, (2, 0));
}

#[tokio::test]
async fn a_forecast_past_its_lifetime_is_fetched_anew_and_its_place_is_not() {
    let server = healthy_provider().await;
    let client = builder(&server.uri()).cache_lifetime(Duration::ZERO).build().unwrap();
    client.weather("Paris").await.unwrap();
    client.weather("Paris").await.unwrap();
    assert_eq!(counts(&server).await, (1, 2));
}

#[tokio::test]
async fn the_last_good_forecast_stands_in_for_one_that_cannot_be_had() {
    let server = MockServer::start().await;
    let good = Mock::given(path(FORECAST)).respond_with(ok(week()));
    good.up_to_n_times(1).with_priority(1).mount(&server).await;
    Mock::given(path(FORECAST)).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    Mock::given(path(SEARCH)).respond_with(ok(paris())).mount(&server).await;
    let client = builder(&server.uri()).cache_lifetime(Duration::ZERO).build().unwrap();
    let place = client.find_place("Paris").await.unwrap();
    let fresh = client.forecast(&place).await.unwrap();
    assert!(!fresh.stale);
    for _ in 0..2 {
        let stale = client.forecast(&place).await.unwrap();
        assert!(stale.stale);
        assert_eq!(
            Forecast { stale: false, ..(*stale).clone() },
            *fresh,
            "as old as it is: {:?}",
            stale.fetched_at
        );
    }
    // Elsewhere nothing was good.
    let elsewhere = Place { latitude: 1.0, ..place };
    let error = client.forecast(&elsewhere).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { status: 503, .. }), "{error:?}");
}

#[tokio::test]
async fn without_capacity_nothing_is_kept() {
    let server = healthy_provider().await;
    let client = builder(&server.uri()).cache_capacity(0).build().unwrap();
    client.weather("Paris").await.unwrap();
    client.weather("Paris").await.unwrap();
    assert_eq!(counts(&server).await, (2, 2));
}

#[tokio::test]
async fn a_place_off_the_globe_is_unknown_without_a_request() {
    let server = healthy_provider().await;
    let client = client(&server.uri());
    let paris = client.find_place("Paris").await.unwrap();
    for (latitude, longitude) in [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
        let place = Place { latitude, longitude, ..paris.clone() };
        assert!(matches!(client.forecast(&place).await, Err(Error::UnknownPlace)), "{latitude}, {longitude}");
    }
    assert_eq!(counts(&server).await, (1, 0));
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection_and_the_next_caller_asks_again() {
    let (listener, url) = listen().await;
    let client = client(&url);
    let call = || {
        let client = client.clone();
        tokio::spawn(async move { client.find_place("Paris").await })
    };

    let first = call();
    let mut abandoned = accept(&listener).await;
    let second = call();
    tokio::task::yield_now().await;
    first.abort();

    let rest = abandoned.read(&mut [0; 64]).await;
    assert!(matches!(rest, Ok(0) | Err(_)), "the client still talks: {rest:?}");
    answer(accept(&listener).await, &paris()).await;
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
        callers.spawn(async move { client.find_place(&format!("Paris {number}")).await });
    }

    let mut in_flight = VecDeque::from([accept(&listener).await, accept(&listener).await]);
    for _ in in_flight.len()..CALLERS {
        assert_no_connection_waits(&listener).await;
        let oldest = in_flight.pop_front().unwrap();
        answer(oldest, &paris()).await;
        in_flight.push_back(accept(&listener).await);
    }
    for stream in in_flight {
        answer(stream, &paris()).await;
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
