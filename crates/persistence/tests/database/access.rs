//! Access: each write checks the session or the token in its own statement.

use std::time::{Duration, Instant};

use daybook_domain::{
    Actor, Content, Email, EndReason, EventKind, LoginName, NoteDraft, NoteId, NotePatch, PageRequest, Proof,
    SessionId, SummaryId, TaskDraft, TaskId, TaskPatch, Timestamp, Title, User, Username,
};
use daybook_persistence::{Access, Budget, Credentials, Database, Error, Login, Refreshed};
use daybook_test_servers::Postgres as Server;
use rstest::rstest;

use crate::client::{POLICY, actor, open, refresh};
use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::rows::{insert_notes, owned};
use crate::summaries::{note, summary_of};

/// The rows that the writes change.
struct Rows {
    note: NoteId,
    summary: SummaryId,
    task: TaskId,
    session: SessionId,
}

/// Creates rows of this user. Opens a session with this family.
async fn rows(database: &Database, user: &User, family: u8, now: Timestamp) -> Rows {
    let note = note(database, user.id).await;
    let summary = database.store_summary(user.id, note.id, summary_of(&note), None, now).await.unwrap().id;
    let draft = TaskDraft::parse("t", "c", "Lisbon").unwrap();
    let task = database.create_task(user.id, draft, None, now).await.unwrap().id;
    let verified = database.credentials_of(user.id).await.unwrap();
    let login = daybook_persistence::Login { verified, ..crate::client::login(user, family) };
    let session = database.open_session(login, now).await.unwrap().session;
    Rows { note: note.id, summary, task, session }
}

#[rstest]
#[tokio::test]
async fn access_at_a_later_time_expires_with_its_session(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, now) = (&fixture.database, fixture.user("ada").await, Timestamp::now());
    let session = open(database, &ada, 1, now).await;
    let access = Access::in_session(ada.id, session, now);
    database.check_access(access.at(now.plus_seconds(POLICY.idle_seconds - 1))).await.unwrap();
    let expired = database.check_access(access.at(now.plus_seconds(POLICY.idle_seconds))).await;
    assert!(matches!(expired, Err(Error::NotFound)), "{expired:?}");
}

/// Tries all statements that check an access, except those that delete the account or end all
/// sessions. Returns the names of those that succeeded. The others must return `NotFound`.
async fn tried(database: &Database, actor: &Actor, rows: &Rows, verified: Credentials) -> Vec<&'static str> {
    let (access, now) = (Access::from(actor), actor.now);
    let note_draft = NoteDraft::parse("new", "c").unwrap();
    let note_patch = NotePatch { content: Some(Content::parse("changed").unwrap()), ..NotePatch::default() };
    let task_draft = TaskDraft::parse("new", "c", "Porto").unwrap();
    let task_patch = TaskPatch { title: Some(Title::parse("changed").unwrap()), ..TaskPatch::default() };
    let username = Some(Username::parse("countess").unwrap());
    let none = (NotePatch::default(), TaskPatch::default());
    let outcomes = [
        ("check", database.check_access(access).await),
        ("create_note", database.create_note(access, note_draft, now).await.map(drop)),
        ("read_note", database.update_note(access, rows.note, none.0, now).await.map(drop)),
        ("update_note", database.update_note(access, rows.note, note_patch, now).await.map(drop)),
        ("show_summary", database.show_summary(access, rows.note, rows.summary).await),
        ("delete_note", database.delete_note(access, rows.note).await),
        ("create_task", database.create_task(access, task_draft, None, now).await.map(drop)),
        ("read_task", database.update_task(access, rows.task, none.1, None, now).await.map(drop)),
        ("update_task", database.update_task(access, rows.task, task_patch, None, now).await.map(drop)),
        ("delete_task", database.delete_task(access, rows.task).await),
        ("user", database.user(access).await.map(drop)),
        ("credentials", database.credentials_of(access).await.map(drop)),
        ("update_user", database.update_user(actor, None, username, Some(verified.clone())).await.map(drop)),
        ("end_session", database.end_session(actor, rows.session, EndReason::Revoked).await.map(drop)),
        ("password", database.change_password(actor, verified, "new".to_owned()).await.map(drop)),
    ];
    let mut succeeded = Vec::new();
    for (name, outcome) in outcomes {
        match outcome {
            Ok(()) => succeeded.push(name),
            Err(Error::NotFound) => {}
            Err(other) => panic!("{name}: {other}"),
        }
    }
    succeeded
}

const ALL: [&str; 15] = [
    "check",
    "create_note",
    "read_note",
    "update_note",
    "show_summary",
    "delete_note",
    "create_task",
    "read_task",
    "update_task",
    "delete_task",
    "user",
    "credentials",
    "update_user",
    "end_session",
    "password",
];

