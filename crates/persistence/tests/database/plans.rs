//! The query plans of PostgreSQL.

use std::time::{Duration, Instant};

use daybook_domain::{NoteDraft, PageRequest, Timestamp};
use daybook_persistence::Cleanup;
use daybook_test_servers::Postgres;

use crate::client::{actor, credentials};
use crate::deletion::insert_everything;
use crate::fixture::{Fixture, Kind};
use crate::rows::clean_up;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_reads_only_rows_of_the_owner() {
    let fixture = Fixture::new(Kind::Postgres).await;
    let (database, ada, bob) = (&fixture.database, fixture.user("ada").await, fixture.user("bob").await);
    for _ in 0..5 {
        let draft = NoteDraft::parse("old", "and few").unwrap();
        database.create_note(ada.id, draft, Timestamp::now()).await.unwrap();
    }
    let query = |statement: &str| Postgres::shared().query(fixture.server_name(), statement);
    // There are two owners, so the planner expects that half of the rows are Ada's. A plan that
    // relies on this estimate would read all of Bob's newer rows first.
    query(&format!(
        "INSERT INTO notes (user_id, title, content, created_at, updated_at) \
         SELECT {}, 'new', 'and many', now(), now() FROM generate_series(1, 20000)",
        bob.id
    ));
    query("ANALYZE");
    let counted = |column: &str, table: &str| {
        query(&format!("SELECT sum({column}) FROM {table} WHERE relname = 'notes'"))
    };
    let rows_before = counted("seq_tup_read", "pg_stat_user_tables");
    let deadline = Instant::now() + Duration::from_secs(30);
    // The server updates these counters about once a second.
    while counted("idx_scan", "pg_stat_user_indexes") == "0" {
        let page = database.notes(ada.id, PageRequest::default()).await.unwrap();
        assert_eq!(page.items.len(), 5);
        assert!(Instant::now() < deadline, "no page was read by an index");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let per_page = query(
        "SELECT sum(idx_tup_read) / sum(idx_scan) <= 5 FROM pg_stat_user_indexes WHERE relname = 'notes'",
    );
    assert_eq!(
        per_page,
        "t",
        "{}",
        query("SELECT indexrelname, idx_scan, idx_tup_read FROM pg_stat_user_indexes")
    );
    assert_eq!(counted("seq_tup_read", "pg_stat_user_tables"), rows_before);
}

/// The counters of the server show each sequential scan, also those of cascades.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cleanups_read_no_table_from_its_beginning() {
    let fixture = Fixture::new(Kind::Postgres).await;
    let (database, ada, bob) = (&fixture.database, fixture.user("ada").await, fixture.user("bob").await);
    for user in [ada.id, bob.id] {
        insert_everything(&fixture, Kind::Postgres, user);
    }
    let now = Timestamp::now();
    let _ = database.delete_user(&actor(ada.id, now), credentials(&ada)).await.unwrap();
    let query = |statement: &str| Postgres::shared().query(fixture.server_name(), statement);
    query("ANALYZE");
    let scans = || {
        query(
            "SELECT string_agg(relname || seq_scan, ' ' ORDER BY relname) FROM pg_stat_user_tables \
             WHERE relname <> '__diesel_schema_migrations'",
        )
    };
    // The server updates these counters about once a second, when a statement ends.
    let settle = async || {
        let deadline = Instant::now() + Duration::from_secs(2);
        while Instant::now() < deadline {
            clean_up(database, Cleanup::Events, now).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    settle().await;
    let before = scans();
    for cleanup in Cleanup::ALL {
        clean_up(database, cleanup, now.plus_seconds(100 * 24 * 60 * 60)).await;
    }
    settle().await;
    assert_eq!(scans(), before);
    assert_eq!(query("SELECT count(*) FROM users"), "1");
}
