//! Tests that migrations keep the stored rows.

use daybook_domain::{NoteId, TaskId, UserId};
use rstest::rstest;

use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};

macro_rules! migration {
    ($database:literal, $name:literal) => {
        include_str!(concat!("../../../../migrations/", $database, "/", $name, "/up.sql"))
    };
}

/// This is a macro, because the path of `include_str!` must be a literal.
macro_rules! history {
    ($database:literal) => {
        [
            migration!($database, "2026-11-22-000000_accounts"),
            migration!($database, "2026-11-22-000100_notes"),
            migration!($database, "2026-11-22-000200_tasks"),
            migration!($database, "2026-11-23-000000_sessions"),
        ]
    };
}

/// Returns the schema of the first release with sessions, with Diesel's table of applied
/// migrations.
fn first_schema(kind: Kind) -> String {
    let migrations = match kind {
        Postgres => history!("postgres"),
        Sqlite => history!("sqlite"),
    };
    let applied = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
                   run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); \
                   INSERT INTO __diesel_schema_migrations (version) VALUES \
                   ('20261122000000'), ('20261122000100'), ('20261122000200'), ('20261123000000');";
    format!("{}\n{applied}", migrations.join("\n"))
}

/// Returns statements that insert two users with one note each, two summaries and a task.
fn rows(kind: Kind) -> String {
    let now = match kind {
        Postgres => "now()",
        Sqlite => "1000000",
    };
    let hash = daybook_domain::ContentHash::of("b", "text");
    let hash = hash.as_str();
    format!(
        "INSERT INTO users (email, email_key, username, username_key, password_hash, \
         password_changed_at, created_at, updated_at) VALUES \
         ('a', 'a', 'a', 'a', '', {now}, {now}, {now}), ('b', 'b', 'b', 'b', '', {now}, {now}, {now}); \
         INSERT INTO notes (user_id, title, content, created_at, updated_at, summary_id) \
         VALUES (1, 'a', 'text', {now}, {now}, NULL), (2, 'b', 'text', {now}, {now}, 2); \
         INSERT INTO summaries \
         (note_id, text, model, input_tokens, output_tokens, content_hash, created_at) \
         VALUES (2, 'old', 'm', 1, 1, '{hash}', {now}), (2, 'new', 'm', 1, 1, '{hash}', {now}); \
         INSERT INTO tasks (user_id, title, content, city, created_at, updated_at) \
         VALUES (2, 't', 'c', 'Lisbon', {now}, {now});"
    )
}

#[rstest]
#[tokio::test]
async fn migrate_keeps_the_rows_of_an_older_database(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::empty(kind);
    let old = first_schema(kind) + &rows(kind);
    fixture.execute(&old);
    let database = &fixture.database;
    assert!(database.migrate().await.unwrap() > 0);
    let note = database.note(UserId(2), NoteId(2)).await.unwrap();
    let summary = note.summary.unwrap();
    assert_eq!((note.title.as_str(), summary.text.as_str(), summary.stale), ("b", "new", false));
    assert_eq!(database.note(UserId(1), NoteId(1)).await.unwrap().summary, None);
    assert_eq!(database.task(UserId(2), TaskId(1)).await.unwrap().city.as_str(), "Lisbon");
    // The summaries of a note are still deleted together with it.
    database.delete_note(UserId(2), NoteId(2)).await.unwrap();
    fixture.execute(match kind {
        Postgres => "DO $$ BEGIN ASSERT (SELECT count(*) FROM summaries) = 0; END $$",
        // Fails if there is a summary.
        Sqlite => {
            "CREATE TABLE none (id INTEGER NOT NULL) STRICT; INSERT INTO none SELECT NULL FROM summaries"
        }
    });
}
