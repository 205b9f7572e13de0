//! Sessions, their rotation and their end.

use daybook_domain::{
    EndReason, EventKind, Limit, NoteDraft, Origin, PageRequest, SessionId, SessionPolicy, TaskDraft,
    Timestamp, User,
};
use daybook_persistence::{Credentials, Database, Digest, Error, Login, Reader, Refresh, Refreshed};
use futures_util::future::join_all;
use rstest::rstest;

use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::fixture::{Fixture, new_user};

const POLICY: SessionPolicy = SessionPolicy { idle_seconds: 100, lifetime_seconds: 250, per_user: 3 };

/// The token with this number in the family with that one; a token's salt is its number too.
fn digest(family: u8, number: u8) -> Digest {
    let mut digest = [number; 32];
    digest[0] = family;
    digest
}

fn origin() -> Origin {
    Origin { ip: Some("192.0.2.7".parse().unwrap()), user_agent: Some("tests/1".into()) }
}

fn login(user: &User, family: u8) -> Login {
    Login {
        verified: credentials(user),
        new_hash: None,
        family: [family; 32],
        refresh_token: digest(family, 0),
        origin: origin(),
        policy: POLICY,
    }
}

/// What the password of a new account is checked against.
fn credentials(user: &User) -> Credentials {
    Credentials {
        user: user.id,
        password_hash: user.username.as_str().to_owned(),
        password_changed_at: user.created_at,
    }
}

async fn open(database: &Database, user: &User, family: u8, now: Timestamp) -> SessionId {
    database.open_session(login(user, family), now).await.unwrap().session
}

fn refresh_of(family: u8, from: u8, to: u8) -> Refresh {
    Refresh {
        family: [family; 32],
        refresh_token: digest(family, from),
        successor: digest(family, to),
        salt: [to; 16],
        origin: origin(),
        policy: POLICY,
    }
}

async fn refresh(database: &Database, family: u8, from: u8, to: u8, now: Timestamp) -> Refreshed {
    database.refresh_session(refresh_of(family, from, to), now).await.unwrap()
}

async fn is_live(database: &Database, user: &User, session: SessionId, now: Timestamp) -> bool {
    database.live_session(user.id, session, now).await.unwrap().is_some()
}

async fn ids(database: &Database, user: &User, now: Timestamp) -> Vec<SessionId> {
    database.sessions(user.id, now).await.unwrap().into_iter().map(|session| session.id).collect()
}

/// What happened to an account, the first first, without its registration.
async fn events(database: &Database, user: &User) -> Vec<(EventKind, Option<EndReason>, Option<SessionId>)> {
    let page = PageRequest { limit: Limit::new(100).unwrap(), cursor: None };
    let events = database.events(user.id, page, Timestamp::now()).await.unwrap().items;
    events.into_iter().rev().skip(1).map(|event| (event.event, event.reason, event.session_id)).collect()
}

#[rstest]
#[tokio::test]
async fn reads_in_a_session_find_nothing_unless_it_is_live(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada, bob) = (&fixture.database, fixture.user("ada").await, fixture.user("bob").await);
    let (now, all) = (Timestamp::now(), PageRequest::default());
    let note = NoteDraft { title: "t".into(), content: "c".into() };
    let note = database.create_note(ada.id, note, now).await.unwrap();
    let task = TaskDraft {
        title: "t".into(),
        content: "c".into(),
        city: "Lisbon".into(),
        due_date: None,
        user_id: None,
    };
    let task = database.create_task(ada.id, task, None, now).await.unwrap();
    let [live, ended] = [open(database, &ada, 1, now).await, open(database, &ada, 2, now).await];
    database.end_session(ada.id, ended, EndReason::Logout, origin(), now).await.unwrap();
    let of_bob = open(database, &bob, 3, now).await;

    let reader = Reader::in_session(ada.id, live, now);
    assert_eq!(database.notes(reader, all).await.unwrap().items, std::slice::from_ref(&note));
    assert_eq!(database.note(reader, note.id).await.unwrap(), note);
    assert_eq!(database.tasks(reader, all).await.unwrap().items, std::slice::from_ref(&task));
    assert_eq!(database.task(reader, task.id).await.unwrap(), task);
    let bobs = Reader::in_session(bob.id, of_bob, now);
    assert_eq!(database.notes(bobs, all).await.unwrap().items, [], "his own");
    assert_eq!(database.tasks(bobs, all).await.unwrap().items, []);

    for (what, session, at) in [
        ("ended", ended, now),
        ("expired", live, now.plus_seconds(POLICY.idle_seconds)),
        ("of somebody else", of_bob, now),
        ("never opened", SessionId(999), now),
    ] {
        let reader = Reader::in_session(ada.id, session, at);
        assert!(matches!(database.notes(reader, all).await, Err(Error::NotFound)), "{what}");
        assert!(matches!(database.note(reader, note.id).await, Err(Error::NotFound)), "{what}");
        assert!(matches!(database.tasks(reader, all).await, Err(Error::NotFound)), "{what}");
        assert!(matches!(database.task(reader, task.id).await, Err(Error::NotFound)), "{what}");
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
    assert!(!is_live(database, &ada, session, at(250)).await, "however much it is used");
    assert_eq!(refresh(database, 1, 2, 3, at(250)).await, Refreshed::Expired);
    assert_eq!(ids(database, &ada, at(250)).await, []);
}

