//! A large account is closed at once, and its rows are deleted in batches.

use std::time::{Duration, Instant};

use daybook_domain::{Actor, NoteDraft, Proof, SessionId, Timestamp, User, UserId};
use daybook_persistence::{Cleanup, Error, Refreshed};
use daybook_test_servers::Postgres as Server;
use rstest::rstest;

use crate::client::{actor, credentials, login, open, refresh, refresh_of};
use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::rows::{ago, clean_up, count, digest, insert_notes, numbers, owned};
use crate::summaries::{note, summary_of};

/// Inserts rows of this user into every table. Most summaries belong to one note.
pub(crate) fn insert_everything(fixture: &Fixture, kind: Kind, user: UserId) {
    insert_notes(fixture, kind, user, 2_500);
    let (now, expired) = (ago(kind, 0), ago(kind, 60));
    let (numbers, digest) = (numbers(kind, 1_200), digest(kind, user));
    fixture.execute(&format!(
        "INSERT INTO summaries (user_id, note_id, text, model, input_tokens, output_tokens, content_hash, \
         created_at) SELECT {user}, (SELECT CASE WHEN n < 10 THEN min(id) ELSE max(id) END FROM notes WHERE \
         user_id = {user}), 'text', 'm', 1, 1, '', {now} FROM {numbers}; \
         INSERT INTO tasks (user_id, title, content, city, created_at, updated_at) \
         SELECT {user}, 't', 'c', 'Lisbon', {now}, {now} FROM {numbers}; \
         INSERT INTO events (user_id, kind, created_at) SELECT {user}, 'login_failed', {now} FROM {numbers}; \
         INSERT INTO usage (user_id, day) SELECT {user}, n FROM {numbers}; \
         INSERT INTO sessions (user_id, created_at, expires_at, last_used_at) \
         SELECT {user}, {now}, {expired}, {now} FROM {numbers}; \
         INSERT INTO rotations (refresh_token, session_id, salt, rotated_at) \
         SELECT {digest}, (SELECT max(id) FROM sessions), {digest}, {now} FROM {numbers}"
    ));
}

#[rstest]
#[tokio::test]
async fn delete_user_leaves_a_large_account_to_the_cleanup(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, bob) = (&fixture.database, fixture.user("ada").await, fixture.user("bob").await);
    let now = Timestamp::now();
    insert_notes(&fixture, kind, bob.id, 10);
    let session = open(database, &ada, 1, now).await;
    insert_everything(&fixture, kind, ada.id);
    let ended = database.delete_user(&actor(ada.id, now), credentials(&ada)).await.unwrap();
    assert_eq!((ended.user, ended.reason, ended.ids), (ada.id, None, vec![session]));
    let row = "SELECT email || email_key || username || username_key || '-' || password_hash FROM users \
               WHERE closed_at IS NOT NULL AND last_login_at IS NULL";
    assert_eq!(fixture.lines(row), format!("{}-", format!("CLOSED {}", ada.id).repeat(4)));

    let deleted = clean_up(database, Cleanup::ClosedAccounts, now).await;
    assert!(deleted.iter().all(|rows| *rows <= 1_001), "{deleted:?}");
    assert!(deleted.len() >= 8, "{deleted:?}");
    for (table, rows) in owned(&fixture, kind, ada.id) {
        assert_eq!(rows, 0, "{table}");
    }
    assert_eq!((count(&fixture, "users"), count(&fixture, "rotations")), (1, 0));
    assert!(owned(&fixture, kind, bob.id).contains(&("notes".to_owned(), 10)));
    assert_eq!(clean_up(database, Cleanup::ClosedAccounts, now).await, [0]);
}

#[rstest]
#[tokio::test]
async fn delete_user_deletes_a_small_account_at_once(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    insert_notes(&fixture, kind, ada.id, 900);
    open(database, &ada, 1, Timestamp::now()).await;
    let _ = database.delete_user(&actor(ada.id, Timestamp::now()), credentials(&ada)).await.unwrap();
    assert!(owned(&fixture, kind, ada.id).iter().all(|(_, rows)| *rows == 0));
    assert_eq!(count(&fixture, "users"), 0);
}

