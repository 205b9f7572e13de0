//! Refresh tokens: rotation, the grace period and reuse.

use daybook_domain::{EndReason, EventKind, SessionPolicy, Timestamp};
use daybook_persistence::{
    Database, EndedSessions, FamilyDigest, Login, Refresh, RefreshPreview, Refreshed,
    Rotation as StoredRotation, TokenDigest,
};
use futures_util::future::join_all;
use rstest::rstest;

use crate::client::{actor, digest, events, ids, is_live, login, open, refresh, refresh_of};
use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};

/// Repeats token `number` of family 1. Returns the rotations.
async fn repeated(database: &Database, number: u8, now: Timestamp) -> Vec<(TokenDigest, [u8; 16])> {
    match refresh(database, 1, number, 9, now).await {
        Refreshed::Repeated { rotations, .. } => {
            rotations.into_iter().map(|rotation| (rotation.refresh_token, rotation.salt)).collect()
        }
        other => panic!("not repeated within the grace period: {other:?}"),
    }
}

#[rstest]
#[tokio::test]
async fn refresh_session_returns_repeated_within_the_grace_period(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let session = open(database, &ada, 1, now).await;
    let rotated = Refreshed::Rotated { user: ada.id, session };
    assert_eq!(refresh(database, 1, 0, 1, now).await, rotated);
    fixture.age_rotations(20);
    assert_eq!(repeated(database, 0, now).await, [(digest(1, 0), [1; 16])]);
    // A late browser tab can derive the current token over any number of rotations.
    assert_eq!(refresh(database, 1, 1, 2, now).await, rotated);
    assert_eq!(refresh(database, 1, 2, 3, now).await, rotated);
    assert_eq!(repeated(database, 0, now).await.len(), 3);
    fixture.age_rotations(31);
    assert_eq!(refresh(database, 1, 3, 4, now).await, rotated);
    assert_eq!(repeated(database, 3, now).await.len(), 1, "the outdated rotations were deleted");
    assert_eq!(refresh(database, 2, 0, 1, now).await, Refreshed::Unknown);
}

#[rstest]
#[tokio::test]
async fn preview_refresh_returns_what_a_refresh_would_do(#[values(Sqlite, Postgres)] kind: Kind) {
    use RefreshPreview::{Reuse, Rotation, Unchanged};
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let session = open(database, &ada, 1, now).await;
    let preview = async |family, number, at| {
        database.preview_refresh(FamilyDigest([family; 32]), digest(family, number), at).await.unwrap()
    };
    assert_eq!(preview(1, 0, now).await, Rotation { user: ada.id, session });
    assert_eq!(preview(1, 7, now).await, Reuse, "a token that was never issued");
    assert_eq!(preview(2, 0, now).await, Unchanged(Refreshed::Unknown));
    assert_eq!(preview(1, 0, now.plus_seconds(100)).await, Unchanged(Refreshed::Expired));
    assert!(is_live(database, &ada, session, now).await, "a preview ends no session");

    assert_eq!(refresh(database, 1, 0, 1, now).await, Refreshed::Rotated { user: ada.id, session });
    let rotations = vec![StoredRotation { refresh_token: digest(1, 0), salt: [1; 16] }];
    let repeated = Refreshed::Repeated { user: ada.id, session, rotations };
    assert_eq!(preview(1, 0, now).await, Unchanged(repeated));
    assert_eq!(preview(1, 1, now).await, Rotation { user: ada.id, session });
    fixture.age_rotations(31);
    assert_eq!(preview(1, 0, now).await, Reuse, "a token that was replaced before the grace period");

    let _ = database.end_session(&actor(ada.id, now), session, EndReason::Logout).await.unwrap();
    assert_eq!(preview(1, 1, now).await, Unchanged(Refreshed::Ended(Some(EndReason::Logout))));
}

#[rstest]
#[tokio::test]
async fn refresh_session_ends_the_session_of_a_reused_token(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let at = |seconds| now.plus_seconds(seconds);
    let ended = |reason, session| EndedSessions { user: ada.id, reason: Some(reason), ids: vec![session] };
    let other = open(database, &ada, 9, now).await;
    for (family, seconds) in [(1, 30), (2, 90)] {
        let reused_at = at(i64::from(seconds));
        let session = open(database, &ada, family, now).await;
        assert!(matches!(refresh(database, family, 0, 1, now).await, Refreshed::Rotated { .. }));
        fixture.age_rotations(seconds);
        let reused = Refreshed::Reused { session, ended: ended(EndReason::RefreshTokenReused, session) };
        assert_eq!(refresh(database, family, 0, 9, reused_at).await, reused);
        assert!(!is_live(database, &ada, session, reused_at).await);
        let over = Refreshed::Ended(Some(EndReason::RefreshTokenReused));
        assert_eq!(refresh(database, family, 1, 2, reused_at).await, over, "the successor is revoked too");
        assert_eq!(refresh(database, family, 0, 2, reused_at).await, over);
    }
    // This token of an existing family was never issued. Only a client that has a token of the
    // family can send such a token.
    let session = open(database, &ada, 3, now).await;
    let reused = Refreshed::Reused { session, ended: ended(EndReason::RefreshTokenReused, session) };
    assert_eq!(refresh(database, 3, 77, 1, now).await, reused);
    assert_eq!(ids(database, &ada, now).await, [other]);
    let stored = events(database, &ada).await;
    let ends = [
        (EventKind::RefreshTokenReused, None, Some(session)),
        (EventKind::SessionEnded, Some(EndReason::RefreshTokenReused), Some(session)),
    ];
    assert_eq!(stored[stored.len() - 2..], ends);
}

#[rstest]
#[tokio::test]
async fn refresh_session_rotates_once_for_16_concurrent_requests(#[values(Sqlite, Postgres)] kind: Kind) {
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

/// Two instances whose clocks differ by ten minutes, on one PostgreSQL server.
#[tokio::test]
async fn refresh_session_judges_the_grace_period_by_the_clock_of_the_server() {
    let fixture = Fixture::new(Postgres).await;
    let (one, two) = (&fixture.database, fixture.another_instance());
    let (early, late) = (Timestamp::now(), Timestamp::now().plus_seconds(600));
    let ada = fixture.user("ada").await;
    let policy = SessionPolicy { idle_seconds: 10_000, lifetime_seconds: 10_000, per_user: 9 };
    for (family, rotated_at, repeated_at) in [(1, early, late), (2, late, early)] {
        let session = one.open_session(Login { policy, ..login(&ada, family) }, early).await.unwrap().session;
        let refresh = |from, to| Refresh { policy, ..refresh_of(family, from, to) };
        let rotated = one.refresh_session(refresh(0, 1), rotated_at).await.unwrap();
        assert_eq!(rotated, Refreshed::Rotated { user: ada.id, session });
        let repeated = two.refresh_session(refresh(0, 9), repeated_at).await.unwrap();
        assert!(matches!(repeated, Refreshed::Repeated { .. }), "{repeated:?}");
        // The activity of the session deletes only outdated rotations.
        two.touch_session(ada.id, session, rotated_at, late.plus_seconds(900), repeated_at).await.unwrap();
        let repeated = two.refresh_session(refresh(0, 9), repeated_at).await.unwrap();
        assert!(matches!(repeated, Refreshed::Repeated { .. }), "{repeated:?}");
        fixture.age_rotations(31);
        let reused = two.refresh_session(refresh(0, 9), repeated_at).await.unwrap();
        assert!(matches!(reused, Refreshed::Reused { .. }), "{reused:?}");
    }
}
