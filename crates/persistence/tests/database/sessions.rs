//! Sessions: lookups, and the ways in which they end.

use daybook_domain::{
    Actor, EndReason, EventKind, NoteDraft, PageRequest, Proof, SessionId, TaskDraft, Timestamp, User,
};
use daybook_persistence::{Access, Error, Refreshed};
use rstest::rstest;

use crate::client::{POLICY, actor, credentials, events, ids, is_live, open, refresh};
use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};

#[rstest]
#[tokio::test]
async fn access_in_session_is_rejected_unless_the_session_is_live(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, bob) = (&fixture.database, fixture.user("ada").await, fixture.user("bob").await);
    let (now, all) = (Timestamp::now(), PageRequest::default());
    let note = NoteDraft::parse("t", "c").unwrap();
    let note = database.create_note(ada.id, note, now).await.unwrap();
    let task = TaskDraft::parse("t", "c", "Lisbon").unwrap();
    let task = database.create_task(ada.id, task, None, now).await.unwrap();
    let [live, ended] = [open(database, &ada, 1, now).await, open(database, &ada, 2, now).await];
    let _ = database.end_session(&actor(ada.id, now), ended, EndReason::Logout).await.unwrap();
    let of_bob = open(database, &bob, 3, now).await;

    let access = Access::in_session(ada.id, live, now);
    assert_eq!(database.notes(access, all).await.unwrap().items, std::slice::from_ref(&note));
    assert_eq!(database.note(access, note.id).await.unwrap(), note);
    assert_eq!(database.tasks(access, all).await.unwrap().items, std::slice::from_ref(&task));
    assert_eq!(database.task(access, task.id).await.unwrap(), task);
    let bobs = Access::in_session(bob.id, of_bob, now);
    assert_eq!(database.notes(bobs, all).await.unwrap().items, [], "his own");
    assert_eq!(database.tasks(bobs, all).await.unwrap().items, []);

    for (what, session, at) in [
        ("ended", ended, now),
        ("expired", live, now.plus_seconds(POLICY.idle_seconds)),
        ("of another user", of_bob, now),
        ("never opened", SessionId(999), now),
    ] {
        let access = Access::in_session(ada.id, session, at);
        assert!(matches!(database.notes(access, all).await, Err(Error::NotFound)), "{what}");
        assert!(matches!(database.note(access, note.id).await, Err(Error::NotFound)), "{what}");
        assert!(matches!(database.tasks(access, all).await, Err(Error::NotFound)), "{what}");
        assert!(matches!(database.task(access, task.id).await, Err(Error::NotFound)), "{what}");
    }
}

#[rstest]
#[tokio::test]
async fn live_session_is_none_after_the_idle_time_or_the_lifetime(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let session = open(database, &ada, 1, now).await;
    assert!(is_live(database, &ada, session, now.plus_seconds(99)).await);
    assert!(!is_live(database, &ada, session, now.plus_seconds(100)).await);
    let bob = fixture.user("bob").await;
    assert!(!is_live(database, &bob, session, now).await, "a session has one user");
    let at = |seconds| now.plus_seconds(seconds);
    assert!(matches!(refresh(database, 1, 0, 1, at(90)).await, Refreshed::Rotated { .. }));
    assert!(is_live(database, &ada, session, at(189)).await);
    assert!(matches!(refresh(database, 1, 1, 2, at(180)).await, Refreshed::Rotated { .. }));
    assert!(is_live(database, &ada, session, at(249)).await);
    assert!(!is_live(database, &ada, session, at(250)).await, "even if it is used");
    assert_eq!(refresh(database, 1, 2, 3, at(250)).await, Refreshed::Expired);
    assert_eq!(ids(database, &ada, at(250)).await, []);
}

#[rstest]
#[tokio::test]
async fn touch_session_records_a_use_only_once(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let session = open(database, &ada, 1, now).await;
    let later = now.plus_seconds(50);
    database.touch_session(ada.id, session, now, later.plus_seconds(100), later).await.unwrap();
    let activity = database.live_session(ada.id, session, later).await.unwrap().unwrap();
    assert_eq!((activity.created_at, activity.last_used_at), (now, later));
    assert!(is_live(database, &ada, session, now.plus_seconds(149)).await);
    let stale = now.plus_seconds(60);
    database.touch_session(ada.id, session, now, stale, stale).await.unwrap();
    let activity = database.live_session(ada.id, session, stale).await.unwrap().unwrap();
    assert_eq!(activity.last_used_at, later, "another request has recorded a use");
}

