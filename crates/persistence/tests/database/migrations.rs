//! What was stored before a migration is there after it.

use daybook_domain::{NoteId, TaskId, UserId};
use daybook_test_servers::Postgres;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::{Fixture, Kind};

macro_rules! history {
    ($database:literal: $($migration:literal),*) => {
        [$(include_str!(concat!("../../../../migrations/", $database, "/", $migration, "/up.sql"))),*]
    };
}

/// The schema of the first release with sessions, with what Diesel writes down about it.
fn first_schema(kind: Kind) -> String {
    let migrations = match kind {
        Kind::Postgres => {
            history!("postgres": "2026-11-22-000000_accounts", "2026-11-22-000100_notes", "2026-11-22-000200_tasks", "2026-11-23-000000_sessions")
        }
        Kind::Sqlite => {
            history!("sqlite": "2026-11-22-000000_accounts", "2026-11-22-000100_notes", "2026-11-22-000200_tasks", "2026-11-23-000000_sessions")
        }
    };
    let known = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); \
                 INSERT INTO __diesel_schema_migrations (version) VALUES ('20261122000000'), ('20261122000100'), ('20261122000200'), ('20261123000000');";
    format!("{}\n{known}", migrations.join("\n"))
}

/// Two users with a note each, of which the second is summarised twice, and a task.
fn rows(kind: Kind) -> String {
    let now = match kind {
        Kind::Postgres => "now()",
        Kind::Sqlite => "1000000",
    };
    let hash = daybook_domain::ContentHash::of("b", "text");
    let hash = hash.as_str();
    format!(
        "INSERT INTO users (email, email_key, username, username_key, password_hash, password_changed_at, created_at, updated_at) \
         VALUES ('a', 'a', 'a', 'a', '', {now}, {now}, {now}), ('b', 'b', 'b', 'b', '', {now}, {now}, {now}); \
         INSERT INTO notes (user_id, title, content, created_at, updated_at, summary_id) \
         VALUES (1, 'a', 'text', {now}, {now}, NULL), (2, 'b', 'text', {now}, {now}, 2); \
         INSERT INTO summaries (note_id, text, model, input_tokens, output_tokens, content_hash, created_at) \
         VALUES (2, 'old', 'm', 1, 1, '{hash}', {now}), (2, 'new', 'm', 1, 1, '{hash}', {now}); \
         INSERT INTO tasks (user_id, title, content, city, created_at, updated_at) \
         VALUES (2, 't', 'c', 'Lisbon', {now}, {now});"
    )
}

async fn an_older_database_is_brought_up_to_date(kind: Kind) {
    let fixture = Fixture::empty(kind);
    let old = first_schema(kind) + &rows(kind);
    fixture.execute(&old);
    let database = &fixture.database;
    assert!(database.migrate().await.unwrap() > 0);
    let note = database.note(UserId(2), NoteId(2)).await.unwrap();
    let summary = note.summary.unwrap();
    assert_eq!((note.title.as_str(), summary.text.as_str(), summary.stale), ("b", "new", false));
    assert_eq!(database.note(UserId(1), NoteId(1)).await.unwrap().summary, None);
    assert_eq!(database.task(UserId(2), TaskId(1)).await.unwrap().city, "Lisbon");
    // The rows still go with what they belong to.
    database.delete_note(UserId(2), NoteId(2)).await.unwrap();
    fixture.execute(match kind {
        Kind::Postgres => "DO $$ BEGIN ASSERT (SELECT count(*) FROM summaries) = 0; END $$",
        // Fails where there is a summary left.
        Kind::Sqlite => {
            "CREATE TABLE none (id INTEGER NOT NULL) STRICT; INSERT INTO none SELECT NULL FROM summaries"
        }
    });
}

#[tokio::test]
async fn an_older_database_is_brought_up_to_date_on_sqlite() {
    an_older_database_is_brought_up_to_date(Kind::Sqlite).await;
}

#[tokio::test]
async fn an_older_database_is_brought_up_to_date_on_postgres() {
    an_older_database_is_brought_up_to_date(Kind::Postgres).await;
}

impl Fixture {
    /// Statements that the database is given from outside; fails with them.
    fn execute(&self, statements: &str) {
        match (&self.server, &self.file) {
            (Some(server), _) => {
                let name = server.url().rsplit('/').next().unwrap();
                Postgres::shared().query(name, statements);
            }
            (None, Some(file)) => {
                let path = file.path().join("day.db");
                let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                connection.batch_execute(statements).unwrap();
            }
            (None, None) => unreachable!(),
        }
    }
}