#[rstest]
#[tokio::test]
async fn cleanup_of_long_texts_has_batches_of_few_rows(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    for _ in 0..100 {
        let draft = NoteDraft::parse("long", &"x".repeat(100_000)).unwrap();
        database.create_note(ada.id, draft, Timestamp::now()).await.unwrap();
    }
    let _ = database.delete_user(&actor(ada.id, Timestamp::now()), credentials(&ada)).await.unwrap();
    // 41 contents have less than 4 MiB. The last batch also has the event, and the account.
    assert_eq!(clean_up(database, Cleanup::ClosedAccounts, Timestamp::now()).await, [41, 18 + 2, 0]);
    assert_eq!(count(&fixture, "users"), 0);
}

/// Makes every deletion of a note of this user fail.
fn break_notes(fixture: &Fixture, kind: Kind, user: UserId) {
    fixture.execute(&match kind {
        Postgres => format!(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$; \
             CREATE TRIGGER broken BEFORE DELETE ON notes FOR EACH ROW WHEN (OLD.user_id = {user}) \
             EXECUTE FUNCTION fail()"
        ),
        Sqlite => format!(
            "CREATE TRIGGER broken BEFORE DELETE ON notes WHEN OLD.user_id = {user} \
             BEGIN SELECT RAISE(ABORT, 'broken'); END"
        ),
    });
}

#[rstest]
#[tokio::test]
async fn cleanup_continues_after_the_failing_batch_of_one_account(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let (ada, bob) = (fixture.user("ada").await, fixture.user("bob").await);
    break_notes(&fixture, kind, ada.id);
    for (seconds, user) in [(0, &ada), (1, &bob)] {
        insert_notes(&fixture, kind, user.id, 1_500);
        let closed_at = now.plus_seconds(seconds);
        let _ = database.delete_user(&actor(user.id, closed_at), credentials(user)).await.unwrap();
    }
    let error = database.clean_up(Cleanup::ClosedAccounts, 0, now).await.unwrap_err();
    assert!(matches!(error, Error::Internal(_)), "{error:?}");
    let mut position = database.position_after_failure(Cleanup::ClosedAccounts, 0).await.unwrap();
    while let Some(from) = position {
        position = database.clean_up(Cleanup::ClosedAccounts, from, now).await.unwrap().unwrap().next;
    }
    assert_eq!(count(&fixture, "users"), 1);
    let end = now.plus_seconds(2).as_micros();
    let none_left = database.position_after_failure(Cleanup::ClosedAccounts, end).await;
    assert_eq!(none_left.unwrap(), None);
    assert_eq!(database.position_after_failure(Cleanup::Events, 0).await.unwrap(), None);
    fixture.execute(match kind {
        Postgres => "DROP TRIGGER broken ON notes",
        Sqlite => "DROP TRIGGER broken",
    });
    clean_up(database, Cleanup::ClosedAccounts, now).await;
    assert_eq!(count(&fixture, "users"), 0);
}

/// The outcomes of writes that may lose against a deletion.
#[track_caller]
fn assert_not_found_or_ok<T: std::fmt::Debug>(what: &str, outcome: Result<T, Error>) {
    assert!(matches!(outcome, Ok(_) | Err(Error::NotFound)), "{what}: {outcome:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_user_of_a_large_account_races_with_its_other_requests(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    for number in 1..=20_u8 {
        let ada: User = fixture.user(&format!("user{number}")).await;
        insert_notes(&fixture, kind, ada.id, 1_200);
        let session = open(database, &ada, number, now).await;
        refresh(database, number, 0, 1, now).await;
        let written = note(database, ada.id).await;
        let by_session = Actor { proof: Proof::Session(session), ..actor(ada.id, now) };
        // After the grace period, the first token counts as reused.
        let later = now.plus_seconds(60);
        let draft = || NoteDraft::parse("t", "c").unwrap();
        let (deleted, login, reused, created, again, stored, removed) = tokio::join!(
            database.delete_user(&by_session, credentials(&ada)),
            database.open_session(login(&ada, 100 + number), now),
            database.refresh_session(refresh_of(number, 0, 2), later),
            database.create_note(&by_session, draft(), now),
            database.create_note(ada.id, draft(), now),
            database.store_summary(ada.id, written.id, summary_of(&written), None, now),
            database.delete_note(&by_session, written.id),
        );
        assert_not_found_or_ok("login", login);
        assert_not_found_or_ok("refresh", reused);
        assert_not_found_or_ok("create_note", created);
        assert_not_found_or_ok("create_note without a session", again);
        assert_not_found_or_ok("store_summary", stored);
        assert_not_found_or_ok("delete_note", removed);
        let is_deleted = deleted.is_ok();
        assert_not_found_or_ok("delete_user", deleted);
        if !is_deleted {
            // The reused token ended the session first.
            let _ = database.delete_user(&actor(ada.id, now), credentials(&ada)).await.unwrap();
        }
        let before = owned(&fixture, kind, ada.id);
        let late = database.create_note(&by_session, draft(), now).await;
        assert!(matches!(late, Err(Error::NotFound)), "{late:?}");
        assert_eq!(owned(&fixture, kind, ada.id), before);
        clean_up(database, Cleanup::ClosedAccounts, now).await;
        assert!(
            owned(&fixture, kind, ada.id).iter().all(|(_, rows)| *rows == 0),
            "{:?}",
            owned(&fixture, kind, ada.id)
        );
    }
    assert_eq!(count(&fixture, "users"), 0);
}

