//! Concurrent calls, dropped futures and broken connections.

use daybook_domain::{Limit, LoginName, NoteDraft, Origin, PageRequest, Timestamp};
use daybook_persistence::Error;
use daybook_test_servers::Postgres as Server;
use futures_util::FutureExt;
use rstest::rstest;

use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::fixture::{Fixture, new_user};

#[rstest]
#[tokio::test]
async fn register_undoes_only_the_failed_ones_of_400_concurrent_writes(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = Fixture::new(kind).await;
    fixture.user("taken").await;
    let attempts = (0..400).map(|number| {
        let database = fixture.database.clone();
        tokio::spawn(async move {
            // Every fourth registration conflicts with the existing account.
            let new = if number % 4 == 0 { new_user("taken") } else { new_user(&format!("user{number}")) };
            loop {
                match database.register(new.clone(), Origin::default(), Timestamp::now()).await {
                    Ok(_) => return true,
                    Err(Error::Conflict(_)) => return false,
                    // The pool is full. A retry may succeed.
                    Err(Error::Unavailable(_)) => tokio::task::yield_now().await,
                    Err(other) => panic!("{other:?}"),
                }
            }
        })
    });
    let mut stored = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        stored += i32::from(attempt.await.unwrap());
    }
    assert_eq!(stored, 300);
    for number in 1..4 {
        assert!(
            fixture.database.credentials(&LoginName::new(&format!("user{number}"))).await.unwrap().is_some()
        );
    }
}

#[rstest]
#[tokio::test]
async fn create_note_runs_to_its_end_if_its_future_is_dropped(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (fixture.database.clone(), fixture.user("ada").await);
    for number in 0..100 {
        let draft = NoteDraft::parse(&number.to_string(), "").unwrap();
        let mut writing = Box::pin(database.create_note(ada.id, draft, Timestamp::now()));
        let mut reading = Box::pin(database.notes(ada.id, PageRequest::default()));
        // Each future is polled once and then dropped.
        let _ = (&mut writing).now_or_never();
        let _ = (&mut reading).now_or_never();
    }
    database.flush().await.unwrap();
    let all = PageRequest { limit: Limit::new(100).unwrap(), cursor: None };
    assert_eq!(database.notes(ada.id, all).await.unwrap().items.len(), 100);
}

#[rstest]
#[tokio::test]
async fn migrate_does_nothing_the_second_time(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    assert_eq!(fixture.database.migrate().await.unwrap(), 0);
}

#[rstest]
#[tokio::test]
async fn for_worker_shares_the_database(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    let worker = fixture.database.for_worker();
    assert_eq!(worker.user(ada.id).await.unwrap(), ada);
    worker.ping().await.unwrap();
}

#[rstest]
#[tokio::test]
async fn migrate_runs_once_for_eight_concurrent_calls(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::empty(kind);
    let starts = (0..8).map(|_| {
        let database = fixture.database.clone();
        tokio::spawn(async move { database.migrate().await.unwrap() })
    });
    let mut applied = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        applied.push(start.await.unwrap());
    }
    applied.sort_unstable();
    assert_eq!(applied[..7], [0; 7], "only one call applied migrations");
    assert!(applied[7] > 0);
}

#[tokio::test]
async fn ping_replaces_a_broken_connection() {
    let fixture = Fixture::new(Postgres).await;
    let ada = fixture.user("ada").await;
    fixture.database.ping().await.unwrap();
    let name = fixture.server_name();
    let end =
        format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'");
    assert_eq!(Server::shared().query("postgres", &end), "2", "one for reads and one of the pool");
    // The first use of each broken connection may fail. Later uses must succeed.
    for _ in 0..2 {
        let _ = fixture.database.ping().await;
        let _ = fixture.database.flush().await;
    }
    assert_eq!(fixture.database.user(ada.id).await.unwrap(), ada);
    let draft = NoteDraft::parse("after", "").unwrap();
    fixture.database.create_note(ada.id, draft, Timestamp::now()).await.unwrap();
}
