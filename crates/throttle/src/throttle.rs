use std::{fmt, sync::Arc, time::Duration};

use crate::{
    Bucket, Error, Quota,
    counters::{Counters, wait},
    redis::Redis,
};

/// Counts, and says when it is too much. Clones share everything.
///
/// The clock of this process is an argument, in microseconds since any fixed time (1970, say); one that goes back only makes the
/// throttle stricter, for a period at the most.
///
/// # With Redis
///
/// Redis decides, by its own clock and for all instances at once. This process follows what Redis says, so that its own counters,
/// which decide when Redis does not answer, begin where Redis has left off. Whoever asks while Redis does not answer waits 150 ms at
/// the most, and only one in a second does.
///
/// # Cancellation
///
/// A future that is dropped has counted or not; the next one finds everything in order.
#[derive(Clone)]
pub struct Throttle {
    counters: Arc<Counters>,
    redis: Option<Arc<Redis>>,
}

/// What has been used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bucket} is used up for {} s", retry_after.as_secs_f64().ceil())]
pub struct Refusal {
    /// The name of the bucket: of several, the one that has to be waited for longest.
    pub bucket: &'static str,
    /// Its quota.
    pub quota: Quota,
    /// After this time it admits one.
    pub retry_after: Duration,
    /// After this time it is whole again.
    pub reset: Duration,
    /// Whether it has not refused since it last admitted: for who wants to tell of a flood once. Each instance has its own first one.
    pub first: bool,
}

impl Throttle {
    /// Counts in this process alone: 65,536 counters at the most, some 4 MB. When they are more, those that are used up least go first.
    #[must_use]
    pub fn new() -> Self {
        Self { counters: Arc::new(Counters::new()), redis: None }
    }

    /// Shares the counters with all instances that use this Redis with this prefix. Connects when first needed; a server that is down
    /// may come up later.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] when no client can be made of the URL, [`Error::Runtime`] outside of a Tokio runtime, which has to keep the
    /// connection and to outlive the throttle's users.
    pub fn with_redis(self, url: &str, prefix: &str) -> Result<Self, Error> {
        Ok(Self { redis: Some(Arc::new(Redis::new(url, prefix)?)), ..self })
    }

    /// Takes one from each bucket, or from none.
    ///
    /// # Errors
    ///
    /// When one of them refuses.
    pub async fn take(&self, buckets: &[Bucket<'_>], now: i64) -> Result<(), Refusal> {
        let shared = match &self.redis {
            Some(redis) => redis.take(buckets).await,
            None => None,
        };
        let (used, refuses, first) = match shared {
            Some((used, refuses)) => {
                let first = self.counters.follow(buckets, &used, refuses, now);
                (used, refuses, first)
            }
            None => self.counters.take(buckets, now),
        };
        let Some(index) = refuses else { return Ok(()) };
        let (bucket, used) = (&buckets[index], used[index]);
        Err(Refusal {
            bucket: bucket.name,
            quota: bucket.quota,
            retry_after: micros(wait(bucket, used)),
            reset: micros(used),
            first,
        })
    }

    /// Gives one back to a bucket: what was counted turned out not to count.
    pub async fn give_back(&self, bucket: &Bucket<'_>, now: i64) {
        self.counters.give_back(bucket, now);
        if let Some(redis) = &self.redis {
            redis.give_back(bucket).await;
        }
    }

    /// Forgets all that was taken from a bucket.
    pub async fn reset(&self, bucket: &Bucket<'_>) {
        self.counters.reset(bucket);
        if let Some(redis) = &self.redis {
            redis.reset(bucket).await;
        }
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("shared", &self.redis.is_some()).finish_non_exhaustive()
    }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
