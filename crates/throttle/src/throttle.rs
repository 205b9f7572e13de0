//! Rate limits over several buckets. The counters are local, and optionally shared through Redis.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "redis")]
use crate::error::Error;
use crate::local::LocalCounters;
use crate::shared::SharedCounters;
use crate::{Bucket, Quota};

/// A rate limiter. Clones share all counters.
///
/// The caller passes the time as microseconds since any fixed instant, for example the Unix epoch.
/// If the clock goes back, the throttle is stricter for at most one period.
///
/// # With Redis
///
/// Redis decides, with its own clock and for all instances at once. This process copies each
/// decision into its own counters, and uses these while Redis does not answer. A take waits for
/// Redis for at most 150 ms. After a failure, only one take per second tries Redis again.
///
/// # Cancellation
///
/// If the future of a take is dropped, the take may or may not count. The counters stay consistent
/// either way.
#[derive(Clone)]
pub struct Throttle {
    local: Arc<LocalCounters>,
    shared: Option<Arc<SharedCounters>>,
}

/// A rate limit was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bucket} is used up for {} s", retry_after.as_secs_f64().ceil())]
pub struct Refusal {
    /// The name of the bucket that refused. If several refused, the one with the longest wait.
    pub bucket: &'static str,
    /// The quota of that bucket.
    pub quota: Quota,
    /// The time until the bucket admits the next take.
    pub retry_after: Duration,
    /// The time until the bucket is full again.
    pub reset: Duration,
    /// True if this is the first refusal since the bucket last admitted a take. A caller that logs
    /// only first refusals writes one line for a flood. Each instance counts its own first refusal.
    pub first: bool,
}

impl Throttle {
    /// Returns a throttle that counts in this process only.
    ///
    /// It keeps at most 65,536 counters in about 4 MB. Above that, it evicts the least used ones.
    #[must_use]
    pub fn new() -> Self {
        Self { local: Arc::new(LocalCounters::new()), shared: None }
    }

    /// Shares the counters with all instances that use the same Redis and the same prefix.
    ///
    /// The first take connects, so the Redis server may start later. The connection lives on the
    /// caller's Tokio runtime, which must outlive the throttle.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] if the URL is not a Redis URL, or disables the verification of certificates.
    /// [`Error::Runtime`] if the caller is outside a Tokio runtime.
    #[cfg(feature = "redis")]
    pub fn with_redis(self, url: &str, prefix: &str) -> Result<Self, Error> {
        Ok(Self { shared: Some(Arc::new(SharedCounters::new(url, prefix)?)), ..self })
    }

    /// Takes one unit from each bucket, or from none.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if a bucket is used up.
    pub async fn take(&self, buckets: &[Bucket<'_>], now: i64) -> Result<(), Refusal> {
        let shared = match &self.shared {
            Some(shared) => shared.take(buckets).await,
            None => None,
        };
        let (decision, first) = match shared {
            Some(decision) => {
                let first = self.local.follow(buckets, &decision, now);
                (decision, first)
            }
            None => self.local.take(buckets, now),
        };
        let Some(index) = decision.refused_by else { return Ok(()) };
        let (bucket, used) = (&buckets[index], decision.used[index]);
        Err(Refusal {
            bucket: bucket.name,
            quota: bucket.quota,
            retry_after: micros(bucket.quota.wait(used)),
            reset: micros(used),
            first,
        })
    }

    /// Gives one unit back to a bucket, for example if a take should not count after all.
    pub async fn give_back(&self, bucket: &Bucket<'_>, now: i64) {
        self.local.give_back(bucket, now);
        if let Some(shared) = &self.shared {
            shared.give_back(bucket).await;
        }
    }

    /// Gives all units back to a bucket.
    pub async fn reset(&self, bucket: &Bucket<'_>) {
        self.local.reset(bucket);
        if let Some(shared) = &self.shared {
            shared.reset(bucket).await;
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
        f.debug_struct("Throttle").field("shared", &self.shared.is_some()).finish_non_exhaustive()
    }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