#[rstest]
#[tokio::test]
async fn touch_session_records_a_use_once(#[values(Sqlite, Postgres)] kind: Kind) {
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
    assert_eq!(activity.last_used_at, later, "somebody else has been faster");
}

#[rstest]
#[tokio::test]
async fn refresh_session_repeats_within_the_grace_period(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let session = open(database, &ada, 1, now).await;
    let rotated = Refreshed::Rotated { user: ada.id, session };
    assert_eq!(refresh(database, 1, 0, 1, now).await, rotated);
    let Refreshed::Repeated { rotations, .. } = refresh(database, 1, 0, 9, now.plus_seconds(29)).await else {
        panic!("within the grace it is repeated");
    };
    assert_eq!(rotations.len(), 1);
    assert_eq!((rotations[0].refresh_token, rotations[0].salt), (digest(1, 0), [1; 16]));
    // A tab that comes late gets to the newest one over any number of steps.
    assert_eq!(refresh(database, 1, 1, 2, now.plus_seconds(10)).await, rotated);
    assert_eq!(refresh(database, 1, 2, 3, now.plus_seconds(20)).await, rotated);
    let Refreshed::Repeated { rotations, .. } = refresh(database, 1, 0, 9, now.plus_seconds(29)).await else {
        panic!("within the grace it is repeated");
    };
    assert_eq!(rotations.len(), 3);
    assert_eq!(refresh(database, 1, 3, 4, now.plus_seconds(60)).await, rotated);
    let Refreshed::Repeated { rotations, .. } = refresh(database, 1, 3, 9, now.plus_seconds(61)).await else {
        panic!("within the grace it is repeated");
    };
    assert_eq!(rotations.len(), 1, "the others were forgotten");
    assert_eq!(refresh(database, 2, 0, 1, now).await, Refreshed::Unknown);
}

#[rstest]
#[tokio::test]
async fn refresh_session_ends_the_session_of_a_reused_token(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let at = |seconds| now.plus_seconds(seconds);
    let other = open(database, &ada, 9, now).await;
    for (family, reused_at) in [(1, at(30)), (2, at(90))] {
        let session = open(database, &ada, family, now).await;
        assert!(matches!(refresh(database, family, 0, 1, now).await, Refreshed::Rotated { .. }));
        let reused = Refreshed::Reused { user: ada.id, session };
        assert_eq!(refresh(database, family, 0, 9, reused_at).await, reused);
        assert!(!is_live(database, &ada, session, reused_at).await);
        let ended = Refreshed::Ended(Some(EndReason::RefreshTokenReused));
        assert_eq!(refresh(database, family, 1, 2, reused_at).await, ended, "the successor is dead too");
        assert_eq!(refresh(database, family, 0, 2, reused_at).await, ended);
    }
    // A token that nobody has ever had, of a family that somebody has: made up by whoever has one of it.
    let session = open(database, &ada, 3, now).await;
    let reused = Refreshed::Reused { user: ada.id, session };
    assert_eq!(refresh(database, 3, 77, 1, now).await, reused);
    assert_eq!(ids(database, &ada, now).await, [other]);
    let told = events(database, &ada).await;
    let ends = [
        (EventKind::RefreshTokenReused, None, Some(session)),
        (EventKind::SessionEnded, Some(EndReason::RefreshTokenReused), Some(session)),
    ];
    assert_eq!(told[told.len() - 2..], ends);
}

