//! Pages of long texts: they end early, and do not delay the short reads.

use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;

use daybook_domain::{
    Limit, Note, NoteDraft, PAGE_BYTES, Page, PageRequest, Summary, TaskDraft, Timestamp, UserId,
};
use daybook_persistence::{Access, Database, Error, NewSummary};
use rstest::rstest;

use crate::client::{POLICY, open};
use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::summaries::summary_of;

/// The numbers of the items of the pages, if every fifth of 25 texts is short and the others are
/// [`long`]. Ten long texts fit on a page.
const LENGTHS: [usize; 2] = [13, 12];

/// Returns the longest content: 400 kB.
fn long() -> String {
    "🎂".repeat(100_000)
}

/// Returns 25 texts of which every fifth is short.
fn texts() -> impl Iterator<Item = String> {
    (1..=25).map(|number| if number % 5 == 0 { number.to_string() } else { long() })
}

fn page_of(items: i64) -> PageRequest {
    PageRequest { limit: Limit::new(items).unwrap(), cursor: None }
}

async fn note(database: &Database, owner: UserId, content: &str) -> Note {
    let draft = NoteDraft::parse("t", content).unwrap();
    database.create_note(owner, draft, Timestamp::now()).await.unwrap()
}

/// Stores a summary with this text, which the note then shows.
async fn summary(database: &Database, owner: UserId, note: &Note, text: String) -> Summary {
    let new = NewSummary { text, ..summary_of(note) };
    database.store_summary(owner, note.id, new, None, Timestamp::now()).await.unwrap()
}

/// Reads every page with this limit, from the first to the last.
async fn pages<T>(limit: i64, read: impl AsyncFn(PageRequest) -> Page<T>) -> Vec<Vec<T>> {
    let mut pages = Vec::new();
    let mut request = page_of(limit);
    loop {
        let page = read(request).await;
        pages.push(page.items);
        assert!(pages.len() < 100, "the pages do not end");
        if page.next.is_none() {
            return pages;
        }
        request.cursor = page.next;
    }
}

fn lengths<T>(pages: &[Vec<T>]) -> Vec<usize> {
    pages.iter().map(Vec::len).collect()
}

#[rstest]
#[tokio::test]
async fn notes_of_long_contents_are_complete_and_in_order_over_all_pages(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, bob) = (&fixture.database, fixture.user("ada").await, fixture.user("bob").await);
    let mut stored = Vec::new();
    for text in texts() {
        stored.insert(0, note(database, ada.id, &text).await);
        note(database, bob.id, "of another user").await;
    }
    let read = async |request| database.notes(ada.id, request).await.unwrap();
    let all = pages(100, read).await;
    assert_eq!(lengths(&all), LENGTHS);
    assert!(all.concat() == stored, "a note is missing, repeated or changed");
    for page in &all {
        let bytes: usize = page.iter().map(|note| note.content.as_str().len()).sum();
        assert!(bytes <= PAGE_BYTES, "{bytes}");
    }
    let all = pages(4, read).await;
    assert_eq!(lengths(&all), [4, 4, 4, 4, 4, 4, 1]);
    assert!(all.concat() == stored, "a note is missing, repeated or changed");
}

#[rstest]
#[tokio::test]
async fn tasks_of_long_contents_are_complete_and_in_order_over_all_pages(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let mut stored = Vec::new();
    for text in texts() {
        let draft = TaskDraft::parse("t", &text, "Lisbon").unwrap();
        stored.insert(0, database.create_task(ada.id, draft, None, Timestamp::now()).await.unwrap());
    }
    let all = pages(100, async |request| database.tasks(ada.id, request).await.unwrap()).await;
    assert_eq!(lengths(&all), LENGTHS);
    assert!(all.concat() == stored, "a task is missing, repeated or changed");
}

#[rstest]
#[tokio::test]
async fn notes_counts_the_texts_of_summaries(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    // Two of these texts have 4 MiB together with the content of one note.
    let half = PAGE_BYTES / 2;
    // One long content is enough for large reads of all pages.
    let mut content = "c".repeat(20_000);
    for bytes in [half, half - 1, half - 1, 5, 20_000] {
        let summarized = note(database, ada.id, &content).await;
        content = "c".to_owned();
        summary(database, ada.id, &summarized, "y".repeat(bytes)).await;
    }
    let all = pages(100, async |request| database.notes(ada.id, request).await.unwrap()).await;
    let shown = |note: &Note| note.summary.as_ref().map_or(0, |summary| summary.text.len());
    let bytes: Vec<Vec<usize>> = all.iter().map(|page| page.iter().map(shown).collect()).collect();
    assert_eq!(bytes, [vec![20_000, 5, half - 1], vec![half - 1], vec![half]]);
}

