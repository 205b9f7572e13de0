//! Summaries with their receipts, and what they may use.

use daybook_domain::{
    Day, Limit, Note, NoteDraft, NoteId, NotePatch, PageRequest, SummaryLength, SummaryOptions,
    SummaryStatus, Timestamp, Usage, UserId,
};
use daybook_persistence::{Budget, Database, Error, NewSummary, NoRoom, Reservation, Spent, SummaryKey};
use futures_util::future::join_all;
use rstest::rstest;

use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};

const SPENT: Spent = Spent { calls: 2, input_tokens: 30, output_tokens: 4, cost_micros: Some(9) };
const ENDLESS: Budget = Budget { per_user: i64::MAX, of_all: i64::MAX };

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
        key: key_of(note),
        note_updated_at: note.updated_at,
        status: SummaryStatus::Completed,
        text: "short".into(),
        model: "m-2025-08-07".into(),
        spent: SPENT,
        latency_ms: 1_840,
        response_id: Some("resp_1".into()),
    }
}

async fn note(database: &Database, owner: UserId) -> Note {
    let draft = NoteDraft { title: "t".into(), content: "c".into() };
    database.create_note(owner, draft, Timestamp::now()).await.unwrap()
}

async fn reserve(
    database: &Database,
    user: UserId,
    tokens: i64,
    budget: Budget,
    now: Timestamp,
) -> Option<Reservation> {
    database.reserve_tokens(user, tokens, budget, now).await.unwrap().ok()
}

async fn usage(database: &Database, user: UserId) -> Vec<Usage> {
    database.usage(user, PageRequest::default()).await.unwrap().items
}