#[rstest]
#[tokio::test]
async fn refresh_session_rotates_once_for_16_requests_at_once(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let session = open(database, &ada, 1, now).await;
    for round in 0..10 {
        let at_once = (0..16).map(|_| refresh(database, 1, round, round + 1, now));
        let results = join_all(at_once).await;
        let rotated = results.iter().filter(|result| matches!(result, Refreshed::Rotated { .. }));
        assert_eq!(rotated.count(), 1, "{results:?}");
        let repeated = results.iter().filter(|result| matches!(result, Refreshed::Repeated { .. }));
        assert_eq!(repeated.count(), 15, "{results:?}");
    }
    assert!(is_live(database, &ada, session, now).await);
}

#[rstest]
#[tokio::test]
async fn open_session_ends_the_least_needed_session_above_the_limit(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let at = |seconds| now.plus_seconds(seconds);
    let used = open(database, &ada, 1, at(0)).await;
    database.touch_session(ada.id, used, at(0), at(101), at(1)).await.unwrap();
    let mut last = None;
    for family in 2..9 {
        let now = at(family.into());
        let opened = database.open_session(login(&ada, family), now).await.unwrap();
        let ids = ids(database, &ada, now).await;
        assert!(ids.contains(&used) && ids.contains(&opened.session) && ids.len() <= 3, "{ids:?}");
        assert_eq!(opened.ended.len(), usize::from(family > 3));
        last = Some(opened.session);
    }
    let newest = last.unwrap();
    database.touch_session(ada.id, newest, at(8), at(120), at(20)).await.unwrap();
    let third = ids(database, &ada, at(21)).await[1];
    database.touch_session(ada.id, third, at(7), at(121), at(21)).await.unwrap();
    let opened = database.open_session(login(&ada, 20), at(22)).await.unwrap();
    assert_eq!(opened.ended, [used], "all are in use, so the one that has not been for longest");
    let reason = Refreshed::Ended(Some(EndReason::TooManySessions));
    assert_eq!(refresh(database, 1, 0, 1, at(23)).await, reason);
    let end = (EventKind::SessionEnded, Some(EndReason::TooManySessions), Some(used));
    assert!(events(database, &ada).await.contains(&end));
}

#[rstest]
#[tokio::test]
async fn end_session_and_end_all_sessions_end_live_sessions(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (ada, bob) = (fixture.user("ada").await, fixture.user("bob").await);
    let (database, now) = (&fixture.database, Timestamp::now());
    let mine = [open(database, &ada, 1, now).await, open(database, &ada, 2, now).await];
    let his = open(database, &bob, 3, now).await;
    let end =
        |user: &User, session| database.end_session(user.id, session, EndReason::Revoked, origin(), now);
    assert!(matches!(end(&ada, his).await, Err(Error::NotFound)), "it is somebody else's");
    assert!(matches!(end(&ada, SessionId(i64::MAX)).await, Err(Error::NotFound)));
    assert!(is_live(database, &bob, his, now).await);
    end(&ada, mine[0]).await.unwrap();
    assert!(matches!(end(&ada, mine[0]).await, Err(Error::NotFound)), "it has ended");
    assert_eq!(ids(database, &ada, now).await, [mine[1]]);
    assert_eq!(refresh(database, 1, 0, 1, now).await, Refreshed::Ended(Some(EndReason::Revoked)));

    let third = open(database, &ada, 4, now).await;
    assert!(database.is_unchanged_since(ada.id, now).await.unwrap());
    let later = now.plus_seconds(1);
    let mut ended = database.end_all_sessions(ada.id, Some(third), origin(), later).await.unwrap();
    ended.sort();
    assert_eq!(ended, [mine[1], third]);
    assert_eq!(ids(database, &ada, now).await, []);
    assert!(
        !database.is_unchanged_since(ada.id, now).await.unwrap(),
        "nor is a token without a session good"
    );
    assert!(is_live(database, &bob, his, now).await);
    let told = events(database, &ada).await;
    assert!(told.contains(&(EventKind::SessionEnded, Some(EndReason::Revoked), Some(mine[0]))));
    assert!(told.contains(&(EventKind::Logout, Some(EndReason::LogoutAll), Some(third))));
    assert!(told.contains(&(EventKind::SessionEnded, Some(EndReason::LogoutAll), Some(mine[1]))));
    // What has ended is forgotten after a while, with its rotations.
    assert_eq!(
        refresh(database, 1, 0, 1, now.plus_seconds(3_600)).await,
        Refreshed::Ended(Some(EndReason::Revoked))
    );
    let much_later = now.plus_seconds(100_000);
    open(database, &ada, 5, much_later).await;
    assert_eq!(refresh(database, 1, 0, 1, much_later).await, Refreshed::Unknown);
}