#[rstest]
#[tokio::test]
async fn writes_succeed_only_with_a_valid_proof(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, bob) = (&fixture.database, fixture.user("ada").await, fixture.user("bob").await);
    let now = Timestamp::now();
    let [live, ended] = [open(database, &ada, 1, now).await, open(database, &ada, 2, now).await];
    let _ = database.end_session(&actor(ada.id, now), ended, EndReason::Logout).await.unwrap();
    let of_bob = open(database, &bob, 3, now).await;
    let with = |proof, now| Actor { proof, ..actor(ada.id, now) };
    let found = rows(database, &ada, 4, now).await;
    let before = (database.user(ada.id).await.unwrap(), database.note(ada.id, found.note).await.unwrap());
    for (what, actor) in [
        ("ended", with(Proof::Session(ended), now)),
        ("expired", with(Proof::Session(live), now.plus_seconds(POLICY.idle_seconds))),
        ("of another user", with(Proof::Session(of_bob), now)),
        ("never opened", with(Proof::Session(SessionId(999)), now)),
        ("no session has this id", with(Proof::Session(SessionId(0)), now)),
        ("older than the password", with(Proof::LegacyToken(now.plus_seconds(-60)), now)),
    ] {
        let verified = database.credentials_of(ada.id).await.unwrap();
        assert_eq!(tried(database, &actor, &found, verified).await, [""; 0], "{what}");
        let verified = database.credentials_of(ada.id).await.unwrap();
        let deleted = database.delete_user(&actor, verified).await;
        assert!(matches!(deleted, Err(Error::NotFound)), "{what}: {deleted:?}");
        let logout = database.end_all_sessions(&actor).await;
        assert!(matches!(logout, Err(Error::NotFound)), "{what}: {logout:?}");
        let logout = database.end_legacy_tokens(&actor).await;
        assert!(matches!(logout, Err(Error::NotFound)), "{what}: {logout:?}");
    }
    let after = (database.user(ada.id).await.unwrap(), database.note(ada.id, found.note).await.unwrap());
    assert_eq!(after, before);
    assert_eq!(database.notes(ada.id, PageRequest::default()).await.unwrap().items.len(), 1);

    let verified = async || database.credentials_of(ada.id).await.unwrap();
    let session = with(Proof::Session(live), now);
    assert_eq!(tried(database, &session, &found, verified().await).await, ALL);
    let (found, later) = (rows(database, &ada, 5, now).await, now.plus_seconds(5));
    let legacy = with(Proof::LegacyToken(later), later);
    assert_eq!(tried(database, &legacy, &found, verified().await).await, ALL);
    let found = rows(database, &ada, 6, now).await;
    assert_eq!(tried(database, &actor(ada.id, later), &found, verified().await).await, ALL);
}

#[rstest]
#[tokio::test]
async fn closed_account_rejects_every_proof(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (now, later) = (Timestamp::now(), Timestamp::now().plus_seconds(60));
    let found = rows(database, &ada, 1, now).await;
    insert_notes(&fixture, kind, ada.id, 1_500);
    let written = note(database, ada.id).await;
    let budget = Budget { per_user: 1_000, of_all: 1_000 };
    let reservation = database.reserve_tokens(ada.id, 100, budget, now).await.unwrap().unwrap();
    let verified = database.credentials_of(ada.id).await.unwrap();
    let session = Actor { proof: Proof::Session(found.session), ..actor(ada.id, now) };
    assert_eq!(database.delete_user(&session, verified.clone()).await.unwrap().ids, [found.session]);
    let before = owned(&fixture, kind, ada.id);
    assert!(before.contains(&("notes".to_owned(), 503)), "the account waits for its deletion: {before:?}");

    // A read without a proof checks nothing. No request has such an access.
    for (proof, succeed) in [
        (Proof::Session(found.session), &[][..]),
        (Proof::LegacyToken(later), &[]),
        (Proof::Unchecked, &["read_task"]),
    ] {
        let actor = Actor { proof, ..actor(ada.id, now) };
        assert_eq!(tried(database, &actor, &found, verified.clone()).await, succeed, "{proof:?}");
        let deleted = database.delete_user(&actor, verified.clone()).await;
        assert!(matches!(deleted, Err(Error::NotFound)), "{proof:?}: {deleted:?}");
        let logout = database.end_all_sessions(&actor).await;
        assert!(matches!(logout, Err(Error::NotFound)), "{proof:?}: {logout:?}");
        let logout = database.end_legacy_tokens(&actor).await;
        assert!(matches!(logout, Err(Error::NotFound)), "{proof:?}: {logout:?}");
    }
    let failed = database.record_event(&actor(ada.id, now), EventKind::LoginFailed).await;
    assert!(matches!(failed, Err(Error::NotFound)), "{failed:?}");
    let login = Login { verified, ..crate::client::login(&ada, 2) };
    assert!(matches!(database.open_session(login, now).await, Err(Error::NotFound)));
    assert_eq!(refresh(database, 1, 0, 1, now).await, Refreshed::Unknown);
    assert!(!database.is_unchanged_since(ada.id, later).await.unwrap());
    let reserved = database.reserve_tokens(ada.id, 1, budget, now.plus_seconds(100_000)).await;
    assert!(matches!(reserved, Err(Error::NotFound)), "{reserved:?}");
    // The summary in progress is not stored. Its tokens are charged to the budget of all users.
    let stored =
        database.store_summary(ada.id, written.id, summary_of(&written), Some(reservation), now).await;
    assert!(matches!(stored, Err(Error::NotFound)), "{stored:?}");
    assert_eq!(fixture.lines("SELECT CAST(tokens AS TEXT) FROM usage_of_all"), "34");
    for identifier in ["ada", "ada@example.com", "CLOSED 1", "closed 1"] {
        assert!(database.credentials(&LoginName::new(identifier)).await.unwrap().is_none(), "{identifier}");
    }
    assert_eq!(owned(&fixture, kind, ada.id), before, "nothing was created in the closed account");
    // The address and the name are free.
    assert!(fixture.user("ada").await.id > ada.id);
}

