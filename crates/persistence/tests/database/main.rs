//! The suite that both databases pass, each test on a database of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test they are how it fails")]

mod accounts;
mod concurrency;
mod migrations;
mod notes;
mod plans;
mod sessions;
mod summaries;

use daybook_domain::{Email, Origin, Timestamp, User, Username};
use daybook_persistence::{Database, NewUser};
use daybook_test_servers::{Postgres, TestDatabase};
use tempfile::TempDir;

/// Which database a test runs on.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sqlite,
    Postgres,
}

/// A migrated database that goes away with the test.
struct Fixture {
    database: Database,
    file: Option<TempDir>,
    server: Option<TestDatabase>,
}

impl Fixture {
    async fn new(kind: Kind) -> Self {
        let fixture = Self::empty(kind);
        fixture.database.migrate().await.unwrap();
        fixture
    }

    fn empty(kind: Kind) -> Self {
        let file = (kind == Kind::Sqlite).then(|| tempfile::tempdir().unwrap());
        let server = (kind == Kind::Postgres).then(|| Postgres::shared().create_database());
        let url = match (&file, &server) {
            (Some(file), _) => format!("sqlite://{}/day.db", file.path().display()),
            (_, Some(server)) => server.url().to_owned(),
            _ => unreachable!(),
        };
        Self { database: Database::open(&url.parse().unwrap()).unwrap(), file, server }
    }

    async fn user(&self, name: &str) -> User {
        self.database.register(new_user(name), Origin::default(), Timestamp::now()).await.unwrap()
    }
}

/// An account whose hash is its name.
fn new_user(name: &str) -> NewUser {
    NewUser {
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        username: Username::parse(name).unwrap(),
        password_hash: name.to_owned(),
    }
}

/// Makes two tests of each function: one on SQLite, one on PostgreSQL.
macro_rules! on_both_databases {
    ($(async fn $name:ident($fixture:ident: Fixture) $body:block)*) => {
        $(
            async fn $name($fixture: $crate::Fixture) $body

            mod $name {
                use $crate::{Fixture, Kind};

                #[tokio::test]
                async fn sqlite() {
                    super::$name(Fixture::new(Kind::Sqlite).await).await;
                }

                #[tokio::test]
                async fn postgres() {
                    super::$name(Fixture::new(Kind::Postgres).await).await;
                }
            }
        )*
    };
}

use on_both_databases;
