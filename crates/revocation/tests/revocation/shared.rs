//! Revocations that several instances share through a real Redis.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use daybook_revocation::Revocations;
use daybook_test_servers::Redis;

use crate::{LIFETIME, eventually};

const STREAM: &str = "test:ended-sessions";

fn instance(redis: &Redis) -> Revocations {
    instance_at(&redis.url())
}

fn instance_at(url: &str) -> Revocations {
    Revocations::new(LIFETIME).with_redis(url, "test").unwrap()
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// Revokes a session and checks it. Neither call may wait for Redis, which is not reachable: one
/// that does is slow each time. A busy machine makes one call slow, but not five.
fn revoke_without_waiting(here: &Revocations, session: i64) {
    let times = (0..5).map(|_| {
        let began = Instant::now();
        here.revoke([session], now());
        assert!(here.is_revoked(session, now()));
        began.elapsed()
    });
    let fastest = times.min().unwrap();
    assert!(fastest < Duration::from_millis(100), "{fastest:?}");
}

#[tokio::test]
async fn revoke_reaches_other_instances_and_later_ones() {
    let redis = Redis::start();
    let (here, there) = (instance(&redis), instance(&redis));
    here.revoke([7, 8], now());
    eventually("the other instance knows both", || [7, 8].iter().all(|id| there.is_revoked(*id, now())))
        .await;
    assert!(!there.is_revoked(9, now()));
    let late = instance(&redis);
    eventually("a later instance knows both", || [7, 8].iter().all(|id| late.is_revoked(*id, now()))).await;
}

#[tokio::test]
async fn revoke_shares_more_sessions_than_one_command_takes() {
    let redis = Redis::start();
    let (here, there) = (instance(&redis), instance(&redis));
    here.revoke(1..=2_500, now());
    eventually("the other instance knows the last", || there.is_revoked(2_500, now())).await;
    assert!((1..=2_500).all(|id| there.is_revoked(id, now())));
}

#[tokio::test]
async fn revoke_trims_old_entries_and_lets_the_stream_expire() {
    let redis = Redis::start();
    // Trimming is approximate: Redis removes whole nodes, of 100 entries.
    for _ in 0..250 {
        redis.query(&["XADD", STREAM, "1000-*", "session", "1"]);
    }
    let here = instance(&redis);
    here.revoke([7], now());
    let is_written = || redis.query(&["XREVRANGE", STREAM, "+", "-", "COUNT", "1"]).ends_with('7');
    eventually("the session is written", is_written).await;
    let length: u32 = redis.query(&["XLEN", STREAM]).parse().unwrap();
    assert!(length <= 100, "{length} entries are left");
    let left: u64 = redis.query(&["TTL", STREAM]).parse().unwrap();
    assert!((1..=LIFETIME.as_secs()).contains(&left), "{left} s are left");
}

#[tokio::test]
async fn revoke_keeps_the_stream_for_at_most_a_year() {
    let redis = Redis::start();
    let here = Revocations::new(Duration::MAX).with_redis(&redis.url(), "test").unwrap();
    here.revoke([7], now());
    let year = 365 * 24 * 60 * 60;
    // -2 means that there is no stream yet, and -1 that it has no expiry yet.
    let left = || redis.query(&["TTL", STREAM]).parse::<i64>().unwrap();
    eventually("the stream expires after a year", || (year - 60..=year).contains(&left())).await;
}

#[tokio::test]
async fn revoke_shares_nothing_with_another_namespace() {
    let redis = Redis::start();
    let here = instance(&redis);
    let other = Revocations::new(LIFETIME).with_redis(&redis.url(), "other").unwrap();
    here.revoke([7], now());
    eventually("the session is written", || redis.query(&["XLEN", STREAM]) != "0").await;
    // The background task reads entries in order. Once the other instance knows session 8, it has
    // also read all earlier entries of its stream.
    let third = Revocations::new(LIFETIME).with_redis(&redis.url(), "other").unwrap();
    third.revoke([8], now());
    eventually("the other instance knows session 8", || other.is_revoked(8, now())).await;
    assert!(!other.is_revoked(7, now()));
}

#[tokio::test]
async fn is_revoked_compares_with_the_time_of_the_entry() {
    let redis = Redis::start();
    let a_minute_ago = format!("{}-0", (now() - 60) * 1_000);
    redis.query(&["XADD", STREAM, &a_minute_ago, "session", "7"]);
    let here = instance(&redis);
    eventually("an old token is revoked", || here.is_revoked(7, now() - 120)).await;
    assert!(!here.is_revoked(7, now() - 40), "a later session with the same id");
}

#[tokio::test]
async fn background_task_skips_entries_of_other_programs() {
    let redis = Redis::start();
    for entry in [["session", "seven"], ["session", ""], ["user", "7"]] {
        redis.query(&["XADD", STREAM, "*", entry[0], entry[1]]);
    }
    redis.query(&["XADD", STREAM, "*", "session", "8"]);
    let here = instance(&redis);
    eventually("the entry after them is read", || here.is_revoked(8, now())).await;
    assert!(!here.is_revoked(7, now()));
    assert_eq!(here.redis_is_healthy(), Some(true));
}

#[tokio::test]
async fn revoke_is_shared_after_an_outage_of_redis() {
    let redis = Redis::start();
    let (here, there) = (instance(&redis), instance(&redis));
    revoke_without_waiting(&here, 1);
    eventually("the first session is shared", || there.is_revoked(1, now())).await;

    let suspended = redis.suspend();
    revoke_without_waiting(&here, 2);
    eventually("the hanging Redis is noticed", || here.redis_is_healthy() == Some(false)).await;
    revoke_without_waiting(&here, 3);
    drop(suspended);
    eventually("both are shared", || there.is_revoked(2, now()) && there.is_revoked(3, now())).await;

    redis.kill();
    eventually("the dead Redis is noticed", || here.redis_is_healthy() == Some(false)).await;
    revoke_without_waiting(&here, 4);
    assert!(here.is_revoked(1, now()) && there.is_revoked(1, now()), "sessions that were read stay known");
    redis.start_again();
    eventually("the fourth session is shared", || there.is_revoked(4, now())).await;
    eventually("Redis is healthy", || here.redis_is_healthy() == Some(true)).await;
}

#[tokio::test]
async fn revoke_keeps_at_most_10_000_sessions_for_redis() {
    let redis = Redis::start();
    let here = instance(&redis);
    redis.kill();
    here.revoke(1..=15_000, now());
    eventually("the dead Redis is noticed", || here.redis_is_healthy() == Some(false)).await;
    redis.start_again();
    let last = || redis.query(&["XREVRANGE", STREAM, "+", "-", "COUNT", "1"]);
    eventually("the newest session is written", || last().ends_with("15000")).await;
    let first = redis.query(&["XRANGE", STREAM, "-", "+", "COUNT", "1"]);
    assert!(first.ends_with("5001"), "{first}");
    assert!(here.is_revoked(1, now()), "this instance knows the dropped ones too");
}

#[tokio::test]
async fn background_task_retries_a_refused_login() {
    let redis = Redis::start();
    redis.query(&["CONFIG", "SET", "requirepass", "before"]);
    let here = instance_at(&redis.url().replace("127.0.0.1", ":after@127.0.0.1"));
    eventually("the login is refused", || here.redis_is_healthy() == Some(false)).await;
    redis.query(&["-a", "before", "--no-auth-warning", "CONFIG", "SET", "requirepass", "after"]);
    eventually("the login succeeds", || here.redis_is_healthy() == Some(true)).await;
}
