//! Rate limits that several instances share through a real Redis.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use std::{io, thread};

use daybook_test_servers::{Redis, free_port};
use daybook_throttle::{Bucket, Error, Throttle};
use futures_util::FutureExt;

use crate::{NOW, bucket, refusal};

/// Longer than the 150 ms for which a take may wait for Redis, because a busy machine is slower.
const LONGEST: Duration = Duration::from_millis(500);

fn instance(redis: &Redis) -> Throttle {
    Throttle::new().with_redis(&redis.url(), "test").unwrap()
}

async fn admitted(throttle: &Throttle, bucket: Bucket<'_>, times: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..times {
        let began = Instant::now();
        admitted += usize::from(throttle.take(&[bucket], NOW).await == Ok(()));
        assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
    }
    admitted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn take_is_exact_over_instances() {
    let redis = Redis::start();
    let instances = [instance(&redis), instance(&redis)];
    for round in 0..20 {
        let tasks: Vec<_> = (0..64_i64)
            .map(|task| {
                // The clocks of the callers are hours apart.
                let (throttle, now) = (instances[task as usize % 2].clone(), NOW + task * 3_600_000_000);
                tokio::spawn(async move {
                    let key = round.to_string();
                    let buckets = [bucket("account", &key, "10/10m"), bucket("address", &key, "100/10m")];
                    throttle.take(&buckets, now).await == Ok(())
                })
            })
            .collect();
        let mut admitted = 0;
        for task in tasks {
            admitted += i32::from(task.await.unwrap());
        }
        assert_eq!(admitted, 10);
    }
}

#[tokio::test]
async fn give_back_and_reset_are_shared() {
    let redis = Redis::start();
    let (one, two) = (instance(&redis), instance(&redis));
    let door = bucket("door", "ada", "3/10m");
    assert_eq!(admitted(&one, door, 5).await, 3);
    let refused = refusal(two.take(&[door], NOW).await);
    assert!(refused.first && refused.retry_after > Duration::from_secs(190), "{refused:?}");
    assert!(!refusal(two.take(&[door], NOW).await).first);
    one.give_back(&door, NOW).await;
    assert_eq!(admitted(&two, door, 5).await, 1);
    two.reset(&door).await;
    assert_eq!(admitted(&one, door, 5).await, 3);
}

#[tokio::test]
async fn redis_keys_are_hashed_and_expire() {
    let redis = Redis::start();
    let throttle = instance(&redis);
    let buckets = [bucket("account", "ada@example.com", "10/10m"), bucket("address", "192.0.2.7", "1/1s")];
    assert_eq!(throttle.take(&buckets, NOW).await, Ok(()));
    let keys = redis.query(&["KEYS", "*"]);
    assert_eq!(keys.lines().count(), 2, "{keys}");
    assert!(keys.lines().all(|key| key.starts_with("{test}:")), "{keys}");
    assert!(!keys.contains("ada") && !keys.contains("192.0.2.7"), "{keys}");
    for key in keys.lines() {
        let left: i64 = redis.query(&["PTTL", key]).parse().unwrap();
        assert!((-2..=60_000).contains(&left) && left != -1, "{key} lives for {left} ms");
    }
}

