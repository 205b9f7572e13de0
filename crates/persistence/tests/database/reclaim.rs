//! The texts of deleted rows on the disk, and the size of the files.

use std::path::Path;
use std::time::Duration;

use daybook_domain::{NoteDraft, NoteId, NotePatch, TaskDraft, Timestamp, UserId};
use daybook_persistence::Database;
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use rstest::rstest;

use crate::client::{actor, credentials};
use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};

/// Returns the names of the files in this folder that contain one of the texts.
fn files_with(folder: &Path, texts: &[&str]) -> Vec<String> {
    let contains = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = files.filter(|file| {
        let bytes = std::fs::read(file).unwrap();
        texts.iter().any(|text| contains(&bytes, text))
    });
    found.map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Returns the length of the write-ahead log, or 0 if there is none.
fn log_length(folder: &Path) -> u64 {
    folder.join("day.db-wal").metadata().map_or(0, |found| found.len())
}

async fn reclaim_all(database: &Database) {
    let all = async {
        while database.reclaim().await.unwrap() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
}

async fn create_note(database: &Database, user: UserId, content: &str) -> NoteId {
    let draft = NoteDraft::parse("t", content).unwrap();
    database.create_note(user, draft, Timestamp::now()).await.unwrap().id
}

fn raw(folder: &Path) -> SqliteConnection {
    SqliteConnection::establish(folder.join("day.db").to_str().unwrap()).unwrap()
}

#[tokio::test]
async fn reclaim_removes_replaced_and_deleted_texts_from_all_files() {
    let fixture = Fixture::new(Sqlite).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let (keeper, leaver) = (fixture.user("keeper").await, fixture.user("kanarienvogel").await);
    // The short texts share pages with those of another user. The long ones have their own pages.
    for user in [&keeper, &leaver] {
        for _ in 0..50 {
            create_note(database, user.id, "text that stays").await;
        }
    }
    let long = |word: &str| format!("{word}, ").repeat(100_000 / (word.len() + 2));
    let mut notes = Vec::new();
    for content in ["short canary-replaced".to_owned(), long("long canary-replaced")] {
        notes.push(create_note(database, keeper.id, &content).await);
        create_note(database, keeper.id, "text that stays").await;
    }
    for content in ["short canary-deleted".to_owned(), long("long canary-deleted")] {
        let note = create_note(database, keeper.id, &content).await;
        database.delete_note(keeper.id, note).await.unwrap();
    }
    for note in notes {
        let patch = NotePatch::from(NoteDraft::parse("t", "x").unwrap());
        database.update_note(keeper.id, note, patch, now).await.unwrap();
    }
    create_note(database, leaver.id, &long("canary-leaver")).await;
    let task = TaskDraft::parse("canary-task", "canary-task", "Lisbon").unwrap();
    database.create_task(leaver.id, task, None, now).await.unwrap();
    let _ = database.delete_user(&actor(leaver.id, now), credentials(&leaver)).await.unwrap();

    reclaim_all(database).await;
    let texts = ["canary-replaced", "canary-deleted", "canary-leaver", "canary-task", "kanarienvogel"];
    assert_eq!(files_with(fixture.folder(), &texts), [""; 0]);
    assert_eq!(files_with(fixture.folder(), &["text that stays"]), ["day.db"]);
}

#[rstest]
#[tokio::test]
async fn reclaim_has_nothing_to_do_the_second_time(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    let note = create_note(&fixture.database, ada.id, "c").await;
    reclaim_all(&fixture.database).await;
    assert!(!fixture.database.reclaim().await.unwrap());
    if kind == Sqlite {
        assert_eq!(log_length(fixture.folder()), 0);
    }
    fixture.database.note(ada.id, note).await.unwrap();
}

#[tokio::test]
async fn reclaim_shrinks_the_file_in_small_steps() {
    let fixture = Fixture::new(Sqlite).await;
    let ada = fixture.user("ada").await;
    // 10 MB, which are 2,500 pages.
    for _ in 0..100 {
        create_note(&fixture.database, ada.id, &"x".repeat(100_000)).await;
    }
    fixture.execute("DELETE FROM notes WHERE id < 100");
    let mut connection = raw(fixture.folder());
    let mut count = |name: &str| -> i64 {
        diesel::dsl::sql::<BigInt>(&format!("PRAGMA {name}")).get_result(&mut connection).unwrap()
    };
    let before = count("freelist_count");
    assert!(fixture.database.reclaim().await.unwrap(), "one step is not all");
    assert_eq!(before - count("freelist_count"), 200, "pages of a step");
    reclaim_all(&fixture.database).await;
    assert_eq!(count("freelist_count"), 256, "pages that stay");
    let length = fixture.folder().join("day.db").metadata().unwrap().len();
    assert!(length < 2_000_000, "{length} bytes are left");
    assert_eq!(fixture.lines("SELECT CAST(id AS TEXT) FROM notes"), "100");
    assert_eq!(fixture.lines("PRAGMA integrity_check"), "ok");
}

#[tokio::test]
async fn reclaim_and_close_do_not_wait_for_a_long_read() {
    let fixture = Fixture::new(Sqlite).await;
    let ada = fixture.user("ada").await;
    let mut reader = raw(fixture.folder());
    reader.batch_execute("BEGIN; SELECT count(*) FROM notes;").unwrap();
    create_note(&fixture.database, ada.id, "c").await;
    assert!(fixture.database.reclaim().await.unwrap(), "the log is in use");
    tokio::time::timeout(Duration::from_secs(60), fixture.database.close()).await.unwrap().unwrap();
    assert!(log_length(fixture.folder()) > 0, "the reader needs the log");
    create_note(&fixture.database, ada.id, "writes continue").await;
    reader.batch_execute("COMMIT;").unwrap();
    fixture.database.close().await.unwrap();
    assert_eq!(log_length(fixture.folder()), 0);
}

#[rstest]
#[tokio::test]
async fn close_stores_the_writes_that_have_begun(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    let database = fixture.database.clone();
    let writes = (0..50).map(|_| {
        let database = database.clone();
        tokio::spawn(async move { create_note(&database, ada.id, "c").await })
    });
    let writes: Vec<_> = writes.collect();
    tokio::task::yield_now().await;
    database.close().await.unwrap();
    for write in writes {
        write.await.unwrap();
    }
    database.close().await.unwrap();
    assert_eq!(fixture.lines("SELECT CAST(count(*) AS TEXT) FROM notes"), "50");
    if kind == Sqlite {
        assert_eq!(log_length(fixture.folder()), 0);
    }
}

#[tokio::test]
async fn migrate_rebuilds_a_file_of_an_older_version() {
    let folder = tempfile::tempdir().unwrap();
    let text = "CREATE TABLE old (t TEXT); INSERT INTO old VALUES ('canary'); DELETE FROM old;";
    raw(folder.path()).batch_execute(text).unwrap();
    assert_eq!(files_with(folder.path(), &["canary"]), ["day.db"], "older versions left the text");
    let url = format!("sqlite://{}/day.db", folder.path().display());
    let database = Database::open(&url.parse().unwrap()).unwrap();
    database.migrate().await.unwrap();
    assert_eq!(files_with(folder.path(), &["canary"]), [""; 0]);
    let mode = diesel::dsl::sql::<BigInt>("PRAGMA auto_vacuum").get_result(&mut raw(folder.path()));
    assert_eq!(mode, Ok(2_i64), "INCREMENTAL");
}

#[rstest]
#[tokio::test]
async fn vacuum_keeps_all_rows(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ada = fixture.user("ada").await;
    // A reader connection is open and idle.
    let note = create_note(&fixture.database, ada.id, "c").await;
    fixture.database.note(ada.id, note).await.unwrap();
    fixture.database.vacuum().await.unwrap();
    fixture.database.note(ada.id, note).await.unwrap();
    create_note(&fixture.database, ada.id, "d").await;
}
