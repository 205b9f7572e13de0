//! Names that a newer version of the service has stored. Both versions run during an update.

use daybook_domain::{
    EndReason, EventId, EventKind, Limit, PageRequest, SummaryStatus, TaskDraft, Timestamp,
};
use daybook_persistence::{FamilyDigest, Refreshed};
use rstest::rstest;

use crate::client::{actor, open, refresh};
use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::summaries::{note, summary_of};

#[rstest]
#[tokio::test]
async fn events_leave_out_unknown_kinds(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, now) = (&fixture.database, fixture.user("ada").await, Timestamp::now());
    for _ in 0..7 {
        database.record_event(&actor(ada.id, now), EventKind::LoginFailed).await.unwrap();
    }
    // With the registration, the ids are 1 to 8. Each page has two of them.
    fixture.execute("UPDATE events SET kind = 'of_a_newer_version' WHERE id IN (7, 6, 5, 3)");
    fixture.execute("UPDATE events SET reason = 'of_a_newer_version' WHERE id = 2");
    let mut page = PageRequest { limit: Limit::new(2).unwrap(), cursor: None };
    let mut pages = Vec::new();
    loop {
        let found = database.events(ada.id, page, now).await.unwrap();
        pages.push(found.items.iter().map(|event| event.id).collect::<Vec<_>>());
        assert!(found.items.iter().all(|event| event.reason.is_none()));
        match found.next {
            Some(next) => page.cursor = Some(next),
            None => break,
        }
    }
    let ids = |ids: &[i64]| ids.iter().copied().map(EventId).collect::<Vec<_>>();
    assert_eq!(pages, [ids(&[8]), ids(&[]), ids(&[4]), ids(&[2, 1])]);
}

#[rstest]
#[tokio::test]
async fn unknown_names_fail_no_read(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, now) = (&fixture.database, fixture.user("ada").await, Timestamp::now());
    let session = open(database, &ada, 1, now).await;
    let written = note(database, ada.id).await;
    database.store_summary(ada.id, written.id, summary_of(&written), None, now).await.unwrap();
    let task = TaskDraft::parse("t", "c", "Lisbon").unwrap();
    let task = database.create_task(ada.id, task, None, now).await.unwrap();
    let _ = database.end_session(&actor(ada.id, now), session, EndReason::Revoked).await.unwrap();
    for change in [
        "UPDATE sessions SET end_reason = 'x', ip = 'x'",
        "UPDATE events SET reason = 'x', ip = 'x'",
        "UPDATE summaries SET status = 'x', length = 'x', language = 'x', content_hash = 'x'",
        "UPDATE tasks SET due_date = 'x', timezone = 'x', country_code = 'x'",
        "UPDATE users SET email = 'x', username = ' '",
    ] {
        fixture.execute(change);
    }
    let page = PageRequest::default();
    assert_eq!(refresh(database, 1, 0, 1, now).await, Refreshed::Ended(None));
    assert_eq!(database.session_of_family(ada.id, FamilyDigest([1; 32])).await.unwrap(), None);
    assert!(database.login_addresses(ada.id).await.unwrap().is_empty());
    assert!(
        database.events(ada.id, page, now).await.unwrap().items.iter().all(|event| event.reason.is_none())
    );
    let shown = database.note(ada.id, written.id).await.unwrap().summary.unwrap();
    assert_eq!(shown.status, SummaryStatus::Failed);
    assert_eq!(database.notes(ada.id, page).await.unwrap().items.len(), 1);
    assert_eq!(database.summaries(ada.id, written.id, page).await.unwrap().items.len(), 1);
    assert_eq!(database.task(ada.id, task.id).await.unwrap().due_date, None);
    assert_eq!(database.tasks(ada.id, page).await.unwrap().items.len(), 1);
    assert_eq!(database.user(ada.id).await.unwrap().username.as_str(), " ");
}