#[rstest]
#[tokio::test]
async fn notes_returns_a_note_beyond_the_limit_alone(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let mut stored = Vec::new();
    let mut content = "c".repeat(20_000);
    for bytes in [1, PAGE_BYTES + 1, PAGE_BYTES + 1, 1] {
        let written = note(database, ada.id, &content).await;
        content = "c".to_owned();
        summary(database, ada.id, &written, "y".repeat(bytes)).await;
        stored.insert(0, database.note(ada.id, written.id).await.unwrap());
    }
    let all = pages(100, async |request| database.notes(ada.id, request).await.unwrap()).await;
    assert_eq!(lengths(&all), [1, 1, 1, 1]);
    assert!(all.concat() == stored, "a note is missing, repeated or changed");
}

#[rstest]
#[tokio::test]
async fn pages_have_texts_of_every_length_around_the_limit_of_short_reads(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let limit = 16 * 1024;
    for text in ["x".repeat(limit), "x".repeat(limit + 1), "ä".repeat(limit / 2), "ä".repeat(limit / 2 + 1)]
    {
        let with_content = note(database, ada.id, &text).await;
        let with_summary = note(database, ada.id, "").await;
        let stored = summary(database, ada.id, &with_summary, text.clone()).await;
        let draft = TaskDraft::parse("t", &text, "").unwrap();
        let task = database.create_task(ada.id, draft, None, Timestamp::now()).await.unwrap();

        let newest = database.notes(ada.id, page_of(2)).await.unwrap().items;
        assert!(newest[0].summary.as_ref() == Some(&stored) && newest[1] == with_content);
        assert!(database.tasks(ada.id, page_of(1)).await.unwrap().items == [task]);
        let listed = database.summaries(ada.id, with_summary.id, page_of(1)).await.unwrap();
        assert!(listed.items == [stored]);
    }
}

#[rstest]
#[tokio::test]
async fn long_pages_need_a_live_session(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, now) = (&fixture.database, fixture.user("ada").await, Timestamp::now());
    let session = open(database, &ada, 1, now).await;
    let stored = note(database, ada.id, &long()).await;
    let draft = TaskDraft::parse("t", &long(), "").unwrap();
    let task = database.create_task(ada.id, draft, None, now).await.unwrap();
    let live = Access::in_session(ada.id, session, now);
    assert!(database.notes(live, page_of(1)).await.unwrap().items == [stored]);
    assert!(database.tasks(live, page_of(1)).await.unwrap().items == [task]);
    let expired = Access::in_session(ada.id, session, now.plus_seconds(POLICY.idle_seconds));
    assert!(matches!(database.notes(expired, page_of(1)).await, Err(Error::NotFound)));
    assert!(matches!(database.tasks(expired, page_of(1)).await, Err(Error::NotFound)));
}

#[test]
fn long_pages_are_read_on_blocking_threads_of_sqlite() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().max_blocking_threads(1).build().unwrap().block_on(async {
        let fixture = Fixture::new(Sqlite).await;
        let (database, ada) = (&fixture.database, fixture.user("ada").await);
        let stored = note(database, ada.id, &long()).await;
        for _ in 0..2 {
            note(database, ada.id, "short").await;
        }
        // The only blocking thread is in use until the sender is dropped.
        let (sender, receiver) = mpsc::channel::<()>();
        let in_use = tokio::task::spawn_blocking(move || receiver.recv());
        let mut long_page = pin!(database.notes(ada.id, page_of(3)));
        let waited = tokio::time::timeout(Duration::from_millis(100), &mut long_page).await;
        assert!(waited.is_err(), "the calling thread has read a long text");
        assert_eq!(database.notes(ada.id, page_of(1)).await.unwrap().items.len(), 1);
        drop(sender);
        in_use.await.unwrap().unwrap_err();
        assert!(long_page.await.unwrap().items[2] == stored);
    });
}

#[tokio::test]
async fn long_pages_are_read_on_pooled_connections_of_postgres() {
    let fixture = Fixture::new(Postgres).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    note(database, ada.id, &long()).await;
    assert_eq!(database.notes(ada.id, page_of(1)).await.unwrap().items.len(), 1);
    // Each connection shows its last statement. That of the shared connection is the short read.
    let connections = |condition: &str| {
        fixture.lines(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND pid <> pg_backend_pid() AND query LIKE 'SELECT%' AND query {condition}"
        ))
    };
    assert_eq!(connections("LIKE '%CASE WHEN%'"), "1");
    assert_eq!(connections("NOT LIKE '%CASE WHEN%'"), "1");
}