#[tokio::test]
async fn take_counts_locally_while_redis_is_down() {
    let redis = Redis::start();
    let (one, two) = (instance(&redis), instance(&redis));
    let (before, door) = (bucket("door", "before", "5/10m"), bucket("door", "ada", "5/10m"));
    assert_eq!(admitted(&one, before, 3).await, 3);
    redis.kill();
    assert_eq!(admitted(&one, door, 8).await, 5);
    assert_eq!(admitted(&two, door, 8).await, 5);
    assert_eq!(admitted(&one, before, 8).await, 2, "the local counters copy those of Redis");
    redis.start_again();
    for (instance, name) in [(&one, "one"), (&two, "two")] {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !redis.query(&["KEYS", "*"]).contains(&format!(":{name}:")) {
            assert!(Instant::now() < deadline, "{name} does not use Redis again");
            let _ = instance.take(&[bucket(name, "x", "100000/24h")], NOW).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let after = bucket("door", "after", "4/10m");
    assert_eq!(
        admitted(&one, after, 3).await + admitted(&two, after, 3).await,
        4,
        "both instances share the counters again"
    );
}

#[tokio::test]
async fn take_does_not_wait_for_a_redis_that_hangs() {
    let redis = Redis::start();
    let throttle = instance(&redis);
    let door = bucket("door", "ada", "5/10m");
    assert_eq!(admitted(&throttle, door, 2).await, 2);
    let suspended = redis.suspend();
    let began = Instant::now();
    assert_eq!(admitted(&throttle, door, 8).await, 3);
    assert!(began.elapsed() < 2 * LONGEST, "more than one take waited: {:?}", began.elapsed());
    // After the pause, one take tries Redis. Meanwhile, the others still do not wait.
    let take_at_once = || throttle.take(&[door], NOW).now_or_never();
    while take_at_once().is_some() {
        assert!(began.elapsed() < Duration::from_secs(30), "no take tries Redis");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(take_at_once().is_some(), "another take waits for Redis");
    drop(suspended);
    let deadline = Instant::now() + Duration::from_secs(30);
    let fresh = bucket("other", "x", "100000/24h");
    while !redis.query(&["KEYS", "*other*"]).contains("other") {
        assert!(Instant::now() < deadline, "Redis was not used again");
        let _ = throttle.take(&[fresh], NOW).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn take_counts_locally_before_redis_was_ever_up() {
    let url = format!("redis://127.0.0.1:{}", free_port());
    let throttle = Throttle::new().with_redis(&url, "test").unwrap();
    assert_eq!(admitted(&throttle, bucket("door", "ada", "5/10m"), 8).await, 5);
}

#[test]
fn with_redis_fails_outside_a_tokio_runtime() {
    let refused = Throttle::new().with_redis("redis://127.0.0.1:9", "test");
    assert!(matches!(refused, Err(Error::Runtime)));
}

#[tokio::test]
async fn with_redis_rejects_a_bad_url_without_repeating_it() {
    let refused = Throttle::new().with_redis("http://user:canary@host", "test");
    assert!(matches!(refused, Err(Error::Url)));
    assert!(!format!("{refused:?}").contains("canary"));
    let unverified = Throttle::new().with_redis("rediss://127.0.0.1/#insecure", "test");
    assert!(matches!(unverified, Err(Error::Url)), "it could never connect");
    let throttle = Throttle::new().with_redis("redis://user:canary@127.0.0.1:9", "test").unwrap();
    assert!(!format!("{throttle:?}").contains("canary"));
}

#[tokio::test]
async fn take_uses_redis_again_after_a_refused_login() {
    let redis = Redis::start();
    redis.query(&["CONFIG", "SET", "requirepass", "before"]);
    let url = redis.url().replace("127.0.0.1", ":after@127.0.0.1");
    let throttle = Throttle::new().with_redis(&url, "test").unwrap();
    assert_eq!(admitted(&throttle, bucket("door", "ada", "5/10m"), 8).await, 5);
    redis.query(&["-a", "before", "--no-auth-warning", "CONFIG", "SET", "requirepass", "after"]);
    let began = Instant::now();
    while redis.query(&["-a", "after", "--no-auth-warning", "DBSIZE"]) == "0" {
        assert!(began.elapsed() < Duration::from_secs(30), "Redis was not used again");
        admitted(&throttle, bucket("other", "x", "1000/1s"), 1).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn take_uses_a_redis_that_accepts_connections_slowly() {
    let redis = Redis::start();
    let (listener, port) = (TcpListener::bind("127.0.0.1:0").unwrap(), redis.port());
    let url = format!("redis://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        while let Ok((mut from, _)) = listener.accept() {
            thread::sleep(Duration::from_millis(300));
            let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)) else { return };
            let (Ok(mut sent), Ok(mut received)) = (from.try_clone(), to.try_clone()) else { return };
            thread::spawn(move || io::copy(&mut sent, &mut received));
            thread::spawn(move || io::copy(&mut to, &mut from));
        }
    });
    let throttle = Throttle::new().with_redis(&url, "test").unwrap();
    let began = Instant::now();
    while redis.query(&["DBSIZE"]) == "0" {
        assert!(began.elapsed() < Duration::from_secs(30), "Redis was never used");
        admitted(&throttle, bucket("door", "ada", "1000/1s"), 1).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
