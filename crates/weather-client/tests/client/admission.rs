//! The condition of a caller before a request: when it is awaited, and what a refusal affects.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use daybook_weather_client::{Client, Coordinates, Error};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::support::{
    accept, client, counts, forecast_body, healthy_provider, listen, ok, paris, provider, respond,
};

const HERE: Coordinates = Coordinates { latitude: 48.85, longitude: 2.35 };

#[derive(Debug, PartialEq)]
struct Refused;

/// Counts how often callers were admitted.
#[derive(Clone, Default)]
struct Admissions(Arc<AtomicUsize>);

impl Admissions {
    async fn admit(self) -> Result<(), Infallible> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn admit_is_awaited_only_for_a_request() {
    let server = healthy_provider().await;
    let client = client(&server.uri());
    let admissions = Admissions::default();
    for _ in 0..3 {
        client.resolve_if("Paris", admissions.clone().admit()).await.unwrap().unwrap();
        client.forecast_if(HERE, admissions.clone().admit()).await.unwrap().unwrap();
    }
    assert_eq!((admissions.count(), counts(&server).await), (2, (1, 1)));
    for name in ["", "\u{0}"] {
        let outcome = client.resolve_if(name, admissions.clone().admit()).await.unwrap();
        assert!(matches!(outcome, Err(Error::UnknownPlace)), "{outcome:?}");
    }
    assert_eq!(admissions.count(), 2, "an invalid name needs no request");
}

#[tokio::test]
async fn cached_resolution_and_cached_forecast_send_no_request() {
    let server = provider(ok(paris()), ok(json!({}))).await;
    let client = client(&server.uri());
    assert!(client.cached_resolution("Paris").await.is_none());
    assert!(client.cached_forecast(HERE).await.is_none());
    assert_eq!(counts(&server).await, (0, 0));
    let found = client.resolve("Paris").await.unwrap();
    client.forecast(HERE).await.unwrap_err();
    assert_eq!(client.cached_resolution(" PARIS ").await.unwrap().unwrap(), found);
    let failure = client.cached_forecast(HERE).await.unwrap().unwrap_err();
    assert!(matches!(failure, Error::Malformed { .. }), "{failure:?}");
    assert_eq!(counts(&server).await, (1, 1));
}

#[tokio::test]
async fn one_of_several_concurrent_callers_is_admitted() {
    let slow = |body| ok(body).set_delay(Duration::from_millis(200));
    let server = provider(slow(paris()), slow(forecast_body())).await;
    let client = client(&server.uri());
    let admissions = Admissions::default();
    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let (client, admissions) = (client.clone(), admissions.clone());
        callers.spawn(async move { client.forecast_if(HERE, admissions.admit()).await });
    }
    for outcome in callers.join_all().await {
        outcome.unwrap().unwrap();
    }
    assert_eq!((admissions.count(), counts(&server).await), (1, (0, 1)));
}

#[tokio::test]
async fn a_refusal_sends_no_request_and_is_neither_cached_nor_shared() {
    let server = healthy_provider().await;
    let client = client(&server.uri());
    let (refuse, refusal) = oneshot::channel::<()>();
    let refused = {
        let client = client.clone();
        let admit = async {
            refusal.await.unwrap();
            Err(Refused)
        };
        tokio::spawn(async move { client.forecast_if(HERE, admit).await })
    };
    tokio::task::yield_now().await;
    let admitted = {
        let client = client.clone();
        tokio::spawn(async move { client.forecast(HERE).await })
    };
    tokio::task::yield_now().await;
    assert!(!admitted.is_finished(), "the second caller waits for the first one");
    refuse.send(()).unwrap();
    assert_eq!(refused.await.unwrap().unwrap_err(), Refused);
    admitted.await.unwrap().unwrap();
    assert_eq!(counts(&server).await, (0, 1));

    let refused = client.resolve_if("Paris", async { Err(Refused) }).await;
    assert_eq!(refused.unwrap_err(), Refused);
    assert_eq!(counts(&server).await, (0, 1));
    client.resolve("Paris").await.unwrap();
}

#[tokio::test]
async fn a_waiting_caller_is_admitted_if_the_first_call_is_dropped() {
    let (listener, url) = listen().await;
    let client = client(&url);
    let admissions = Admissions::default();
    let call = |client: Client, admissions: Admissions| {
        tokio::spawn(async move { client.forecast_if(HERE, admissions.admit()).await })
    };
    let first = call(client.clone(), admissions.clone());
    let mut abandoned = accept(&listener).await;
    let second = call(client, admissions.clone());
    tokio::task::yield_now().await;
    assert_eq!(admissions.count(), 1);
    first.abort();
    let rest = abandoned.read(&mut [0; 64]).await;
    assert!(matches!(rest, Ok(0) | Err(_)), "the connection is still open: {rest:?}");
    respond(accept(&listener).await, &forecast_body()).await;
    second.await.unwrap().unwrap().unwrap();
    assert_eq!(admissions.count(), 2);
}
