//! A provider that fails several times in a row gets no requests for a while.

use std::ops::Range;
use std::time::Duration;

use daybook_weather_client::{Client, Coordinates, Error};
use serde_json::json;
use tokio::task::JoinSet;
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{
    FORECAST, accept, builder, client, counts, forecast_body, listen, ok, paris, provider, resolve_one,
    respond, weather,
};

/// The failures in a row after which a provider gets no requests.
const FAILURES: usize = 5;

/// Longer than the test.
const LONG_PAUSE: Duration = Duration::from_secs(5 * 60);

fn place(number: usize) -> Coordinates {
    Coordinates { latitude: number as f64 / 100.0, longitude: 0.0 }
}

/// Fails unless the forecaster gets no requests now. Returns the time until the next one.
async fn assert_paused(client: &Client, coordinates: Coordinates) -> Duration {
    match client.forecast(coordinates).await {
        Err(Error::Paused { retry_after }) => retry_after,
        other => panic!("{other:?}"),
    }
}

/// Requests the forecasts of these places. All of them fail.
async fn fail(client: &Client, places: Range<usize>) {
    for number in places {
        let error = client.forecast(place(number)).await.expect_err("the provider fails");
        assert!(!matches!(error, Error::Paused { .. }), "{number}: {error:?}");
    }
}

/// Replaces all responses of the provider.
async fn respond_from_now_on(server: &MockServer, response: ResponseTemplate) {
    Mock::given(any()).respond_with(response).with_priority(1).mount(server).await;
}

#[tokio::test]
async fn failures_at_different_places_pause_the_forecaster_only() {
    let server = provider(ok(paris()), ResponseTemplate::new(503)).await;
    let client = builder(&server.uri()).pause(LONG_PAUSE).build().unwrap();
    fail(&client, 0..FAILURES).await;
    for number in 0..100 {
        let wait = assert_paused(&client, place(100 + number)).await;
        assert!(wait > Duration::ZERO && wait <= LONG_PAUSE, "{wait:?}");
    }
    assert_eq!(resolve_one(&client, "Paris").await.unwrap().name, "Paris");
    assert_eq!(counts(&server).await, (1, FAILURES));
}

#[tokio::test]
async fn concurrent_failures_of_a_provider_that_hangs_are_limited() {
    let hung = ok(forecast_body()).set_delay(Duration::from_secs(3600));
    let server = provider(ok(paris()), hung).await;
    let client =
        builder(&server.uri()).timeout(Duration::from_millis(300)).pause(LONG_PAUSE).build().unwrap();
    let mut calls = JoinSet::new();
    for number in 0..FAILURES {
        let client = client.clone();
        calls.spawn(async move { client.forecast(place(number)).await });
    }
    let failed = calls.join_all().await;
    assert!(failed.iter().all(|outcome| matches!(outcome, Err(Error::Timeout))), "{failed:?}");
    assert_paused(&client, place(FAILURES)).await;
    assert_eq!(counts(&server).await, (0, FAILURES));
}

#[tokio::test]
async fn calls_that_wait_long_for_a_permit_do_not_pause_the_provider() {
    let (listener, url) = listen().await;
    let client = builder(&url)
        .timeout(Duration::from_secs(6))
        .pause(LONG_PAUSE)
        .max_concurrency(FAILURES)
        .build()
        .unwrap();
    let request = |number| {
        let client = client.clone();
        tokio::spawn(async move { client.forecast(place(number)).await })
    };
    let first: Vec<_> = (0..FAILURES).map(request).collect();
    let mut connections = Vec::new();
    for _ in 0..FAILURES {
        connections.push(accept(&listener).await);
    }
    // They wait until too little of their timeout is left.
    for call in (FAILURES..2 * FAILURES).map(request).collect::<Vec<_>>() {
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Timeout), "{error:?}");
    }
    for connection in connections {
        respond(connection, &forecast_body()).await;
    }
    for call in first {
        call.await.unwrap().unwrap();
    }
    tokio::spawn(async move { respond(accept(&listener).await, &forecast_body()).await });
    client.forecast(place(2 * FAILURES)).await.unwrap();
}

#[tokio::test]
async fn a_success_resets_the_count_of_failures() {
    let server = provider(ok(paris()), ResponseTemplate::new(503)).await;
    let client = builder(&server.uri()).pause(LONG_PAUSE).build().unwrap();
    fail(&client, 0..FAILURES - 1).await;
    let good = Mock::given(path(FORECAST)).respond_with(ok(forecast_body()));
    good.up_to_n_times(1).with_priority(1).mount(&server).await;
    client.forecast(place(100)).await.unwrap();
    fail(&client, 200..200 + FAILURES - 1).await;
    assert_eq!(counts(&server).await, (0, 2 * FAILURES - 1));
}

#[tokio::test]
async fn a_response_that_may_be_due_to_the_place_never_pauses_the_provider() {
    let faulty = ok(json!({ "current": 7 }));
    for response in [ResponseTemplate::new(400), ResponseTemplate::new(404), faulty] {
        let server = provider(ok(paris()), response).await;
        let client = builder(&server.uri()).pause(LONG_PAUSE).build().unwrap();
        fail(&client, 0..4 * FAILURES).await;
        assert_eq!(counts(&server).await, (0, 4 * FAILURES));
    }
}

#[tokio::test]
async fn one_probe_is_sent_after_the_pause() {
    let (listener, url) = listen().await;
    let client =
        builder(&url).timeout(Duration::from_secs(60)).pause(Duration::from_millis(1)).build().unwrap();
    for number in 0..FAILURES {
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.forecast(place(number)).await }
        });
        drop(accept(&listener).await);
        assert!(matches!(call.await.unwrap(), Err(Error::Transport { .. })));
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    let probe = tokio::spawn({
        let client = client.clone();
        async move { client.forecast(place(100)).await }
    });
    let connection = accept(&listener).await;
    // The probe is in flight, so no other request is sent.
    for number in 101..110 {
        assert_paused(&client, place(number)).await;
    }
    respond(connection, &forecast_body()).await;
    probe.await.unwrap().unwrap();
    let next = tokio::spawn(async move { client.forecast(place(110)).await });
    respond(accept(&listener).await, &forecast_body()).await;
    next.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_429_pauses_the_provider_for_all_places_until_retry_after() {
    for (header, longest) in [("30", 30), ("999999999", 3_600), ("soon", 60)] {
        let limited = ResponseTemplate::new(429).insert_header("retry-after", header);
        let server = provider(ok(paris()), limited).await;
        let client = client(&server.uri());
        let error = client.forecast(place(0)).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { status: 429, .. }), "{error:?}");
        let wait = assert_paused(&client, place(1)).await;
        let longest = Duration::from_secs(longest);
        assert!(wait > longest / 2 && wait <= longest, "{header}: {wait:?}");
        assert_eq!(counts(&server).await, (0, 1));
    }
}

#[tokio::test]
async fn a_stale_forecast_is_returned_while_the_provider_is_paused() {
    let server = provider(ok(paris()), ok(forecast_body())).await;
    let client = builder(&server.uri()).cache_lifetime(Duration::ZERO).pause(LONG_PAUSE).build().unwrap();
    let (paris, _) = weather(&client, "Paris").await.unwrap();
    respond_from_now_on(&server, ResponseTemplate::new(503)).await;
    fail(&client, 0..FAILURES).await;
    assert_paused(&client, place(100)).await;
    assert!(client.forecast(paris.coordinates()).await.unwrap().stale);
    assert_eq!(counts(&server).await, (1, 1 + FAILURES));
}