#[rstest]
#[tokio::test]
async fn logouts_and_delete_user_accept_the_proof_that_they_end(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    for (number, is_legacy) in [(1, false), (2, true)] {
        let user = fixture.user(&format!("user{number}")).await;
        let now = Timestamp::now();
        let by = async |family: u8, now| {
            let proof = match is_legacy {
                true => Proof::LegacyToken(now),
                false => Proof::Session(open(database, &user, family, now).await),
            };
            Actor { proof, ..actor(user.id, now) }
        };
        let at = |seconds| now.plus_seconds(seconds);
        let first = by(10 * number, at(1)).await;
        let _ = database.end_all_sessions(&Actor { now: at(2), ..first.clone() }).await.unwrap();
        assert!(matches!(database.check_access((&first).into()).await, Err(Error::NotFound)));
        let second = by(10 * number + 1, at(3)).await;
        let verified = database.credentials_of(user.id).await.unwrap();
        let ended = database.delete_user(&second, verified).await.unwrap();
        assert_eq!(ended.ids, Vec::from_iter(second.session()));
        assert!(matches!(database.user(user.id).await, Err(Error::NotFound)));
    }
}

/// A statement that waits for a row does not see a logout that is committed meanwhile. A later
/// statement of the transaction does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_see_a_logout_that_they_waited_for() {
    // The first statement waits for the user. Without that lock, a later one waits for a session.
    for (method, locks_user) in [
        ("update_user", true),
        ("change_password", true),
        ("change_password", false),
        ("end_all_sessions", true),
        ("delete_user", true),
        ("delete_user", false),
    ] {
        let fixture = Fixture::new(Postgres).await;
        let (database, ada) = (fixture.database.clone(), fixture.user("ada").await);
        let now = Timestamp::now();
        let session = open(&database, &ada, 1, now).await;
        open(&database, &ada, 2, now).await;
        let actor = Actor { proof: Proof::Session(session), ..actor(ada.id, now) };
        let verified = database.credentials_of(ada.id).await.unwrap();
        // The statements of a logout of all sessions, before its commit.
        let mut logout = Server::shared().session(fixture.server_name());
        logout.run("BEGIN");
        if locks_user {
            logout.run("UPDATE users SET legacy_logout_at = now()");
        }
        logout.run("UPDATE sessions SET ended_at = now(), end_reason = 'logout_all'");
        let waiting = tokio::spawn(async move {
            let email = Some(Email::parse("countess@example.com").unwrap());
            match method {
                "update_user" => database.update_user(&actor, email, None, None).await.map(drop),
                "change_password" => {
                    database.change_password(&actor, verified, "new".to_owned()).await.map(drop)
                }
                "end_all_sessions" => database.end_all_sessions(&actor).await.map(drop),
                _ => database.delete_user(&actor, verified).await.map(drop),
            }
        });
        let locked = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND wait_event_type = 'Lock'",
            fixture.server_name()
        );
        let deadline = Instant::now() + Duration::from_secs(30);
        while fixture.lines(&locked) == "0" {
            assert!(!waiting.is_finished() && Instant::now() < deadline, "{method} does not wait");
        }
        logout.run("COMMIT");
        let outcome = waiting.await.unwrap();
        assert!(matches!(outcome, Err(Error::NotFound)), "{method}: {outcome:?}");
        assert_eq!(fixture.database.user(ada.id).await.unwrap(), ada, "{method}");
        assert_eq!(fixture.database.credentials_of(ada.id).await.unwrap().password_hash, "ada", "{method}");
    }
}
