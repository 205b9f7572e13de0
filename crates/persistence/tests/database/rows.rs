//! Inserts many rows by SQL, and counts the rows of a user.

use daybook_domain::{Timestamp, UserId};
use daybook_persistence::{Cleanup, Database};

use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};

/// Returns a table expression with the numbers from 1 to `count` in the column `n`.
pub(crate) fn numbers(kind: Kind, count: usize) -> String {
    match kind {
        Postgres => format!("generate_series(1, {count}) AS numbers (n)"),
        Sqlite => format!(
            "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) \
             SELECT n FROM numbers) AS numbers"
        ),
    }
}

/// Returns the time this many seconds ago.
pub(crate) fn ago(kind: Kind, seconds: i64) -> String {
    match kind {
        Postgres => format!("now() - interval '{seconds} seconds'"),
        Sqlite => format!("(unixepoch() - {seconds}) * 1000000"),
    }
}

/// Returns a digest that is different for each user and each `n`.
pub(crate) fn digest(kind: Kind, user: UserId) -> String {
    match kind {
        Postgres => format!("decode(lpad(to_hex({user} * 1000000 + n), 64, '0'), 'hex')"),
        Sqlite => format!("CAST(printf('%032d', {user} * 1000000 + n) AS BLOB)"),
    }
}

/// Inserts notes of this user.
pub(crate) fn insert_notes(fixture: &Fixture, kind: Kind, user: UserId, count: usize) {
    let (now, numbers) = (ago(kind, 0), numbers(kind, count));
    fixture.execute(&format!(
        "INSERT INTO notes (user_id, title, content, created_at, updated_at) \
         SELECT {user}, 'note', 'content', {now}, {now} FROM {numbers}"
    ));
}

/// Returns the number of rows of this user in each table that the database lists with the column
/// `user_id`. That is every table with rows of users, except `users` itself and `rotations`.
pub(crate) fn owned(fixture: &Fixture, kind: Kind, user: UserId) -> Vec<(String, u64)> {
    let tables = fixture.lines(match kind {
        Postgres => {
            "SELECT table_name FROM information_schema.columns \
             WHERE table_schema = current_schema() AND column_name = 'user_id' ORDER BY table_name"
        }
        Sqlite => {
            "SELECT tables.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns \
             WHERE tables.type = 'table' AND columns.name = 'user_id' ORDER BY tables.name"
        }
    });
    assert!(tables.contains("notes"), "{tables}");
    let rows = |table: &str| (table.to_owned(), count(fixture, &format!("{table} WHERE user_id = {user}")));
    tables.lines().map(rows).collect()
}

/// Returns the number of rows of a table, which may have a condition.
pub(crate) fn count(fixture: &Fixture, table: &str) -> u64 {
    fixture.lines(&format!("SELECT CAST(count(*) AS TEXT) FROM {table}")).parse().unwrap()
}

/// Runs the batches of a cleanup to its end. Returns the number of deleted rows of each batch.
pub(crate) async fn clean_up(database: &Database, cleanup: Cleanup, now: Timestamp) -> Vec<usize> {
    let (mut position, mut deleted) = (Some(0), Vec::new());
    while let Some(from) = position {
        let batch = database.clean_up(cleanup, from, now).await.unwrap().unwrap();
        deleted.push(batch.deleted);
        position = batch.next;
    }
    deleted
}
