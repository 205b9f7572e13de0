//! The order of writes and counts, and what an interrupted write leaves.

use std::future::pending;
use std::time::Instant;

use daybook_domain::{Content, NoteDraft, NoteId, NotePatch};
use daybook_persistence::Error;
use futures_util::FutureExt;
use futures_util::future::join_all;
use tempfile::TempDir;

use super::*;

const ADA: UserId = UserId(1);

fn quotas(items: u64) -> Quotas {
    Quotas::new(Storage { items, bytes: 1024 * 1024 })
}

/// Returns an empty database.
async fn empty() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/day.db", folder.path().display());
    let database = Database::open(&url.parse().unwrap()).unwrap();
    database.migrate().await.unwrap();
    (folder, database)
}

/// Reserves the storage of a note.
async fn reserve(quotas: &Quotas, database: &Database) -> Result<StorageReservation, ApiError> {
    quotas.reserve(database, ADA, Addition::note(&NoteDraft::parse("t", "c").unwrap())).await
}

#[actix_web::test]
async fn an_interrupted_write_counts_only_if_it_may_be_stored() {
    let (_folder, database) = empty().await;
    let is_full = async |quotas: &Quotas| match reserve(quotas, &database).await {
        Ok(_) => false,
        Err(ApiError::AccountFull(1, _)) => true,
        Err(error) => panic!("{error}"),
    };
    let quota = quotas(1);
    drop(reserve(&quota, &database).await.unwrap());
    assert!(!is_full(&quota).await, "the write never began");

    let missing = reserve(&quota, &database).await.unwrap().run(async || Err::<(), _>(Error::NotFound));
    assert!(missing.await.is_err());
    assert!(!is_full(&quota).await, "the write found no row");

    let polled = reserve(&quota, &database)
        .await
        .unwrap()
        .run(async || pending::<Result<(), _>>().await)
        .now_or_never();
    assert!(polled.is_none());
    assert!(is_full(&quota).await, "the client has disconnected during the write");

    let quota = quotas(1);
    let lost = async || Err::<(), _>(Error::Unavailable("the result is lost".to_owned()));
    assert!(reserve(&quota, &database).await.unwrap().run(lost).await.is_err());
    assert!(is_full(&quota).await, "the write may be stored");
}

#[actix_web::test]
async fn writes_do_not_wait_for_each_other() {
    let (_folder, database) = empty().await;
    let quota = quotas(1_000);
    let mut held = Vec::new();
    // A sixteenth of the quota needs one count.
    for _ in 0..62 {
        held.push(reserve(&quota, &database).await.unwrap());
    }
    // Another count waits until they have ended.
    assert!(reserve(&quota, &database).now_or_never().is_none());
    held.clear();
    assert!(reserve(&quota, &database).await.is_ok());
}

#[actix_web::test]
async fn the_change_of_a_missing_row_does_not_run_in_a_full_account() {
    let (_folder, database) = empty().await;
    let quota = Quotas::new(Storage { items: 10, bytes: 0 });
    let patch = NotePatch { content: Content::parse("c").ok(), ..NotePatch::default() };
    let change = quota.store(&database, ADA, Addition::note_change(NoteId(1), &patch), async || Ok(()));
    // Another request could create the row before the change runs.
    assert!(matches!(change.await, Err(ApiError::NotFound("Note not found"))));
}

#[actix_web::test]
async fn reserve_waits_for_the_pause_after_the_last_count() {
    let (_folder, database) = empty().await;
    let quota = quotas(1_000);
    let account = quota.accounts.get_with(ADA, Account::default);
    let full = Storage { items: 1_000, bytes: 0 };
    let ended = Instant::now();
    account.tally.lock().end_count(full, Duration::from_millis(100), ended);
    account.tally.lock().invalidate();
    assert!(reserve(&quota, &database).await.is_ok());
    assert!(ended.elapsed() >= Duration::from_millis(300), "three times the duration of the count");
}

#[actix_web::test]
async fn counts_do_not_wait_for_a_summary() {
    let (_folder, database) = empty().await;
    let quota = quotas(1);
    let summary = quota.reserve(&database, ADA, Addition::summary()).await.unwrap();
    let note = reserve(&quota, &database).await.unwrap();
    drop((summary, note));
}

#[actix_web::test]
async fn a_failed_count_rejects_all_requests_that_wait_for_it() {
    let quota = quotas(1_000);
    let unreachable = Database::open(&"postgres://u@127.0.0.1:9/d".parse().unwrap()).unwrap();
    let requests = (0..32).map(|_| reserve(&quota, &unreachable));
    for result in join_all(requests).await {
        assert!(matches!(result, Err(ApiError::Busy(..))));
    }
    assert_eq!(quota.accounts.get(&ADA).unwrap().tally.lock().failures(), 1, "each request has counted");
    let (_folder, database) = empty().await;
    assert!(reserve(&quota, &database).await.is_ok());
}