#[rstest]
#[tokio::test]
async fn end_session_and_end_all_sessions_end_live_sessions(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (ada, bob) = (fixture.user("ada").await, fixture.user("bob").await);
    let (database, now) = (&fixture.database, Timestamp::now());
    let mine = [open(database, &ada, 1, now).await, open(database, &ada, 2, now).await];
    let his = open(database, &bob, 3, now).await;
    let end = async |user: &User, session| {
        database.end_session(&actor(user.id, now), session, EndReason::Revoked).await
    };
    assert!(matches!(end(&ada, his).await, Err(Error::NotFound)), "another user's session");
    assert!(matches!(end(&ada, SessionId(i64::MAX)).await, Err(Error::NotFound)));
    assert!(is_live(database, &bob, his, now).await);
    let _ = end(&ada, mine[0]).await.unwrap();
    assert!(matches!(end(&ada, mine[0]).await, Err(Error::NotFound)), "it has already ended");
    assert_eq!(ids(database, &ada, now).await, [mine[1]]);
    assert_eq!(refresh(database, 1, 0, 1, now).await, Refreshed::Ended(Some(EndReason::Revoked)));

    let third = open(database, &ada, 4, now).await;
    assert!(database.is_unchanged_since(ada.id, now).await.unwrap());
    let later = now.plus_seconds(1);
    let last = Actor { proof: Proof::Session(third), ..actor(ada.id, later) };
    let mut ended = database.end_all_sessions(&last).await.unwrap().ids;
    ended.sort();
    assert_eq!(ended, [mine[1], third]);
    assert_eq!(ids(database, &ada, now).await, []);
    assert!(
        !database.is_unchanged_since(ada.id, now).await.unwrap(),
        "a token without a session is revoked too"
    );
    assert!(is_live(database, &bob, his, now).await);
    let stored = events(database, &ada).await;
    assert!(stored.contains(&(EventKind::SessionEnded, Some(EndReason::Revoked), Some(mine[0]))));
    assert!(stored.contains(&(EventKind::Logout, Some(EndReason::LogoutAll), Some(third))));
    assert!(stored.contains(&(EventKind::SessionEnded, Some(EndReason::LogoutAll), Some(mine[1]))));
    // An ended session is kept for a day. Then the next login deletes it with its rotations.
    let day = 24 * 60 * 60;
    let revoked = Refreshed::Ended(Some(EndReason::Revoked));
    for (family, seconds, expected) in [(5, day - 1, revoked), (6, day, Refreshed::Unknown)] {
        let at = now.plus_seconds(seconds);
        open(database, &ada, family, at).await;
        assert_eq!(refresh(database, 1, 0, 1, at).await, expected);
    }
}

#[rstest]
#[tokio::test]
async fn delete_user_does_not_deadlock_with_other_writes(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    for number in 0..50 {
        let user = fixture.user(&format!("user{number}")).await;
        open(database, &user, number, now).await;
        let actor = actor(user.id, now);
        let (deleted, changed, ended, _) = tokio::join!(
            database.delete_user(&actor, credentials(&user)),
            database.change_password(&actor, credentials(&user), "new".to_owned()),
            database.end_all_sessions(&actor),
            refresh(database, number, 0, 1, now),
        );
        assert!(matches!(deleted, Ok(_) | Err(Error::NotFound)), "{deleted:?}");
        assert!(matches!(changed, Ok(_) | Err(Error::NotFound)), "{changed:?}");
        assert!(matches!(ended, Ok(_) | Err(Error::NotFound)), "{ended:?}");
        assert_ne!(deleted.is_ok(), changed.is_ok(), "only one of them has the current password");
    }
}

#[rstest]
#[tokio::test]
async fn delete_user_deletes_sessions_and_events(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let session = open(database, &ada, 1, now).await;
    assert!(matches!(refresh(database, 1, 0, 1, now).await, Refreshed::Rotated { .. }));
    assert_eq!(database.delete_user(&actor(ada.id, now), credentials(&ada)).await.unwrap().ids, [session]);
    assert!(!is_live(database, &ada, session, now).await);
    assert_eq!(refresh(database, 1, 1, 2, now).await, Refreshed::Unknown);
    let recorded = database.record_event(&actor(ada.id, now), EventKind::LoginFailed).await;
    assert!(matches!(recorded, Err(Error::NotFound)), "{recorded:?}");
    assert_eq!(database.events(ada.id, PageRequest::default(), now).await.unwrap().items, []);
}
