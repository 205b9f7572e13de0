//! What many do at once, and what goes wrong midway.

use daybook_domain::{Limit, NoteDraft, Origin, PageRequest, Timestamp};
use daybook_persistence::Error;
use daybook_test_servers::Postgres;
use futures_util::FutureExt;

use crate::{Fixture, Kind, new_user, on_both_databases};

on_both_databases! {
    async fn of_four_hundred_writes_the_failing_ones_take_only_themselves_away(fixture: Fixture) {
        fixture.user("taken").await;
        let attempts = (0..400).map(|number| {
            let database = fixture.database.clone();
            tokio::spawn(async move {
                // Every fourth collides with the account that is there.
                let new = if number % 4 == 0 { new_user("taken") } else { new_user(&format!("user{number}")) };
                loop {
                    match database.register(new.clone(), Origin::default(), Timestamp::now()).await {
                        Ok(_) => return true,
                        Err(Error::Conflict(_)) => return false,
                        // A full pool says so; whoever asks again is served.
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
            assert!(fixture.database.credentials(&format!("user{number}")).await.unwrap().is_some());
        }
    }

    async fn a_unit_runs_to_its_end_when_nobody_waits(fixture: Fixture) {
        let (database, ada) = (fixture.database.clone(), fixture.user("ada").await);
        for number in 0..100 {
            let draft = NoteDraft { title: number.to_string(), content: String::new() };
            let mut writing = Box::pin(database.create_note(ada.id, draft, Timestamp::now()));
            let mut reading = Box::pin(database.notes(ada.id, PageRequest::default()));
            // Polled once, then dropped in the middle.
            let _ = (&mut writing).now_or_never();
            let _ = (&mut reading).now_or_never();
        }
        database.flush().await.unwrap();
        let all = PageRequest { limit: Limit::new(100).unwrap(), cursor: None };
        assert_eq!(database.notes(ada.id, all).await.unwrap().items.len(), 100);
    }

    async fn migrating_again_does_nothing(fixture: Fixture) {
        assert_eq!(fixture.database.migrate().await.unwrap(), 0);
    }

    async fn workers_share_the_database(fixture: Fixture) {
        let ada = fixture.user("ada").await;
        let worker = fixture.database.for_worker();
        assert_eq!(worker.user(ada.id).await.unwrap(), ada);
        worker.ping().await.unwrap();
    }
}

async fn eight_migrate_at_once(kind: Kind) {
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
    assert_eq!(applied[..7], [0; 7], "one did the work");
    assert!(applied[7] > 0);
}

#[tokio::test]
async fn eight_migrate_at_once_on_sqlite() {
    eight_migrate_at_once(Kind::Sqlite).await;
}

#[tokio::test]
async fn eight_migrate_at_once_on_postgres() {
    eight_migrate_at_once(Kind::Postgres).await;
}

#[tokio::test]
async fn a_broken_connection_is_replaced() {
    let fixture = Fixture::new(Kind::Postgres).await;
    let ada = fixture.user("ada").await;
    fixture.database.ping().await.unwrap();
    let name = fixture.server.as_ref().unwrap().url().rsplit('/').next().unwrap().to_owned();
    let end =
        format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'");
    assert_eq!(Postgres::shared().query("postgres", &end), "2", "the lane and one of the pool");
    // The first to use a connection may find out that it is dead; nobody after that.
    for _ in 0..2 {
        let _ = fixture.database.ping().await;
        let _ = fixture.database.flush().await;
    }
    assert_eq!(fixture.database.user(ada.id).await.unwrap(), ada);
    let draft = NoteDraft { title: "after".into(), content: String::new() };
    fixture.database.create_note(ada.id, draft, Timestamp::now()).await.unwrap();
}