#[rstest]
#[tokio::test]
async fn change_password_ends_other_sessions_and_rejects_overlapping_logins(
    #[values(Sqlite, Postgres)] kind: Kind,
) {
    let fixture = Fixture::new(kind).await;
    let database = &fixture.database;
    let (ada, now) = (fixture.user("ada").await, Timestamp::now());
    let kept = open(database, &ada, 1, now).await;
    let ended = open(database, &ada, 2, now).await;
    let change =
        |to: &str, keep, now| database.change_password(credentials(&ada), to.to_owned(), keep, origin(), now);
    assert_eq!(change("new", Some(kept), now).await.unwrap(), [ended]);
    assert!(is_live(database, &ada, kept, now).await);
    assert!(!is_live(database, &ada, ended, now).await);
    assert_eq!(refresh(database, 2, 0, 1, now).await, Refreshed::Ended(Some(EndReason::PasswordChanged)));
    let late = database.open_session(login(&ada, 3), now).await;
    assert!(matches!(late, Err(Error::NotFound)), "{late:?}");
    let again = change("x", None, now).await;
    assert!(matches!(again, Err(Error::NotFound)), "{again:?}");
    assert!(database.is_unchanged_since(ada.id, now).await.unwrap());
    assert!(!database.is_unchanged_since(ada.id, now.plus_seconds(-1)).await.unwrap());
    let told = events(database, &ada).await;
    let ends = [
        (EventKind::PasswordChanged, None, Some(kept)),
        (EventKind::SessionEnded, Some(EndReason::PasswordChanged), Some(ended)),
    ];
    assert_eq!(told[told.len() - 2..], ends);
    // Nor when the clock stands still: a later password is later.
    let frozen = Credentials { password_changed_at: now, ..credentials(&ada) };
    database.change_password(frozen.clone(), "third".into(), Some(kept), origin(), now).await.unwrap();
    let late = database.open_session(Login { verified: frozen, ..login(&ada, 4) }, now).await;
    assert!(matches!(late, Err(Error::NotFound)), "{late:?}");
}

#[rstest]
#[tokio::test]
async fn open_session_stores_a_new_hash_once(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let now = Timestamp::now();
    let ada = fixture.user("ada").await;
    let renewing = Login { new_hash: Some("renewed".into()), ..login(&ada, 1) };
    fixture.database.open_session(renewing.clone(), now).await.unwrap();
    // Another login that was being verified meanwhile is as good, and does not undo what the first has done.
    let other = Login { new_hash: Some("renewed as well".into()), family: [2; 32], ..renewing };
    fixture.database.open_session(other, now).await.unwrap();
    assert_eq!(fixture.database.credentials_of(ada.id).await.unwrap().password_hash, "renewed");
}

#[rstest]
#[tokio::test]
async fn delete_user_deletes_sessions_and_events(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let session = open(database, &ada, 1, now).await;
    assert!(matches!(refresh(database, 1, 0, 1, now).await, Refreshed::Rotated { .. }));
    assert_eq!(database.delete_user(credentials(&ada), now).await.unwrap(), [session]);
    assert!(!is_live(database, &ada, session, now).await);
    assert_eq!(refresh(database, 1, 1, 2, now).await, Refreshed::Unknown);
    let told = database.record_event(ada.id, EventKind::LoginFailed, None, origin(), now).await;
    assert!(matches!(told, Err(Error::NotFound)), "{told:?}");
    assert_eq!(database.events(ada.id, PageRequest::default(), now).await.unwrap().items, []);
}

