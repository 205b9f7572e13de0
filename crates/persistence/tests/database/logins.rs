//! Logins: the sessions that they end, and the rows that they delete.

use daybook_domain::{
    Actor, EndReason, EventKind, Limit, Origin, PageRequest, Proof, SessionPolicy, Timestamp,
};
use daybook_persistence::{Credentials, Error, FamilyDigest, Login, Refresh, Refreshed};
use rstest::rstest;

use crate::client::{
    POLICY, actor, credentials, events, ids, is_live, login, open, origin, refresh, refresh_of,
};
use crate::fixture::Kind::{self, Postgres, Sqlite};
use crate::fixture::{Fixture, new_user};
use crate::rows::{ago, count, numbers};

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
        assert_eq!(opened.ended.ids.len(), usize::from(family > 3));
        last = Some(opened.session);
    }
    let newest = last.unwrap();
    database.touch_session(ada.id, newest, at(8), at(120), at(20)).await.unwrap();
    let third = ids(database, &ada, at(21)).await[1];
    database.touch_session(ada.id, third, at(7), at(121), at(21)).await.unwrap();
    let opened = database.open_session(login(&ada, 20), at(22)).await.unwrap();
    assert_eq!(opened.ended.ids, [used], "all were used, and this one longest ago");
    let reason = Refreshed::Ended(Some(EndReason::TooManySessions));
    assert_eq!(refresh(database, 1, 0, 1, at(23)).await, reason);
    let end = (EventKind::SessionEnded, Some(EndReason::TooManySessions), Some(used));
    assert!(events(database, &ada).await.contains(&end));
}

#[rstest]
#[tokio::test]
async fn open_session_stores_a_new_hash_once(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let now = Timestamp::now();
    let ada = fixture.user("ada").await;
    let renewing = Login { new_hash: Some("renewed".into()), ..login(&ada, 1) };
    fixture.database.open_session(renewing.clone(), now).await.unwrap();
    // A second login was verified against the old hash. It is valid too, and keeps the new hash.
    let other = Login { new_hash: Some("renewed as well".into()), family: FamilyDigest([2; 32]), ..renewing };
    fixture.database.open_session(other, now).await.unwrap();
    assert_eq!(fixture.database.credentials_of(ada.id).await.unwrap().password_hash, "renewed");
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
    let in_kept = Actor { proof: Proof::Session(kept), ..actor(ada.id, now) };
    let change = async |actor: &Actor, new_hash: &str| {
        database.change_password(actor, credentials(&ada), new_hash.to_owned()).await
    };
    assert_eq!(change(&in_kept, "new").await.unwrap().ids, [ended]);
    assert!(is_live(database, &ada, kept, now).await);
    assert!(!is_live(database, &ada, ended, now).await);
    assert_eq!(refresh(database, 2, 0, 1, now).await, Refreshed::Ended(Some(EndReason::PasswordChanged)));
    let late = database.open_session(login(&ada, 3), now).await;
    assert!(matches!(late, Err(Error::NotFound)), "{late:?}");
    let again = change(&actor(ada.id, now), "x").await;
    assert!(matches!(again, Err(Error::NotFound)), "{again:?}");
    assert!(database.is_unchanged_since(ada.id, now).await.unwrap());
    assert!(!database.is_unchanged_since(ada.id, now.plus_seconds(-1)).await.unwrap());
    let stored = events(database, &ada).await;
    let ends = [
        (EventKind::PasswordChanged, None, Some(kept)),
        (EventKind::SessionEnded, Some(EndReason::PasswordChanged), Some(ended)),
    ];
    assert_eq!(stored[stored.len() - 2..], ends);
    // If the clock stands still, the new password still has a later time.
    let frozen = Credentials { password_changed_at: now, ..credentials(&ada) };
    let _ = database.change_password(&in_kept, frozen.clone(), "third".into()).await.unwrap();
    let late = database.open_session(Login { verified: frozen, ..login(&ada, 4) }, now).await;
    assert!(matches!(late, Err(Error::NotFound)), "{late:?}");
}