#[rstest]
#[tokio::test]
async fn store_summary_keeps_the_receipt(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (written, now) = (note(database, ada.id).await, Timestamp::now());
    let options = SummaryOptions { language: Some("pt-br".into()), length: SummaryLength::Long };
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
    assert_eq!(like(ada.id, key.clone()).await, None, "one that was not completed");
    assert_eq!(database.note(ada.id, written.id).await.unwrap().summary, None);
    for text in ["first", "second"] {
        let new = NewSummary { text: text.into(), ..summary_of(&written) };
        database.store_summary(ada.id, written.id, new, None, now).await.unwrap();
    }
    assert_eq!(like(ada.id, key.clone()).await.as_deref(), Some("second"));
    assert_eq!(like(bob.id, key.clone()).await, None, "somebody else's");
    let in_language = SummaryOptions { language: Some("de".into()), ..key.options.clone() };
    let short = SummaryOptions { length: SummaryLength::Short, ..key.options.clone() };
    for other in [
        SummaryKey { options: in_language, ..key.clone() },
        SummaryKey { options: short, ..key.clone() },
        SummaryKey { prompt_version: "8".into(), ..key.clone() },
        SummaryKey { asked_model: "n".into(), ..key.clone() },
        SummaryKey { content_hash: daybook_domain::ContentHash::of("t", "other"), ..key.clone() },
    ] {
        assert_eq!(like(ada.id, other.clone()).await, None, "{other:?}");
    }
    // The first is shown again, and is stale once the note changes.
    let page = PageRequest { limit: Limit::new(2).unwrap(), cursor: None };
    let newest = database.summaries(ada.id, written.id, page).await.unwrap();
    assert_eq!(
        newest.items.iter().map(|summary| summary.text.as_str()).collect::<Vec<_>>(),
        ["second", "first"]
    );
    database.show_summary(ada.id, written.id, newest.items[1].id).await.unwrap();
    let patch = NotePatch { content: Some("new".into()), title: None };
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
async fn reserve_tokens_counts_reserved_and_charged_tokens(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (written, now) = (note(database, ada.id).await, Timestamp::now());
    let budget = Budget { per_user: 100, of_all: 1_000 };
    let first = reserve(database, ada.id, 90, budget, now).await.unwrap();
    // Until those are settled, and not until tomorrow.
    let refused = database.reserve_tokens(ada.id, 11, budget, now).await.unwrap();
    assert_eq!(refused, Err(NoRoom::ForNow));
    database.store_summary(ada.id, written.id, summary_of(&written), Some(first), now).await.unwrap();
    // 34 of them were used.
    let refused = database.reserve_tokens(ada.id, 67, budget, now).await.unwrap();
    assert_eq!(refused, Err(NoRoom::Today));
    let second = reserve(database, ada.id, 66, budget, now).await.unwrap();
    database.settle_tokens(second, Spent::default()).await.unwrap();
    let today = Usage {
        day: Day::of(now),
        summaries: 1,
        calls: 2,
        input_tokens: 30,
        output_tokens: 4,
        cost_micros: 9,
    };
    assert_eq!(usage(database, ada.id).await, [today]);
    // What is never settled counts as used, until the day is over.
    let _lost = reserve(database, ada.id, 60, budget, now).await.unwrap();
    assert_eq!(reserve(database, ada.id, 7, budget, now).await, None);
    let tomorrow = Day::of(now).next().begins();
    let next = reserve(database, ada.id, 100, budget, tomorrow).await.unwrap();
    assert_eq!(
        reserve(database, ada.id, 1, budget, Day::of(tomorrow).next().begins()).await.map(|_| ()),
        Some(())
    );
    assert_eq!(usage(database, ada.id).await.len(), 1, "nothing was used yet");
    database.settle_tokens(next, SPENT).await.unwrap();
    let days: Vec<_> = usage(database, ada.id).await.into_iter().map(|usage| usage.day).collect();
    assert_eq!(days, [Day::of(tomorrow), Day::of(now)]);
    let one = PageRequest { limit: Limit::new(1).unwrap(), cursor: None };
    let page = database.usage(ada.id, one).await.unwrap();
    let rest = database.usage(ada.id, PageRequest { cursor: page.next, ..one }).await.unwrap();
    assert_eq!((page.items[0].day, rest.items[0].day, rest.next), (Day::of(tomorrow), Day::of(now), None));
}

#[rstest]
#[tokio::test]
async fn store_summary_shows_no_summary_of_older_content(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (written, now) = (note(database, ada.id).await, Timestamp::now());
    let shown = async || database.note(ada.id, written.id).await.unwrap().summary.map(|summary| summary.text);
    let store = async |note: &Note, text: &str| {
        let summary = NewSummary { text: text.into(), ..summary_of(note) };
        database.store_summary(ada.id, written.id, summary, None, now).await.unwrap();
    };
    let patch = NotePatch { content: Some("another".into()), ..NotePatch::default() };
    let changed = database.update_note(ada.id, written.id, patch, now).await.unwrap();
    store(&written, "late, and the only one").await;
    assert_eq!(shown().await.unwrap(), "late, and the only one");
    store(&changed, "of the new content").await;
    store(&written, "later still").await;
    assert_eq!(shown().await.unwrap(), "of the new content");
    store(&changed, "again").await;
    assert_eq!(shown().await.unwrap(), "again");
}

#[rstest]
#[tokio::test]
async fn store_summary_charges_tokens_for_a_deleted_note(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (written, now) = (note(database, ada.id).await, Timestamp::now());
    let reservation = reserve(database, ada.id, 90, ENDLESS, now).await;
    database.delete_note(ada.id, written.id).await.unwrap();
    let stored = database.store_summary(ada.id, written.id, summary_of(&written), reservation, now).await;
    assert!(matches!(stored, Err(Error::NotFound)));
    assert_eq!(usage(database, ada.id).await[0].input_tokens, 30);
}

#[rstest]
#[tokio::test]
async fn store_summary_does_not_deadlock_with_delete_user(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    for number in 0..25 {
        let (user, now) = (fixture.user(&format!("user{number}")).await.id, Timestamp::now());
        let notes = [note(database, user).await, note(database, user).await];
        let mut stored = Vec::new();
        for written in &notes {
            let reservation = reserve(database, user, 90, ENDLESS, now).await;
            stored.push(database.store_summary(user, written.id, summary_of(written), reservation, now));
        }
        let credentials = database.credentials_of(user).await.unwrap();
        let (stored, deleted) = tokio::join!(join_all(stored), database.delete_user(credentials, now));
        deleted.unwrap();
        for stored in stored {
            assert!(matches!(stored, Ok(_) | Err(Error::NotFound)), "{stored:?}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn reserve_tokens_never_exceeds_the_budget_at_once(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let mut users = Vec::new();
    for name in ["ada", "bob", "eve", "zoe"] {
        users.push(fixture.user(name).await.id);
    }
    // Ten for each, and twenty-five for all.
    let budget = Budget { per_user: 1_000, of_all: 2_500 };
    let asking = (0..64).map(|turn| reserve(database, users[turn % 4], 100, budget, now));
    let granted = join_all(asking).await;
    let of = |user: UserId| {
        granted.iter().enumerate().filter(|(turn, got)| got.is_some() && users[turn % 4] == user).count()
    };
    assert_eq!(granted.iter().flatten().count(), 25);
    assert!(
        users.iter().all(|user| of(*user) <= 10),
        "{:?}",
        users.iter().map(|user| of(*user)).collect::<Vec<_>>()
    );
    // All of it comes back.
    for reservation in granted.into_iter().flatten() {
        database.settle_tokens(reservation, Spent::default()).await.unwrap();
    }
    assert!(reserve(database, users[0], 1_000, budget, now).await.is_some());
    assert!(matches!(database.reserve_tokens(UserId(999), 1, budget, now).await, Err(Error::NotFound)));
}
