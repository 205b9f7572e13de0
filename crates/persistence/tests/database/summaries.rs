//! Summaries: their receipts, and the one that a note shows.

use daybook_domain::{
    Content, ContentHash, LanguageTag, Limit, Note, NoteDraft, NoteId, NotePatch, PageRequest, Spent,
    SummaryKey, SummaryLength, SummaryOptions, SummaryStatus, Timestamp, UserId,
};
use daybook_persistence::{Database, Error, NewSummary};
use rstest::rstest;

use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};

pub(crate) const SPENT: Spent = Spent { calls: 2, input_tokens: 30, output_tokens: 4, cost_micros: Some(9) };

pub(crate) fn key_of(note: &Note) -> SummaryKey {
    SummaryKey {
        content_hash: note.content_hash(),
        options: SummaryOptions::default(),
        prompt_version: "7".into(),
        asked_model: "m".into(),
    }
}

pub(crate) fn summary_of(note: &Note) -> NewSummary {
    NewSummary {
        text: "short".into(),
        model: "m-2025-08-07".into(),
        spent: SPENT,
        latency_ms: 1_840,
        response_id: Some("resp_1".into()),
        ..NewSummary::new(key_of(note), note.updated_at)
    }
}

pub(crate) async fn note(database: &Database, owner: UserId) -> Note {
    database.create_note(owner, NoteDraft::parse("t", "c").unwrap(), Timestamp::now()).await.unwrap()
}

fn content(text: &str) -> Content {
    Content::parse(text).unwrap()
}

fn language(tag: &str) -> LanguageTag {
    LanguageTag::parse(tag).unwrap()
}

#[rstest]
#[tokio::test]
async fn store_summary_keeps_the_receipt(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (written, now) = (note(database, ada.id).await, Timestamp::now());
    let options = SummaryOptions { language: Some(language("pt-br")), length: SummaryLength::Long };
    let new = NewSummary {
        key: SummaryKey { options: options.clone(), ..key_of(&written) },
        ..summary_of(&written)
    };
    let stored = database.store_summary(ada.id, written.id, new, None, now).await.unwrap();
    assert_eq!(
        (stored.text.as_str(), stored.model.as_str(), &stored.options),
        ("short", "m-2025-08-07", &options)
    );
    assert_eq!(
        (stored.calls, stored.input_tokens, stored.output_tokens, stored.cost_micros),
        (2, 30, 4, Some(9))
    );
    assert_eq!((stored.latency_ms, stored.response_id.as_deref()), (Some(1_840), Some("resp_1")));
    assert_eq!((stored.prompt_version.as_str(), stored.note_updated_at), ("7", Some(written.updated_at)));
    assert_eq!((stored.created_at, stored.stale, stored.status), (now, false, SummaryStatus::Completed));
    assert_eq!(database.note(ada.id, written.id).await.unwrap().summary, Some(stored.clone()));
    assert_eq!(database.summaries(ada.id, written.id, PageRequest::default()).await.unwrap().items, [stored]);
}

#[rstest]
#[tokio::test]
async fn summary_like_finds_only_completed_summaries_with_an_equal_key(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, bob) = (&fixture.database, fixture.user("ada").await, fixture.user("bob").await);
    let (written, now) = (note(database, ada.id).await, Timestamp::now());
    let like = async |user: UserId, key: SummaryKey| {
        let found = database.summary_like(user, written.id, key).await.unwrap();
        found.map(|summary| summary.text)
    };
    let key = key_of(&written);
    let failed = NewSummary { status: SummaryStatus::Cancelled, text: String::new(), ..summary_of(&written) };
    database.store_summary(ada.id, written.id, failed, None, now).await.unwrap();
    assert_eq!(like(ada.id, key.clone()).await, None, "it was not completed");
    assert_eq!(database.note(ada.id, written.id).await.unwrap().summary, None);
    for text in ["first", "second"] {
        let new = NewSummary { text: text.into(), ..summary_of(&written) };
        database.store_summary(ada.id, written.id, new, None, now).await.unwrap();
    }
    assert_eq!(like(ada.id, key.clone()).await.as_deref(), Some("second"));
    assert_eq!(like(bob.id, key.clone()).await, None, "the note of another user");
    let in_language = SummaryOptions { language: Some(language("de")), ..key.options.clone() };
    let short = SummaryOptions { length: SummaryLength::Short, ..key.options.clone() };
    for other in [
        SummaryKey { options: in_language, ..key.clone() },
        SummaryKey { options: short, ..key.clone() },
        SummaryKey { prompt_version: "8".into(), ..key.clone() },
        SummaryKey { asked_model: "n".into(), ..key.clone() },
        SummaryKey { content_hash: ContentHash::of("t", "other"), ..key.clone() },
    ] {
        assert_eq!(like(ada.id, other.clone()).await, None, "{other:?}");
    }
    // The note shows the first summary again. It is stale after the note has changed.
    let page = PageRequest { limit: Limit::new(2).unwrap(), cursor: None };
    let newest = database.summaries(ada.id, written.id, page).await.unwrap();
    assert_eq!(
        newest.items.iter().map(|summary| summary.text.as_str()).collect::<Vec<_>>(),
        ["second", "first"]
    );
    database.show_summary(ada.id, written.id, newest.items[1].id).await.unwrap();
    let patch = NotePatch { content: Some(content("new")), ..NotePatch::default() };
    let changed = database.update_note(ada.id, written.id, patch, now).await.unwrap().summary.unwrap();
    assert_eq!((changed.text.as_str(), changed.stale), ("first", true));
    let rest = PageRequest { cursor: newest.next, ..page };
    let rest = database.summaries(ada.id, written.id, rest).await.unwrap();
    assert_eq!(
        (rest.items[0].status, rest.items[0].stale, rest.next),
        (SummaryStatus::Cancelled, true, None)
    );
    assert!(matches!(database.summaries(bob.id, written.id, page).await, Err(Error::NotFound)));
    assert!(matches!(
        database.show_summary(bob.id, written.id, newest.items[0].id).await,
        Err(Error::NotFound)
    ));
    assert!(matches!(database.summaries(ada.id, NoteId(999), page).await, Err(Error::NotFound)));
}