/// Returns the number of statements that wait for a lock.
fn waiting(fixture: &Fixture) -> String {
    fixture.lines(&format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND wait_event_type = 'Lock'",
        fixture.server_name()
    ))
}

/// Waits until this number of statements wait for a lock.
async fn wait_for_locks(fixture: &Fixture, number: usize) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while waiting(fixture) != number.to_string() {
        assert!(Instant::now() < deadline, "{number} statements do not wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The deletion waits for the session, and the end of the reused session waits behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_user_does_not_deadlock_with_a_reused_refresh_token() {
    let fixture = Fixture::new(Postgres).await;
    let (database, ada, now) = (&fixture.database, fixture.user("ada").await, Timestamp::now());
    open(database, &ada, 1, now).await;
    assert!(matches!(refresh(database, 1, 0, 1, now).await, Refreshed::Rotated { .. }));
    let mut other = Server::shared().session(fixture.server_name());
    other.run("BEGIN");
    other.run("SELECT id FROM sessions FOR UPDATE");
    let (deleting, by) = (database.clone(), actor(ada.id, now));
    let deleting = tokio::spawn(async move { deleting.delete_user(&by, credentials(&ada)).await });
    wait_for_locks(&fixture, 1).await;
    let reusing = database.clone();
    let later = now.plus_seconds(60);
    let reusing = tokio::spawn(async move { reusing.refresh_session(refresh_of(1, 0, 2), later).await });
    wait_for_locks(&fixture, 2).await;
    other.run("COMMIT");
    assert_eq!(deleting.await.unwrap().unwrap().ids, [SessionId(1)]);
    assert_eq!(reusing.await.unwrap().unwrap(), Refreshed::Unknown);
}

/// The batch has deleted the rotation and waits for its session. The other transaction has locked
/// the session and waits for the rotation. The server would end one of them after a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cleanup_gives_up_before_the_server_looks_for_a_deadlock() {
    let fixture = Fixture::new(Postgres).await;
    let (database, ada, now) = (&fixture.database, fixture.user("ada").await, Timestamp::now());
    open(database, &ada, 1, now).await;
    refresh(database, 1, 0, 1, now).await;
    fixture.execute("UPDATE rotations SET rotated_at = rotated_at - interval '1 hour'");
    let mut other = Server::shared().session(fixture.server_name());
    other.run("BEGIN");
    other.run("SELECT id FROM sessions FOR UPDATE");
    let (cleaning, expired) = (database.clone(), now.plus_seconds(91 * 24 * 60 * 60));
    let cleaning = tokio::spawn(async move { cleaning.clean_up(Cleanup::Sessions, 0, expired).await });
    while !cleaning.is_finished() && waiting(&fixture) == "0" {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    other.run("DELETE FROM rotations");
    other.run("COMMIT");
    let batch = cleaning.await.unwrap();
    let Err(Error::Unavailable(reason)) = batch else { panic!("{batch:?}") };
    assert!(reason.contains("lock timeout"), "{reason}");
    assert_eq!(clean_up(database, Cleanup::Sessions, expired).await, [1]);
}
