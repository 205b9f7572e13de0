//! How much a user stores.

use daybook_domain::{NoteDraft, NoteId, TaskDraft, TaskId, Timestamp};
use daybook_persistence::{NewSummary, Storage, TextBytes};
use rstest::rstest;

use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::summaries::summary_of;

#[rstest]
#[tokio::test]
async fn count_storage_counts_the_items_and_bytes_of_one_user(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, bob) = (&fixture.database, fixture.user("ada").await, fixture.user("bob").await);
    let (now, long) = (Timestamp::now(), "🎂".repeat(100_000));
    assert_eq!(database.count_storage(ada.id).await.unwrap(), Storage::default());
    for (user, title, content) in [(ada.id, "é", long.as_str()), (bob.id, "t", "c"), (ada.id, "t", "")] {
        let draft = NoteDraft::parse(title, content).unwrap();
        let note = database.create_note(user, draft, now).await.unwrap();
        let new = NewSummary { text: "ü".into(), ..summary_of(&note) };
        database.store_summary(user, note.id, new, None, now).await.unwrap();
    }
    for user in [ada.id, bob.id] {
        let draft = TaskDraft::parse("titlé", &long, "Lisbon").unwrap();
        database.create_task(user, draft, None, now).await.unwrap();
    }
    let of_ada = Storage { items: 3, bytes: (2 + 400_000 + 2) + (1 + 2) + 2 * 512 + (6 + 400_000) };
    assert_eq!(database.count_storage(ada.id).await.unwrap(), of_ada);
    let of_bob = Storage { items: 2, bytes: (1 + 1 + 2) + 512 + (6 + 400_000) };
    assert_eq!(database.count_storage(bob.id).await.unwrap(), of_bob);
}

/// A unit of the count reads 5,000 rows.
#[rstest]
#[case(4_999, 5_000)]
#[case(5_000, 5_001)]
#[case(10_000, 12_345)]
#[tokio::test]
async fn count_storage_counts_across_the_borders_of_its_units(
    #[values(Sqlite, Postgres)] kind: Kind,
    #[case] notes: u64,
    #[case] tasks: u64,
) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, now) = (&fixture.database, fixture.user("ada").await.id, Timestamp::now());
    let note = database.create_note(ada, NoteDraft::parse("t", "12").unwrap(), now).await.unwrap();
    database.store_summary(ada, note.id, summary_of(&note), None, now).await.unwrap();
    database.create_task(ada, TaskDraft::parse("t", "123", "").unwrap(), None, now).await.unwrap();
    let numbers = |rows: u64| {
        format!("WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})")
    };
    for (table, columns, rows) in [
        ("notes", "user_id, title, content, created_at, updated_at", notes),
        ("tasks", "user_id, title, content, city, created_at, updated_at", tasks),
    ] {
        let numbers = numbers(rows);
        let copies = format!("{numbers} SELECT {columns} FROM {table} CROSS JOIN n");
        fixture.execute(&format!("INSERT INTO {table} ({columns}) {copies}"));
    }
    // The summary of the last note is in the last unit.
    let columns = "user_id, text, model, input_tokens, output_tokens, content_hash, created_at";
    fixture.execute(&format!(
        "INSERT INTO summaries (note_id, {columns}) \
         SELECT (SELECT max(id) FROM notes), {columns} FROM summaries"
    ));
    let expected = Storage { items: notes + tasks, bytes: notes * 3 + tasks * 4 + 2 * (5 + 512) };
    assert_eq!(database.count_storage(ada).await.unwrap(), expected);
}

#[rstest]
#[tokio::test]
async fn note_bytes_and_task_bytes_find_only_the_rows_of_the_user(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let (ada, bob) = (fixture.user("ada").await.id, fixture.user("bob").await.id);
    let note = database.create_note(ada, NoteDraft::parse("é", "").unwrap(), now).await.unwrap().id;
    let draft = TaskDraft::parse("t", "🎂🎂", "Lisbon").unwrap();
    let task = database.create_task(ada, draft, None, now).await.unwrap().id;
    let expected = Some(TextBytes { title: 2, content: 0 });
    assert_eq!(database.note_bytes(ada, note).await.unwrap(), expected);
    let expected = Some(TextBytes { title: 1, content: 8 });
    assert_eq!(database.task_bytes(ada, task).await.unwrap(), expected);
    assert_eq!(database.note_bytes(bob, note).await.unwrap(), None);
    assert_eq!(database.task_bytes(bob, task).await.unwrap(), None);
    assert_eq!(database.note_bytes(ada, NoteId(999)).await.unwrap(), None);
    assert_eq!(database.task_bytes(ada, TaskId(999)).await.unwrap(), None);
}
