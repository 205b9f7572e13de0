//! Refresh tokens: rotation, the grace period and reuse.

use daybook_domain::{EndReason, EventKind, Timestamp};
use daybook_persistence::{EndedSessions, Refreshed};
use futures_util::future::join_all;
use rstest::rstest;

use crate::client::{digest, events, ids, is_live, open, refresh};
use crate::fixture::Fixture;
use crate::fixture::Kind::{self, Postgres, Sqlite};

#[rstest]
#[tokio::test]
async fn refresh_session_returns_repeated_within_the_grace_period(#[values(Sqlite, Postgres)] kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let (database, now) = (&fixture.database, Timestamp::now());
    let ada = fixture.user("ada").await;
    let session = open(database, &ada, 1, now).await;
    let rotated = Refreshed::Rotated { user: ada.id, session };
    assert_eq!(refresh(database, 1, 0, 1, now).await, rotated);
    let Refreshed::Repeated { rotations, .. } = refresh(database, 1, 0, 9, now.plus_seconds(29)).await else {
        panic!("not repeated within the grace period");
    };
    assert_eq!(rotations.len(), 1);
    assert_eq!((rotations[0].refresh_token, rotations[0].salt), (digest(1, 0), [1; 16]));
    // A late browser tab can derive the current token over any number of rotations.
    assert_eq!(refresh(database, 1, 1, 2, now.plus_seconds(10)).await, rotated);
    assert_eq!(refresh(database, 1, 2, 3, now.plus_seconds(20)).await, rotated);
    let Refreshed::Repeated { rotations, .. } = refresh(database, 1, 0, 9, now.plus_seconds(29)).await else {
        panic!("not repeated within the grace period");
    };
    assert_eq!(rotations.len(), 3);
    assert_eq!(refresh(database, 1, 3, 4, now.plus_seconds(60)).await, rotated);
    let Refreshed::Repeated { rotations, .. } = refresh(database, 1, 3, 9, now.plus_seconds(61)).await else {
        panic!("not repeated within the grace period");
    };
    assert_eq!(rotations.len(), 1, "the outdated rotations were deleted");
    assert_eq!(refresh(database, 2, 0, 1, now).await, Refreshed::Unknown);
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
    for (family, reused_at) in [(1, at(30)), (2, at(90))] {
        let session = open(database, &ada, family, now).await;
        assert!(matches!(refresh(database, family, 0, 1, now).await, Refreshed::Rotated { .. }));
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
