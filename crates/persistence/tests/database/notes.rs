//! Notes and tasks. Only their owner can read, change and delete them.

use daybook_domain::{
    City, Content, Limit, Note, NoteDraft, NoteId, NotePatch, PageRequest, TaskDraft, TaskPatch, Timestamp,
    Title, UserId,
};
use daybook_persistence::{Database, Error, NewSummary};
use rstest::rstest;

use crate::client::actor;
use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::summaries::summary_of;

fn draft(title: &str) -> NoteDraft {
    NoteDraft::parse(title, "text").unwrap()
}

async fn note(database: &Database, owner: UserId, title: &str) -> Note {
    database.create_note(owner, draft(title), Timestamp::now()).await.unwrap()
}

fn not_found<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::NotFound))
}

#[rstest]
#[tokio::test]
async fn note_returns_the_stored_note(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let written = note(database, ada.id, "🎂 ä \" ' \\ \u{10ffff}").await;
    assert_eq!(database.note(ada.id, written.id).await.unwrap(), written);
    let later = written.created_at.plus_seconds(5);
    let patch = NotePatch { content: Some(Content::parse("new").unwrap()), ..NotePatch::default() };
    let changed = database.update_note(ada.id, written.id, patch, later).await.unwrap();
    assert_eq!((&changed.title, changed.content.as_str()), (&written.title, "new"));
    assert_eq!((changed.created_at, changed.updated_at), (written.created_at, later));
}

#[rstest]
#[tokio::test]
async fn notes_of_another_user_cannot_be_read_changed_or_deleted(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, bob) = (&fixture.database, fixture.user("ada").await, fixture.user("bob").await);
    let note = note(database, ada.id, "mine").await;
    let now = Timestamp::now();
    assert!(not_found(database.note(bob.id, note.id).await));
    assert!(not_found(database.update_note(bob.id, note.id, NotePatch::default(), now).await));
    assert!(not_found(database.delete_note(bob.id, note.id).await));
    assert!(not_found(database.store_summary(bob.id, note.id, summary_of(&note), None, now).await));
    assert_eq!(database.notes(bob.id, PageRequest::default()).await.unwrap().items, []);
    assert_eq!(database.note(ada.id, note.id).await.unwrap(), note);
}

#[rstest]
#[tokio::test]
async fn tasks_of_another_user_cannot_be_read_changed_or_deleted(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, bob) = (&fixture.database, fixture.user("ada").await, fixture.user("bob").await);
    let now = Timestamp::now();
    let draft = TaskDraft::parse("t", "c", "Lisbon").unwrap();
    let task = database.create_task(ada.id, draft, None, now).await.unwrap();
    assert!(not_found(database.task(bob.id, task.id).await));
    assert!(not_found(database.update_task(bob.id, task.id, TaskPatch::default(), None, now).await));
    assert!(not_found(database.delete_task(bob.id, task.id).await));
    assert_eq!(database.tasks(bob.id, PageRequest::default()).await.unwrap().items, []);
    let patch = TaskPatch { city: Some(City::parse("Porto").unwrap()), ..TaskPatch::default() };
    let changed = database.update_task(ada.id, task.id, patch, None, now).await.unwrap();
    assert_eq!(changed.city.as_str(), "Porto");
    database.delete_task(ada.id, task.id).await.unwrap();
    assert!(not_found(database.task(ada.id, task.id).await));
}

#[rstest]
#[tokio::test]
async fn notes_returns_all_pages_newest_first(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    for number in 0..5 {
        note(database, ada.id, &number.to_string()).await;
    }
    let mut request = PageRequest { limit: Limit::new(2).unwrap(), cursor: None };
    let mut titles = Vec::new();
    loop {
        let page = database.notes(ada.id, request).await.unwrap();
        titles.extend(page.items.into_iter().map(|note| note.title.to_string()));
        request.cursor = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(titles, ["4", "3", "2", "1", "0"]);
}

#[rstest]
#[tokio::test]
async fn note_shows_its_newest_summary(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (written, now) = (note(database, ada.id, "long").await, Timestamp::now());
    for text in ["first", "second"] {
        let summary = NewSummary { text: text.into(), ..summary_of(&written) };
        database.store_summary(ada.id, written.id, summary, None, now).await.unwrap();
    }
    let shown = database.note(ada.id, written.id).await.unwrap().summary.unwrap();
    assert_eq!((shown.text.as_str(), shown.stale), ("second", false));
    let patch = |title: &str| NotePatch { title: Some(Title::parse(title).unwrap()), ..NotePatch::default() };
    let changed = database.update_note(ada.id, written.id, patch("other"), now).await.unwrap();
    assert!(changed.summary.unwrap().stale);
    let back = database.update_note(ada.id, written.id, patch("long"), now).await.unwrap();
    assert!(!back.summary.unwrap().stale);
    let listed = database.notes(ada.id, PageRequest::default()).await.unwrap().items;
    assert_eq!(listed[0].summary.as_ref().unwrap().text, "second");
}

#[rstest]
#[tokio::test]
async fn delete_user_deletes_notes_and_summaries(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, now) = (&fixture.database, fixture.user("ada").await, Timestamp::now());
    let note = note(database, ada.id, "mine").await;
    database.store_summary(ada.id, note.id, summary_of(&note), None, now).await.unwrap();
    let credentials = database.credentials_of(ada.id).await.unwrap();
    let _ = database.delete_user(&actor(ada.id, now), credentials).await.unwrap();
    assert!(not_found(database.note(ada.id, note.id).await));
    assert!(
        not_found(database.create_note(ada.id, draft("late"), now).await),
        "the owner's account is deleted"
    );
    assert!(not_found(database.store_summary(ada.id, NoteId(1), summary_of(&note), None, now).await));
}
