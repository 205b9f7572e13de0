//! A PostgreSQL server that hangs or is slow.

use std::time::{Duration, Instant};

use daybook_domain::{LoginName, NoteDraft, Origin, PageRequest, Timestamp, UserId};
use daybook_persistence::{Budget, Database, Error};
use daybook_test_servers::{Postgres, TestDatabase};
use futures_util::future::{BoxFuture, join_all};
use futures_util::{FutureExt, TryFutureExt};

use crate::client::{login, refresh_of};
use crate::fixture::new_user;
use crate::summaries::SPENT;

/// The maximum wait for a server that hangs is 1.8 s. The rest is for a slow machine.
const LIMIT: Duration = Duration::from_millis(3_500);

/// Returns a migrated database on this server, with the account `ada`.
async fn open(postgres: &Postgres) -> (TestDatabase, Database, daybook_domain::User) {
    let server = postgres.create_database();
    let database = Database::open(&server.url().parse().unwrap()).unwrap();
    database.migrate().await.unwrap();
    let ada = database.register(new_user("ada"), Origin::default(), Timestamp::now()).await.unwrap();
    (server, database, ada)
}

fn name(server: &TestDatabase) -> &str {
    server.url().rsplit('/').next().unwrap()
}

async fn write(database: &Database, user: UserId) -> Result<(), Error> {
    database.create_note(user, NoteDraft::parse("t", "c").unwrap(), Timestamp::now()).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_unit_is_unavailable_while_the_server_hangs() {
    let postgres = Postgres::start("");
    let (_server, database, ada) = open(&postgres).await;
    let long = NoteDraft::parse("long", &"x".repeat(50_000)).unwrap();
    database.create_note(ada.id, long, Timestamp::now()).await.unwrap();
    let (worker, name) = (database.for_worker(), LoginName::new("ada"));
    for round in 0..2 {
        let hung = postgres.suspend();
        let begun = Instant::now();
        let units: [BoxFuture<Result<(), Error>>; 7] = [
            database.ping().boxed(),
            database.notes(ada.id, PageRequest::default()).map_ok(drop).boxed(),
            database.credentials(&name).map_ok(drop).boxed(),
            write(&database, ada.id).boxed(),
            database.open_session(login(&ada, round), Timestamp::now()).map_ok(drop).boxed(),
            database.refresh_session(refresh_of(1, 0, 1), Timestamp::now()).map_ok(drop).boxed(),
            worker.ping().boxed(),
        ];
        for result in join_all(units).await {
            assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
        }
        // While the server is known to hang, a call does not wait for it.
        for _ in 0..100 {
            assert!(matches!(database.ping().await, Err(Error::Unavailable(_))));
            assert!(matches!(write(&database, ada.id).await, Err(Error::Unavailable(_))));
        }
        assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
        drop(hung);
        let continued = Instant::now();
        while database.ping().await.is_err() || write(&database, ada.id).await.is_err() {
            assert!(continued.elapsed() < LIMIT, "the database is still unavailable");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // All connections work, also those on which a unit was waiting.
        for result in join_all((0..20).map(|_| write(&database, ada.id))).await {
            result.unwrap();
        }
        database.notes(ada.id, PageRequest::default()).await.unwrap();
        database.flush().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_statements_succeed_if_the_server_is_alive() {
    let postgres = Postgres::start("");
    let (server, database, ada) = open(&postgres).await;
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
                'BEGIN PERFORM pg_sleep(3); RETURN NEW; END'; \
                CREATE TRIGGER slow BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION slow()";
    postgres.query(name(&server), slow);
    write(&database, ada.id).await.unwrap();
    // The other units of the process are not rejected meanwhile.
    let slow = join_all((0..3).map(|_| write(&database, ada.id)));
    let others = async {
        for _ in 0..25 {
            database.user(ada.id).await.unwrap();
            database
                .update_user(&crate::client::actor(ada.id, Timestamp::now()), None, None, None)
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (slow, ()) = tokio::join!(slow, others);
    for written in slow {
        written.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settle_tokens_charges_once_if_the_result_of_the_commit_is_lost() {
    let postgres = Postgres::start("");
    let (server, database, ada) = open(&postgres).await;
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
                'BEGIN PERFORM pg_sleep(1); RETURN NULL; END'; \
                CREATE CONSTRAINT TRIGGER slow AFTER DELETE ON reservations DEFERRABLE INITIALLY DEFERRED \
                FOR EACH ROW EXECUTE FUNCTION slow()";
    postgres.query(name(&server), slow);
    let budget = Budget { per_user: 1_000, of_all: 1_000 };
    let reservation = database.reserve_tokens(ada.id, 100, budget, Timestamp::now()).await.unwrap().unwrap();
    let lost = {
        let other = database.clone();
        let settled = tokio::spawn(async move { other.settle_tokens(reservation, SPENT).await });
        let commits = "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'";
        while postgres.query("postgres", commits) == "0" {
            database.ping().await.unwrap();
        }
        let _hung = postgres.suspend();
        settled.await.unwrap()
    };
    assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
    while database.settle_tokens(reservation, SPENT).await.is_err() {}
    let sums = "SELECT u.input_tokens, u.reserved_tokens, a.tokens, a.reserved_tokens \
                FROM usage u JOIN usage_of_all a ON a.day = u.day";
    assert_eq!(postgres.query(name(&server), sums), "30|0|34|0");
}
