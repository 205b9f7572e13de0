//! Revocations without Redis.

use std::time::Duration;

use daybook_revocation::{Error, Revocations};

use crate::{LIFETIME, eventually};

const NOW: i64 = 1_800_000_000;

#[test]
fn is_revoked_is_true_only_for_sessions_that_ended() {
    let revocations = Revocations::new(LIFETIME);
    let clone = revocations.clone();
    revocations.revoke([7, 8], NOW);
    revocations.revoke([], NOW);
    for session in [7, 8] {
        assert!(clone.is_revoked(session, NOW - 60));
    }
    assert!(!clone.is_revoked(9, NOW - 60));
}

#[test]
fn is_revoked_is_false_for_a_later_session_with_the_same_id() {
    let revocations = Revocations::new(LIFETIME);
    revocations.revoke([7], NOW);
    assert!(revocations.is_revoked(7, i64::MIN));
    assert!(revocations.is_revoked(7, NOW + 10), "clocks may differ by 10 s");
    assert!(!revocations.is_revoked(7, NOW + 11));
    assert!(!revocations.is_revoked(7, i64::MAX));
}

#[tokio::test]
async fn is_revoked_is_false_after_the_token_lifetime() {
    // A lifetime of zero counts as one second.
    let revocations = Revocations::new(Duration::ZERO);
    revocations.revoke([7], NOW);
    eventually("the session is forgotten", || !revocations.is_revoked(7, NOW)).await;
}

#[test]
fn new_accepts_any_lifetime() {
    let revocations = Revocations::new(Duration::MAX);
    revocations.revoke([7], i64::MAX);
    assert!(revocations.is_revoked(7, i64::MAX));
}

#[test]
fn redis_is_healthy_is_none_without_redis() {
    assert_eq!(Revocations::new(LIFETIME).redis_is_healthy(), None);
}

#[test]
fn with_redis_fails_outside_a_tokio_runtime() {
    let error = Revocations::new(LIFETIME).with_redis("redis://127.0.0.1:9", "test").unwrap_err();
    assert!(matches!(error, Error::Runtime), "{error:?}");
}

#[tokio::test]
async fn with_redis_rejects_a_bad_url_without_repeating_it() {
    for url in ["http://user:canary@host", "rediss://user:canary@127.0.0.1/#insecure"] {
        let error = Revocations::new(LIFETIME).with_redis(url, "test").unwrap_err();
        assert!(matches!(error, Error::Url), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("canary"));
    }
    let revocations =
        Revocations::new(LIFETIME).with_redis("redis://user:canary@127.0.0.1:9", "test").unwrap();
    assert!(!format!("{revocations:?}").contains("canary"));
}
