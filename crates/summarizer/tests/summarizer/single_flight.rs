//! Single flight: joining, waiting, abandoning.

use std::time::Duration;

use daybook_summarizer::{Error, Flight, SingleFlight, Waiter};

type Flights = SingleFlight<&'static str, u8, Error>;

/// Starts a flight with this key, which must not exist.
fn start(flights: &Flights) -> (Waiter<u8, Error>, Flight<&'static str, u8, Error>) {
    let (waiter, flight) = flights.join("key");
    (waiter, flight.expect("a new flight"))
}

#[tokio::test]
async fn join_shares_a_flight_and_its_whole_text() {
    let flights = Flights::new();
    let (mut first, flight) = start(&flights);
    flight.begin();
    flight.push("Milk");
    let (mut second, none) = flights.clone().join("key");
    assert!(none.is_none());
    assert!(flights.join("other").1.is_some(), "another key is another flight");
    assert_eq!(first.next_text().await.as_deref(), Some("Milk"));
    flight.push(" and");
    flight.push("");
    flight.push(" bread");
    assert_eq!(first.next_text().await.as_deref(), Some(" and bread"));
    assert_eq!(second.next_text().await.as_deref(), Some("Milk and bread"));
    flight.finish(Ok(7));
    assert_eq!((first.next_text().await, second.next_text().await), (None, None));
    assert_eq!((first.outcome().await.unwrap(), second.outcome().await.unwrap()), (7, 7));
}

#[tokio::test]
async fn next_text_loses_nothing_when_it_is_dropped() {
    let flights = Flights::new();
    let (mut waiter, flight) = start(&flights);
    assert!(tokio::time::timeout(Duration::ZERO, waiter.next_text()).await.is_err());
    flight.push("Milk");
    flight.finish(Ok(7));
    assert_eq!(waiter.next_text().await.as_deref(), Some("Milk"));
    assert_eq!(waiter.next_text().await, None);
}

#[tokio::test]
async fn begun_waits_until_the_work_begins_or_fails() {
    let flights = Flights::new();
    let (mut waiter, flight) = start(&flights);
    assert!(tokio::time::timeout(Duration::ZERO, waiter.begun()).await.is_err());
    flight.begin();
    waiter.begun().await.unwrap();
    flight.finish(Err(Error::Timeout));
    waiter.begun().await.unwrap();
    assert!(matches!(waiter.outcome().await, Err(Error::Timeout)));

    let (mut waiter, flight) = start(&flights);
    flight.finish(Err(Error::Timeout));
    assert!(matches!(waiter.begun().await, Err(Error::Timeout)));

    let (mut waiter, flight) = start(&flights);
    flight.finish(Ok(7));
    waiter.begun().await.unwrap();
}

#[tokio::test]
async fn drop_of_a_flight_interrupts_its_waiters() {
    let flights = Flights::new();
    let (mut waiter, flight) = start(&flights);
    let waiting = tokio::spawn(async move { waiter.outcome().await });
    tokio::task::yield_now().await;
    drop(flight);
    assert!(matches!(waiting.await.unwrap(), Err(Error::Interrupted)));
    let (mut waiter, flight) = start(&flights);
    flight.push("Milk");
    drop(flight);
    assert_eq!(waiter.next_text().await.as_deref(), Some("Milk"));
    assert_eq!(waiter.next_text().await, None);
    assert!(matches!(waiter.begun().await, Err(Error::Interrupted)));
}

#[tokio::test]
async fn join_starts_a_new_flight_after_finish() {
    let flights = Flights::new();
    let (waiter, flight) = start(&flights);
    flight.finish(Ok(7));
    let (_, _flight) = start(&flights);
    drop(waiter);
}

#[tokio::test]
async fn abandoned_returns_when_the_last_waiter_is_dropped() {
    let flights = Flights::new();
    let (first, flight) = start(&flights);
    let (second, _) = flights.join("key");
    drop(first);
    assert!(tokio::time::timeout(Duration::ZERO, flight.abandoned()).await.is_err());
    drop(second);
    flight.abandoned().await;

    // The key is free. When the abandoned flight finishes, the new flight with this key stays.
    let (mut waiter, current) = start(&flights);
    flight.finish(Ok(1));
    assert!(flights.join("key").1.is_none());
    current.finish(Ok(2));
    assert_eq!(waiter.outcome().await.unwrap(), 2);
}
