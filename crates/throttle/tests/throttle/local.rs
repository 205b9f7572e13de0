//! Rate limits with the counters of one process.

use std::time::Duration;

use daybook_throttle::{Quota, Throttle};
use proptest::prelude::*;

use crate::{NOW, SECOND, bucket, refusal};

#[tokio::test]
async fn take_admits_a_burst_and_then_one_per_interval() {
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
    // After a long time without takes the bucket is full, and contains no more than the limit.
    for _ in 0..3 {
        assert_eq!(throttle.take(&door, NOW + 1_000 * SECOND).await, Ok(()));
    }
    let _ = refusal(throttle.take(&door, NOW + 1_000 * SECOND).await);
}

#[tokio::test]
async fn take_takes_from_all_buckets_or_from_none() {
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
    assert_eq!(
        refusal(throttle.take(&[two, one], NOW).await).bucket,
        "account",
        "the longer wait is reported"
    );
}

#[tokio::test]
async fn take_distinguishes_buckets_by_name_and_key() {
    let throttle = Throttle::new();
    for (name, key) in [("a", "b"), ("a", "c"), ("ab", ""), ("", "ab"), ("a", "")] {
        assert_eq!(throttle.take(&[bucket(name, key, "1/1s")], NOW).await, Ok(()), "{name} {key}");
    }
}

#[tokio::test]
async fn give_back_and_reset_return_units() {
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
async fn take_marks_the_first_of_many_refusals() {
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
    /// Checks the definition: the takes admitted in any time window are at most the limit plus the
    /// units that came back in that window.
    #[test]
    fn take_admits_at_most_the_limit_in_any_window(
        limit in 1_u32..20,
        gaps in prop::collection::vec(0_i64..3 * SECOND, 1..200),
    ) {
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
async fn take_never_reports_a_wait_longer_than_the_period() {
    let throttle = Throttle::new();
    for _ in 0..10 {
        assert_eq!(throttle.take(&[bucket("door", "ada", "10/24h")], NOW).await, Ok(()));
    }
    // The quota is lowered, and then the clock goes back as far as it can.
    for now in [NOW, NOW - 3_600 * SECOND, i64::MIN] {
        let refused = refusal(throttle.take(&[bucket("door", "ada", "10/10m")], now).await);
        assert_eq!((refused.retry_after.as_secs(), refused.reset.as_secs()), (60, 600), "{now}");
    }
    assert_eq!(throttle.take(&[bucket("door", "ada", "10/10m")], i64::MAX).await, Ok(()));
}

#[tokio::test]
async fn take_admits_less_than_twice_the_limit_in_the_first_period() {
    // The interval of these quotas is not a whole number of microseconds.
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
async fn take_rounds_the_interval_up() {
    let throttle = Throttle::new();
    let door = [bucket("door", "ada", "3/10s")];
    for _ in 0..3 {
        assert_eq!(throttle.take(&door, NOW).await, Ok(()));
    }
    // A third of ten seconds is 3,333,333⅓ µs.
    assert!(throttle.take(&door, NOW + 3_333_333).await.is_err());
    assert_eq!(throttle.take(&door, NOW + 3_333_334).await, Ok(()));
}