#[rstest]
#[tokio::test]
async fn store_summary_keeps_showing_a_summary_of_the_current_content(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (written, now) = (note(database, ada.id).await, Timestamp::now());
    let shown = async || database.note(ada.id, written.id).await.unwrap().summary.map(|summary| summary.text);
    let store = async |note: &Note, text: &str| {
        let summary = NewSummary { text: text.into(), ..summary_of(note) };
        database.store_summary(ada.id, written.id, summary, None, now).await.unwrap();
    };
    let patch = NotePatch { content: Some(content("another")), ..NotePatch::default() };
    let changed = database.update_note(ada.id, written.id, patch, now).await.unwrap();
    store(&written, "late, and the only one").await;
    assert_eq!(shown().await.unwrap(), "late, and the only one");
    store(&changed, "of the new content").await;
    store(&written, "later still").await;
    assert_eq!(shown().await.unwrap(), "of the new content");
    store(&changed, "again").await;
    assert_eq!(shown().await.unwrap(), "again");
}

/// Returns the number of a note's summaries, read page by page.
async fn count(database: &Database, owner: UserId, note: NoteId) -> usize {
    let (mut page, mut count) = (PageRequest::default(), 0);
    loop {
        let found = database.summaries(owner, note, page).await.unwrap();
        count += found.items.len();
        page.cursor = found.next;
        if page.cursor.is_none() {
            return count;
        }
    }
}

#[rstest]
#[tokio::test]
async fn store_summary_keeps_the_newest_100_and_the_shown_one(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await.id);
    let (written, other, now) = (note(database, ada).await, note(database, ada).await, Timestamp::now());
    let store = async |note: &Note, status: SummaryStatus| {
        let new = NewSummary { status, ..summary_of(note) };
        database.store_summary(ada, note.id, new, None, now).await.unwrap()
    };
    let shown = store(&written, SummaryStatus::Completed).await;
    store(&other, SummaryStatus::Completed).await;
    for _ in 0..150 {
        store(&written, SummaryStatus::Cancelled).await;
    }
    assert_eq!(count(database, ada, written.id).await, 101);
    assert_eq!(database.note(ada, written.id).await.unwrap().summary, Some(shown.clone()));
    assert_eq!(database.summary_like(ada, written.id, key_of(&written)).await.unwrap(), Some(shown));
    assert_eq!(count(database, ada, other.id).await, 1, "a summary of another note was deleted");
    // The note now shows the newest summary, and the one that it showed before is too old.
    let newest = store(&written, SummaryStatus::Completed).await;
    assert_eq!(count(database, ada, written.id).await, 100);
    assert_eq!(database.note(ada, written.id).await.unwrap().summary, Some(newest));
}

#[rstest]
#[tokio::test]
async fn store_summary_deletes_a_backlog_in_short_steps(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, now) = (&fixture.database, fixture.user("ada").await.id, Timestamp::now());
    let written = note(database, ada).await;
    let store =
        async || database.store_summary(ada, written.id, summary_of(&written), None, now).await.unwrap();
    store().await;
    let columns =
        "user_id, note_id, text, model, input_tokens, output_tokens, content_hash, created_at, status";
    fixture.execute(&format!(
        "INSERT INTO summaries ({columns}) \
         WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
         SELECT {columns} FROM summaries CROSS JOIN n"
    ));
    for expected in [1_501, 502, 100, 100] {
        let newest = store().await;
        assert_eq!(count(database, ada, written.id).await, expected);
        assert_eq!(database.note(ada, written.id).await.unwrap().summary, Some(newest));
    }
}
