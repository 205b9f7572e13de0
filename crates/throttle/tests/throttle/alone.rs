//! One process.

use std::time::Duration;

use daybook_throttle::{Quota, Throttle};
use proptest::prelude::*;

use crate::{NOW, SECOND, bucket, refusal};

#[tokio::test]
async fn as_many_at_once_and_then_one_by_one() {
    let throttle = Throttle::new();
    let door = [bucket("door", "ada", "3/30s")];
    for _ in 0..3 {
        assert_eq!(throttle.take(&door, NOW).await, Ok(()));
    }
    let refused = refusal(throttle.take(&door, NOW).await);
    assert_eq!((refused.bucket, refused.quota), ("door", door[0].quota));
    assert_eq!((refused.retry_after, refused.reset), (Duration::from_secs(10), Duration::from_secs(30)));
    let early = refusal(throttle.take(&door, NOW + 10 * SECOND - 1).await);
    assert_eq!(early.retry_after, Duration::from_micros(1));
    assert_eq!(throttle.take(&door, NOW + 10 * SECOND).await, Ok(()));
    let _ = refusal(throttle.take(&door, NOW + 10 * SECOND).await);
    // After a period without any it is whole, and not more than that.
    for _ in 0..3 {
        assert_eq!(throttle.take(&door, NOW + 1_000 * SECOND).await, Ok(()));
    }
    let _ = refusal(throttle.take(&door, NOW + 1_000 * SECOND).await);
}

#[tokio::test]
async fn from_all_buckets_or_from_none() {
    let throttle = Throttle::new();
    let (one, two) = (bucket("account", "ada", "1/10m"), bucket("address", "here", "3/10m"));
    assert_eq!(throttle.take(&[one, two], NOW).await, Ok(()));
    for _ in 0..5 {
        assert_eq!(refusal(throttle.take(&[one, two], NOW).await).bucket, "account");
    }
    let other = bucket("account", "bob", "1/10m");
    assert_eq!(throttle.take(&[other, two], NOW).await, Ok(()));
    assert_eq!(throttle.take(&[two], NOW).await, Ok(()));
    assert_eq!(refusal(throttle.take(&[two], NOW).await).bucket, "address");
    assert_eq!(refusal(throttle.take(&[two, one], NOW).await).bucket, "account", "the longer wait is told");
}

#[tokio::test]
async fn names_and_keys_tell_buckets_apart() {
    let throttle = Throttle::new();
    for (name, key) in [("a", "b"), ("a", "c"), ("ab", ""), ("", "ab"), ("a", "")] {
        assert_eq!(throttle.take(&[bucket(name, key, "1/1s")], NOW).await, Ok(()), "{name} {key}");
    }
}

#[tokio::test]
async fn what_is_given_back_can_be_taken_again() {
    let throttle = Throttle::new();
    let door = bucket("door", "ada", "2/10m");
    throttle.give_back(&door, NOW).await;
    for _ in 0..2 {
        assert_eq!(throttle.take(&[door], NOW).await, Ok(()));
    }
    let _ = refusal(throttle.take(&[door], NOW).await);
    throttle.give_back(&door, NOW).await;
    assert_eq!(throttle.take(&[door], NOW).await, Ok(()));
    let _ = refusal(throttle.take(&[door], NOW).await);
    throttle.reset(&door).await;
    for _ in 0..2 {
        assert_eq!(throttle.take(&[door], NOW).await, Ok(()));
    }
    let _ = refusal(throttle.take(&[door], NOW).await);
}

#[tokio::test]
async fn the_first_refusal_of_many_is_told() {
    let throttle = Throttle::new();
    let door = [bucket("door", "ada", "1/10s")];
    for round in 0..3 {
        let now = NOW + round * 10 * SECOND;
        assert_eq!(throttle.take(&door, now).await, Ok(()));
        assert!(refusal(throttle.take(&door, now).await).first);
        for _ in 0..5 {
            assert!(!refusal(throttle.take(&door, now).await).first);
        }
    }
}

proptest! {
    /// Against the definition: of all windows of time, none has more than the limit and what came back within it.
    #[test]
    fn no_window_has_more_than_its_share(limit in 1_u32..20, gaps in prop::collection::vec(0_i64..3 * SECOND, 1..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let quota = Quota::new(limit, Duration::from_secs(10)).unwrap();
            let interval = i64::try_from((10 * SECOND).unsigned_abs().div_ceil(u64::from(limit))).unwrap();
            let throttle = Throttle::new();
            let door = [daybook_throttle::Bucket { name: "door", key: "ada", quota }];
            let (mut now, mut admitted) = (NOW, Vec::new());
            for gap in gaps {
                now += gap;
                let share = |from: i64| i64::from(limit) + (now - from) / interval;
                let fits = admitted.iter().enumerate().all(|(index, from)| {
                    i64::try_from(admitted.len() - index).unwrap() < share(*from)
                });
                let decision = throttle.take(&door, now).await;
                prop_assert_eq!(decision == Ok(()), fits);
                if fits {
                    admitted.push(now);
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_the_quota_says() {
    let throttle = Throttle::new();
    for _ in 0..10 {
        assert_eq!(throttle.take(&[bucket("door", "ada", "10/24h")], NOW).await, Ok(()));
    }
    // Whether the quota was lowered, or the clock goes back as far as it can.
    for now in [NOW, NOW - 3_600 * SECOND, i64::MIN] {
        let refused = refusal(throttle.take(&[bucket("door", "ada", "10/10m")], now).await);
        assert_eq!((refused.retry_after.as_secs(), refused.reset.as_secs()), (60, 600), "{now}");
    }
    assert_eq!(throttle.take(&[bucket("door", "ada", "10/10m")], i64::MAX).await, Ok(()));
}

#[tokio::test]
async fn no_more_come_back_than_the_quota_says() {
    // A second has no whole number of microseconds for each of these.
    for quota in ["7/1s", "600000/1s"] {
        let throttle = Throttle::new();
        let door = [bucket("door", "ada", quota)];
        let limit = door[0].quota.limit();
        let mut admitted = 0;
        for micros in (0..2 * limit).map(|take| i64::from(take) * SECOND / i64::from(2 * limit)) {
            admitted += u32::from(throttle.take(&door, NOW + micros).await == Ok(()));
        }
        assert!((limit..2 * limit).contains(&admitted), "{quota}: {admitted}");
    }
}

#[tokio::test]
async fn a_part_of_a_microsecond_is_waited_for() {
    let throttle = Throttle::new();
    let door = [bucket("door", "ada", "3/10s")];
    for _ in 0..3 {
        assert_eq!(throttle.take(&door, NOW).await, Ok(()));
    }
    // A third of ten seconds is 3,333,333⅓ µs.
    assert!(throttle.take(&door, NOW + 3_333_333).await.is_err());
    assert_eq!(throttle.take(&door, NOW + 3_333_334).await, Ok(()));
}
