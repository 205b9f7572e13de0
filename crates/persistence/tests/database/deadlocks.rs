//! Concurrent transactions of one account on PostgreSQL lock their rows in an order without
//! deadlocks.

use std::time::Duration;

use daybook_domain::{EndReason, EventKind, Note, SessionId, Timestamp, User, Username};
use daybook_persistence::{Budget, Credentials, Database, Error, Refreshed, Reservation};
use daybook_test_servers::Postgres as Server;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};

use crate::client::{actor, login, open, refresh, refresh_of};
use crate::fixture::Fixture;
use crate::fixture::Kind::Postgres;
use crate::summaries::{SPENT, note, summary_of};

/// Returns the number of the database's connections that meet the condition.
fn connections(fixture: &Fixture, condition: &str) -> usize {
    let query = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'daybook' AND {condition}"
    );
    fixture.lines(&query).parse().unwrap()
}

async fn wait_while(condition: impl Fn() -> bool) {
    while condition() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_session_with_a_reused_token_does_not_deadlock_with_delete_user() {
    let fixture = Fixture::new(Postgres).await;
    let (database, now, ada) = (fixture.database.clone(), Timestamp::now(), fixture.user("ada").await);
    open(&database, &ada, 1, now).await;
    refresh(&database, 1, 0, 1, now).await;
    fixture.age_rotations(31);
    let verified = database.credentials_of(ada.id).await.unwrap();
    // `delete_user` waits for this lock.
    let mut other = Server::shared().session(fixture.server_name());
    other.run("BEGIN; SELECT id FROM users FOR KEY SHARE");
    let deleting = tokio::spawn({
        let database = database.clone();
        async move { database.delete_user(&actor(ada.id, now), verified).await }
    });
    let waiting = || connections(&fixture, "wait_event_type = 'Lock'");
    wait_while(|| waiting() < 1).await;
    let refreshing = tokio::spawn(async move { database.refresh_session(refresh_of(1, 0, 9), now).await });
    wait_while(|| waiting() < 2 && !refreshing.is_finished()).await;
    other.run("COMMIT");
    let (deleted, refreshed) = (deleting.await.unwrap(), refreshing.await.unwrap());
    assert!(deleted.is_ok(), "{deleted:?}");
    assert!(matches!(refreshed, Ok(Refreshed::Reused { .. } | Refreshed::Unknown)), "{refreshed:?}");
}

const BUDGET: Budget = Budget { per_user: i64::MAX, of_all: i64::MAX };

/// An account with three sessions, a note and a reservation.
struct Account {
    user: User,
    credentials: Credentials,
    /// The families of the sessions, and of two sessions to be opened. The second token of each is
    /// current, and the first one counts as reused.
    families: [u8; 5],
    sessions: Vec<SessionId>,
    note: Note,
    reservation: Reservation,
    now: Timestamp,
}

impl Account {
    async fn new(fixture: &Fixture, round: u8) -> Self {
        let (database, now) = (&fixture.database, Timestamp::now());
        let user = fixture.user(&format!("ada{round}")).await;
        let families = [0, 1, 2, 3, 4].map(|number| round * 5 + number);
        let mut sessions = Vec::new();
        for family in &families[..3] {
            sessions.push(open(database, &user, *family, now).await);
            refresh(database, *family, 0, 1, now).await;
        }
        fixture.age_rotations(31);
        let note = note(database, user.id).await;
        let reservation = database.reserve_tokens(user.id, 100, BUDGET, now).await.unwrap().unwrap();
        let credentials = database.credentials_of(user.id).await.unwrap();
        Self { user, credentials, families, sessions, note, reservation, now }
    }

    /// Runs one of the transactions of this crate. They are in several functions, because the stack
    /// of a test is too small for all of them at once.
    fn run<'a>(&'a self, database: &'a Database, unit: usize) -> BoxFuture<'a, Result<(), Error>> {
        match unit {
            0..5 => self.refresh(database, unit).boxed(),
            5..8 => self.open_or_end(database, unit).boxed(),
            8..11 => self.record(database, unit).boxed(),
            11..15 => self.summarize(database, unit).boxed(),
            _ => self.change_all(database, unit).boxed(),
        }
    }

    async fn refresh(&self, database: &Database, unit: usize) -> Result<(), Error> {
        let (family, from, to) = [(0, 1, 2), (1, 1, 2), (1, 1, 3), (2, 0, 9), (2, 0, 9)][unit];
        database.refresh_session(refresh_of(self.families[family], from, to), self.now).await.map(drop)
    }

    async fn open_or_end(&self, database: &Database, unit: usize) -> Result<(), Error> {
        if unit == 7 {
            let me = actor(self.user.id, self.now);
            return database.end_session(&me, self.sessions[0], EndReason::Revoked).await.map(drop);
        }
        let login = login(&self.user, self.families[unit - 2]);
        database.open_session(login, self.now).await.map(drop)
    }

    async fn record(&self, database: &Database, unit: usize) -> Result<(), Error> {
        let (user, now) = (self.user.id, self.now);
        let (me, renamed) = (actor(user, now), Username::parse(&format!("countess{}", user.0)).unwrap());
        match unit {
            8 => database.touch_session(user, self.sessions[1], now, now.plus_seconds(90), now).await,
            9 => {
                let verified = Some(self.credentials.clone());
                database.update_user(&me, None, Some(renamed), verified).await.map(drop)
            }
            _ => database.record_event(&me, EventKind::LoginFailed).await,
        }
    }

    async fn summarize(&self, database: &Database, unit: usize) -> Result<(), Error> {
        let (user, note, now) = (self.user.id, self.note.id, self.now);
        match unit {
            11 => database.reserve_tokens(user, 100, BUDGET, now).await.map(drop),
            12 => database.settle_tokens(self.reservation, SPENT).await,
            13 => {
                let (summary, reservation) = (summary_of(&self.note), Some(self.reservation));
                database.store_summary(user, note, summary, reservation, now).await.map(drop)
            }
            _ => database.delete_note(user, note).await,
        }
    }

    /// Runs one of the three that change all sessions.
    async fn change_all(&self, database: &Database, unit: usize) -> Result<(), Error> {
        let (me, verified) = (actor(self.user.id, self.now), self.credentials.clone());
        match unit {
            15 => database.delete_user(&me, verified).await.map(drop),
            16 => database.change_password(&me, verified, "new".to_owned()).await.map(drop),
            _ => database.end_all_sessions(&me).await.map(drop),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_transactions_of_one_account_do_not_deadlock() {
    let mut fixture = Fixture::new(Postgres).await;
    let database = fixture.another_instance();
    for round in 0..45_u8 {
        let account = Box::pin(Account::new(&fixture, round)).await;
        let mut units: Vec<usize> = (0..15).collect();
        // The transactions overlap differently in each round.
        units.rotate_left(usize::from(round) % 15);
        units.insert(7, 15 + usize::from(round) % 3);
        // As many at once as the pool has connections, so none waits for a connection.
        let units = stream::iter(units).map(|unit| account.run(&database, unit)).buffer_unordered(8);
        for result in units.collect::<Vec<_>>().await {
            assert!(matches!(result, Ok(()) | Err(Error::NotFound)), "{round}: {result:?}");
        }
    }
    // A connection publishes its statistics when it ends.
    drop(database);
    fixture.database = fixture.another_instance();
    wait_while(|| connections(&fixture, "true") > 0).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(fixture.lines(deadlocks), "0");
}