#[rstest]
#[tokio::test]
async fn session_of_family_and_login_addresses_find_earlier_logins(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let (ada, bob) = (fixture.user("ada").await, fixture.user("bob").await);
    let session = open(database, &ada, 1, now).await;
    assert_eq!(database.session_of_family(ada.id, FamilyDigest([1; 32])).await.unwrap(), Some(session));
    assert_eq!(database.session_of_family(bob.id, FamilyDigest([1; 32])).await.unwrap(), None);
    for (family, reason) in [
        (7, EndReason::Logout),
        (8, EndReason::TooManySessions),
        (9, EndReason::Revoked),
        (10, EndReason::PasswordChanged),
    ] {
        let ended = open(database, &bob, family, now).await;
        let _ = database.end_session(&actor(bob.id, now), ended, reason).await.unwrap();
        let known = matches!(reason, EndReason::Logout | EndReason::TooManySessions).then_some(ended);
        let family = FamilyDigest([family; 32]);
        assert_eq!(database.session_of_family(bob.id, family).await.unwrap(), known, "{reason:?}");
    }
    let elsewhere = Origin { ip: Some("2001:db8::1".parse().unwrap()), user_agent: None };
    let stranger = Actor { origin: elsewhere.clone(), ..actor(ada.id, now) };
    database.record_event(&stranger, EventKind::LoginFailed).await.unwrap();
    let known = database.login_addresses(ada.id).await.unwrap();
    assert_eq!(known, [origin().ip.unwrap()], "a failed login makes no address known");
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
        database.record_event(&actor(ada.id, then), EventKind::LoginFailed).await.unwrap();
    }
    // The registration has a lower id and the current time. So the later events are not deleted
    // yet, but outdated events are not returned.
    open(database, &ada, 1, now).await;
    let listed: Vec<_> = events(database, &ada).await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(listed, [EventKind::LoginFailed, EventKind::Login]);
    open(database, &ada, 2, now.plus_seconds(91 * DAY)).await;
    let left: Vec<_> = events(database, &ada).await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(left, [], "only the newest login is kept, and it lies in the future");
    // A refresh must delete events too, because a session can last as long as events are kept.
    let bob = fixture.user("bob").await;
    open(database, &bob, 3, now).await;
    for _ in 0..30 {
        database.record_event(&actor(bob.id, now), EventKind::LoginFailed).await.unwrap();
    }
    let page = PageRequest { limit: Limit::new(100).unwrap(), cursor: None };
    let count = async || database.events(bob.id, page, now).await.unwrap().items.len();
    assert_eq!(count().await, 32);
    let long_lived = SessionPolicy { idle_seconds: 200 * DAY, lifetime_seconds: 200 * DAY, per_user: 3 };
    let renew = async |family, from, to, at| {
        let refresh = Refresh { policy: long_lived, ..refresh_of(family, from, to) };
        database.refresh_session(refresh, at).await.unwrap()
    };
    assert!(matches!(renew(3, 0, 1, now.plus_seconds(50)).await, Refreshed::Rotated { .. }));
    assert_eq!(count().await, 33);
    assert!(matches!(renew(3, 1, 2, now.plus_seconds(91 * DAY)).await, Refreshed::Rotated { .. }));
    assert_eq!(count().await, 34 - 20);
}

#[rstest]
#[tokio::test]
async fn open_session_keeps_the_last_1_000_ended_sessions(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, ada) = (&fixture.database, fixture.user("ada").await);
    let (bob, now) = (fixture.user("bob").await, Timestamp::now());
    open(database, &ada, 1, now).await;
    let at = ago(kind, 0);
    for (user, sessions) in [(&bob, 1_050), (&ada, 1_150)] {
        // The first to expire have ended first.
        fixture.execute(&format!(
            "INSERT INTO sessions (user_id, created_at, last_used_at, ended_at, end_reason, expires_at) \
             SELECT {}, {at}, {at}, {at}, 'logout', {} FROM {}",
            user.id,
            match kind {
                Postgres => "now() + (1500 + n) * interval '1 second'",
                Sqlite => "(unixepoch() + 1500 + n) * 1000000",
            },
            numbers(kind, sessions)
        ));
    }
    let ended = format!("sessions WHERE ended_at IS NOT NULL AND user_id = {}", ada.id);
    let first = fixture.lines(&format!("SELECT CAST(min(id) AS TEXT) FROM {ended}")).parse::<i64>().unwrap();
    for (family, expected) in [(2, 1_050), (3, 1_000), (4, 1_001)] {
        // The fourth login ends a session, because the policy allows three.
        open(database, &ada, family, now).await;
        assert_eq!(count(&fixture, &ended), expected);
    }
    assert_eq!(count(&fixture, &format!("{ended} AND id < {}", first + 150)), 0);
    assert_eq!(ids(database, &ada, now).await.len(), 3);
    assert_eq!(count(&fixture, &format!("sessions WHERE user_id = {}", bob.id)), 1_050);
}
