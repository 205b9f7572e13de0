//! The database of a test.

use std::path::Path;

use daybook_domain::{Email, Origin, Timestamp, User, Username};
use daybook_persistence::{Database, NewUser};
use daybook_test_servers::{Postgres, TestDatabase};
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use tempfile::TempDir;

/// The database that a test runs on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A database that is deleted after the test.
pub(crate) struct Fixture {
    pub(crate) database: Database,
    file: Option<TempDir>,
    server: Option<TestDatabase>,
    url: String,
}

impl Fixture {
    /// Returns a migrated database.
    pub(crate) async fn new(kind: Kind) -> Self {
        let fixture = Self::empty(kind);
        fixture.database.migrate().await.unwrap();
        fixture
    }

    /// Returns a database without a schema.
    pub(crate) fn empty(kind: Kind) -> Self {
        let file = (kind == Kind::Sqlite).then(|| tempfile::tempdir().unwrap());
        let server = (kind == Kind::Postgres).then(|| Postgres::shared().create_database());
        let url = match (&file, &server) {
            (Some(file), _) => format!("sqlite://{}/day.db", file.path().display()),
            (_, Some(server)) => server.url().to_owned(),
            _ => unreachable!(),
        };
        Self { database: Database::open(&url.parse().unwrap()).unwrap(), file, server, url }
    }

    /// Opens the database again, as another instance does.
    pub(crate) fn another_instance(&self) -> Database {
        Database::open(&self.url.parse().unwrap()).unwrap()
    }

    /// Opens the database again, with further parameters in the URL.
    pub(crate) fn with_parameters(&self, parameters: &str) -> Database {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        Database::open(&format!("{}{separator}{parameters}", self.url).parse().unwrap()).unwrap()
    }

    /// Returns the database's name on the PostgreSQL server.
    pub(crate) fn server_name(&self) -> &str {
        self.server.as_ref().and_then(|server| server.url().rsplit('/').next()).unwrap()
    }

    /// Returns the folder of the SQLite file `day.db`.
    pub(crate) fn folder(&self) -> &Path {
        self.file.as_ref().unwrap().path()
    }

    /// Runs statements on a separate connection.
    pub(crate) fn execute(&self, statements: &str) {
        match &self.file {
            None => {
                Postgres::shared().query(self.server_name(), statements);
            }
            Some(file) => {
                let path = file.path().join("day.db");
                let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                connection.batch_execute(statements).unwrap();
            }
        }
    }

    /// Returns the only column of a query, one line for each row.
    pub(crate) fn lines(&self, query: &str) -> String {
        match &self.file {
            None => Postgres::shared().query(self.server_name(), query),
            Some(file) => {
                let path = file.path().join("day.db");
                let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                diesel::dsl::sql::<Text>(query).load::<String>(&mut connection).unwrap().join("\n")
            }
        }
    }

    /// Makes all rotations of refresh tokens older.
    pub(crate) fn age_rotations(&self, seconds: u32) {
        self.execute(&match &self.file {
            None => format!("UPDATE rotations SET rotated_at = rotated_at - interval '{seconds} seconds'"),
            Some(_) => format!("UPDATE rotations SET rotated_at = rotated_at - {seconds}000000"),
        });
    }

    /// Registers an account.
    pub(crate) async fn user(&self, name: &str) -> User {
        self.database.register(new_user(name), Origin::default(), Timestamp::now()).await.unwrap()
    }
}

/// Returns an account with its name as the password hash.
pub(crate) fn new_user(name: &str) -> NewUser {
    let email = Email::parse(&format!("{name}@example.com")).unwrap();
    NewUser::new(email, Username::parse(name).unwrap(), name.to_owned())
}
