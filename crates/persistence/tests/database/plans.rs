//! The query plans of PostgreSQL.

use std::time::{Duration, Instant};

use daybook_domain::{
    Actor, EndReason, EventKind, LoginName, NoteDraft, NotePatch, PageRequest, Proof, TaskDraft, TaskPatch,
    Timestamp,
};
use daybook_persistence::{Access, Budget, Cleanup, Database, FamilyDigest};
use daybook_test_servers::Postgres;

use crate::client::{actor, credentials, open, origin, refresh_of};
use crate::deletion::insert_everything;
use crate::fixture::{Fixture, Kind, new_user};
use crate::rows::clean_up;
use crate::summaries::{SPENT, key_of, summary_of};

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

/// Runs the statements of an account, from the registration to the deletion.
async fn register_use_and_delete(database: &Database, name: &str, family: u8) {
    let (now, page) = (Timestamp::now(), PageRequest::default);
    let ada = database.register(new_user(name), origin(), now).await.unwrap();
    let session = open(database, &ada, family, now).await;
    let by = Actor { proof: Proof::Session(session), ..actor(ada.id, now) };

    for name in [name, &format!("{name}@example.com"), "unknown"] {
        database.credentials(&LoginName::new(name)).await.unwrap();
    }
    database.credentials_of(&by).await.unwrap();
    database.user(&by).await.unwrap();
    database.login_addresses(ada.id).await.unwrap();
    database.live_session(ada.id, session, now).await.unwrap().unwrap();
    database.session_of_family(ada.id, FamilyDigest([family; 32])).await.unwrap().unwrap();
    database.sessions(ada.id, now).await.unwrap();
    database.is_unchanged_since(ada.id, now).await.unwrap();
    database.check_access(Access::from(&by)).await.unwrap();
    database.touch_session(ada.id, session, now, now.plus_seconds(100), now).await.unwrap();
    for from in [0, 0, 1] {
        let refresh = refresh_of(family, from, from + 1);
        let _ = database.preview_refresh(refresh.family, refresh.refresh_token, now).await.unwrap();
        database.refresh_session(refresh, now).await.unwrap();
    }
    database.record_event(&by, EventKind::LoginFailed).await.unwrap();
    database.events(ada.id, page(), now).await.unwrap();

    let draft = || NoteDraft::parse("title", "content").unwrap();
    let written = database.create_note(&by, draft(), now).await.unwrap();
    database.notes(&by, page()).await.unwrap();
    database.note(&by, written.id).await.unwrap();
    database.note_bytes(ada.id, written.id).await.unwrap().unwrap();
    let budget = Budget { per_user: 1_000_000, of_all: 1_000_000_000 };
    for is_used in [true, false] {
        let reserved = database.reserve_tokens(ada.id, 100, budget, now).await.unwrap().unwrap();
        if is_used {
            let new = summary_of(&written);
            database.store_summary(ada.id, written.id, new, Some(reserved), now).await.unwrap();
        } else {
            database.settle_tokens(reserved, SPENT).await.unwrap();
        }
    }
    let stored = database.summary_like(ada.id, written.id, key_of(&written)).await.unwrap().unwrap();
    database.show_summary(&by, written.id, stored.id).await.unwrap();
    database.summaries(ada.id, written.id, page()).await.unwrap();
    database.usage(ada.id, page()).await.unwrap();
    let title = NotePatch { title: Some(written.title.clone()), ..NotePatch::default() };
    database.update_note(&by, written.id, title, now).await.unwrap();

    let task = TaskDraft::parse("title", "content", "Lisbon").unwrap();
    let task = database.create_task(&by, task, None, now).await.unwrap();
    database.tasks(&by, page()).await.unwrap();
    database.task(&by, task.id).await.unwrap();
    database.task_bytes(ada.id, task.id).await.unwrap().unwrap();
    let title = TaskPatch { title: Some(task.title.clone()), ..TaskPatch::default() };
    database.update_task(&by, task.id, title, None, now).await.unwrap();
    database.delete_task(&by, task.id).await.unwrap();
    database.count_storage(ada.id).await.unwrap();
    database.delete_note(&by, written.id).await.unwrap();

    let renamed = new_user(&format!("{name}2"));
    let ada = database
        .update_user(&by, Some(renamed.email), Some(renamed.username), Some(credentials(&ada)))
        .await
        .unwrap();
    database.end_legacy_tokens(&by).await.unwrap();
    let _ = database.end_session(&by, session, EndReason::Logout).await.unwrap();
    let by = actor(ada.id, now);
    let _ = database.end_all_sessions(&by).await.unwrap();
    let verified = database.credentials_of(ada.id).await.unwrap();
    let _ = database.change_password(&by, verified, "hash".to_owned()).await.unwrap();
    let verified = database.credentials_of(ada.id).await.unwrap();
    let _ = database.delete_user(&by, verified).await.unwrap();
}

/// The planner avoids each sequential scan that it can, so each one that remains has no index.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_of_an_account_has_an_index() {
    let fixture = Fixture::new(Kind::Postgres).await;
    fixture.user("bob").await;
    fixture.execute("ANALYZE");
    // The server counts the scans of a connection about once a second, or when it closes.
    let others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    fixture.execute(&format!("SELECT pg_terminate_backend(pid) {others}"));
    let deadline = Instant::now() + Duration::from_secs(30);
    while fixture.lines(&format!("SELECT count(*) {others}")) != "0" {
        assert!(Instant::now() < deadline, "connections are left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = sequential_scans(&fixture);
    let database = fixture.with_parameters("options=-c%20enable_seqscan%3Doff");
    // After more than a second, the server has counted at least the scans of the first account.
    let (begun, mut accounts) = (Instant::now(), 0);
    while accounts < 2 || begun.elapsed() < Duration::from_secs(3) {
        register_use_and_delete(&database, &format!("ada{accounts}"), accounts as u8).await;
        accounts += 1;
    }
    assert_eq!(sequential_scans(&fixture), before, "after {accounts} accounts");
}

/// Returns each table with the number of its sequential scans.
fn sequential_scans(fixture: &Fixture) -> String {
    Postgres::shared().query(
        fixture.server_name(),
        "SELECT string_agg(relname || ' ' || seq_scan, ', ' ORDER BY relname) FROM pg_stat_user_tables \
         WHERE relname <> '__diesel_schema_migrations'",
    )
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
    // The server updates these counters about once a second, when a statement ends.
    let settle = async || {
        let deadline = Instant::now() + Duration::from_secs(2);
        while Instant::now() < deadline {
            clean_up(database, Cleanup::Events, now).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    settle().await;
    let before = sequential_scans(&fixture);
    for cleanup in Cleanup::ALL {
        clean_up(database, cleanup, now.plus_seconds(100 * 24 * 60 * 60)).await;
    }
    settle().await;
    assert_eq!(sequential_scans(&fixture), before);
    assert_eq!(query("SELECT count(*) FROM users"), "1");
}