#[rstest]
#[tokio::test]
async fn session_of_family_and_login_addresses_know_earlier_clients(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let (ada, bob) = (fixture.user("ada").await, fixture.user("bob").await);
    let session = open(database, &ada, 1, now).await;
    assert_eq!(database.session_of_family(ada.id, [1; 32]).await.unwrap(), Some(session));
    assert_eq!(database.session_of_family(bob.id, [1; 32]).await.unwrap(), None);
    for (family, reason) in [
        (7, EndReason::Logout),
        (8, EndReason::TooManySessions),
        (9, EndReason::Revoked),
        (10, EndReason::PasswordChanged),
    ] {
        let ended = open(database, &bob, family, now).await;
        database.end_session(bob.id, ended, reason, origin(), now).await.unwrap();
        let known = matches!(reason, EndReason::Logout | EndReason::TooManySessions).then_some(ended);
        assert_eq!(database.session_of_family(bob.id, [family; 32]).await.unwrap(), known, "{reason:?}");
    }
    let elsewhere = Origin { ip: Some("2001:db8::1".parse().unwrap()), user_agent: None };
    database.record_event(ada.id, EventKind::LoginFailed, None, elsewhere.clone(), now).await.unwrap();
    let known = database.login_addresses(ada.id).await.unwrap();
    assert_eq!(known, [origin().ip.unwrap()], "a login that failed makes nobody known");
    let there = Login { origin: elsewhere.clone(), ..login(&ada, 2) };
    database.open_session(there, now).await.unwrap();
    assert_eq!(database.login_addresses(ada.id).await.unwrap()[0], elsewhere.ip.unwrap());
    let eve = database.register(new_user("eve"), elsewhere.clone(), now).await.unwrap();
    assert_eq!(database.login_addresses(eve.id).await.unwrap(), [elsewhere.ip.unwrap()]);
    let listed = &database.sessions(ada.id, now).await.unwrap()[1];
    assert_eq!(listed.ip.as_deref(), Some("192.0.2.7"));
    assert_eq!(listed.user_agent.as_deref(), Some("tests/1"));
    assert_eq!((listed.created_at, listed.expires_at), (now, now.plus_seconds(100)));
}

#[rstest]
#[tokio::test]
async fn open_session_and_refresh_session_delete_outdated_events(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    const DAY: i64 = 24 * 60 * 60;
    for days in [-100, -91, -89] {
        let then = now.plus_seconds(days * DAY);
        database.record_event(ada.id, EventKind::LoginFailed, None, origin(), then).await.unwrap();
    }
    // The registration of just now came before them, so nothing behind it goes before it does; but nobody is shown it.
    open(database, &ada, 1, now).await;
    let listed: Vec<_> = events(database, &ada).await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(listed, [EventKind::LoginFailed, EventKind::Login]);
    open(database, &ada, 2, now.plus_seconds(91 * DAY)).await;
    let left: Vec<_> = events(database, &ada).await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(left, [], "but for the newest login");
    // A refresh removes as well: a session may go on for as long as events are kept.
    let bob = fixture.user("bob").await;
    open(database, &bob, 3, now).await;
    for _ in 0..30 {
        database.record_event(bob.id, EventKind::LoginFailed, None, origin(), now).await.unwrap();
    }
    let page = PageRequest { limit: Limit::new(100).unwrap(), cursor: None };
    let count = async || database.events(bob.id, page, now).await.unwrap().items.len();
    assert_eq!(count().await, 32);
    let patient = SessionPolicy { idle_seconds: 200 * DAY, lifetime_seconds: 200 * DAY, per_user: 3 };
    let renew = async |family, from, to, at| {
        let refresh = Refresh { policy: patient, ..refresh_of(family, from, to) };
        database.refresh_session(refresh, at).await.unwrap()
    };
    assert!(matches!(renew(3, 0, 1, now.plus_seconds(50)).await, Refreshed::Rotated { .. }));
    assert_eq!(count().await, 33);
    assert!(matches!(renew(3, 1, 2, now.plus_seconds(91 * DAY)).await, Refreshed::Rotated { .. }));
    assert_eq!(count().await, 34 - 20);
}

#[rstest]
#[tokio::test]
async fn open_session_deletes_at_most_100_expired_sessions(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let policy = SessionPolicy { per_user: 1_000, ..POLICY };
    for family in 0..150 {
        let unlimited = Login { policy, ..login(&ada, family) };
        database.open_session(unlimited, now).await.unwrap();
    }
    let later = now.plus_seconds(1_000);
    for left in [50, 0] {
        open(database, &ada, 200 + left, later).await;
        let mut expired = 0;
        for family in 0..150 {
            expired += u8::from(refresh(database, family, 0, 1, later).await == Refreshed::Expired);
        }
        assert_eq!(expired, left);
    }
}
