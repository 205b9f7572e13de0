//! The query plans of all statements of the cleanups, on SQLite.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use daybook_domain::Timestamp;
use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use diesel::sqlite::SqliteConnection;

use super::Cleanup;
use crate::database::Database;
use crate::sqlite::{Inline, connect};
use crate::unit::run_inline;
use crate::{deletion, retention, surplus_events};

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Integer)]
    #[expect(dead_code, reason = "SQLite returns it before the detail")]
    id: i32,
    #[diesel(sql_type = Text)]
    detail: String,
}

/// A closed account with a row in each table, an outdated row of each kind, and a surplus event.
const ROWS: &str = "
INSERT INTO users (email, email_key, username, username_key, password_hash, password_changed_at, created_at,
    updated_at, closed_at) VALUES ('a', 'a', 'a', 'a', '', 1, 1, 1, 1);
INSERT INTO notes (user_id, title, content, created_at, updated_at) VALUES (1, 't', 'c', 1, 1);
INSERT INTO summaries (user_id, note_id, text, model, input_tokens, output_tokens, content_hash, created_at)
    VALUES (1, 1, 't', 'm', 1, 1, '', 1);
INSERT INTO tasks (user_id, title, content, city, created_at, updated_at)
    VALUES (1, 't', 'c', 'Lisbon', 1, 1);
INSERT INTO events (user_id, kind, created_at) WITH RECURSIVE numbers (n) AS
    (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 11001) SELECT 1, 'refresh', 1 FROM numbers;
INSERT INTO sessions (user_id, created_at, expires_at) VALUES (1, 1, 1);
INSERT INTO rotations (refresh_token, session_id, salt, rotated_at) VALUES (x'00', 1, x'00', 1);
INSERT INTO usage (user_id, day) VALUES (1, 1);
INSERT INTO usage_of_all (day) VALUES (1);";

/// Runs one batch of a cleanup.
fn run(connection: &mut SqliteConnection, cleanup: Cleanup, now: Timestamp) {
    let c = &mut Inline(connection);
    let batch = run_inline(async move {
        match cleanup {
            Cleanup::ClosedAccounts => deletion::delete_first_closed(c, 0).await,
            Cleanup::Events => retention::delete_events(c, 0, now).await,
            Cleanup::SurplusEvents => surplus_events::delete_first(c, 0).await,
            Cleanup::Sessions => retention::delete_sessions(c, 0, now).await,
            Cleanup::Usage => retention::delete_usage(c, 0, now).await,
        }
    });
    assert!(batch.unwrap().deleted > 0, "{cleanup:?}");
}

#[test]
fn each_cleanup_has_a_name_and_a_lock_of_its_own() {
    let names = Cleanup::ALL.map(Cleanup::name);
    assert_eq!(names, ["closed_accounts", "events", "surplus_events", "sessions", "usage"]);
    let locks: HashSet<_> = Cleanup::ALL.into_iter().map(Cleanup::lock_key).collect();
    assert_eq!(locks.len(), names.len());
}

#[tokio::test]
async fn every_statement_searches_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.db");
    let database = Database::open(&format!("sqlite://{}", path.display()).parse().unwrap()).unwrap();
    database.migrate().await.unwrap();
    let mut connection = connect(&path).unwrap();
    connection.batch_execute(ROWS).unwrap();
    let statements = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&statements);
    // The closed account is last, because its deletion deletes all other rows.
    for cleanup in Cleanup::ALL.into_iter().rev() {
        let kept = Arc::clone(&kept);
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                kept.lock().unwrap().push(query.to_string());
            }
        });
        if cleanup == Cleanup::ClosedAccounts {
            // The other cleanups have deleted some of its rows.
            connection.batch_execute(ROWS.split_once(';').unwrap().1).unwrap_or_default();
        }
        run(&mut connection, cleanup, Timestamp::now());
    }
    connection.set_instrumentation(|_: InstrumentationEvent<'_>| {});
    let statements = std::mem::take(&mut *statements.lock().unwrap());
    let statements =
        statements.iter().filter(|text| text.starts_with("SELECT") || text.starts_with("DELETE"));
    let mut explained = 0;
    for text in statements {
        let (text, _) = text.rsplit_once(" -- binds").unwrap();
        let plan: Vec<Step> =
            diesel::sql_query(format!("EXPLAIN QUERY PLAN {text}")).load(&mut connection).unwrap();
        assert!(!plan.is_empty(), "{text}");
        // A subquery has a line of its own, and its steps follow.
        let steps = plan.iter().filter(|step| step.detail != "CORRELATED SCALAR SUBQUERY 1");
        for step in steps {
            assert!(step.detail.starts_with("SEARCH"), "{}: {text}", step.detail);
        }
        explained += 1;
    }
    assert!(explained >= 20, "{explained} statements");
}
