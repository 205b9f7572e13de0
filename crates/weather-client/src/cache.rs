//! Caches of outcomes: successes for a long time, failures briefly.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;

use crate::error::Error;
use crate::forecast::Forecast;
use crate::geocoding::Place;

/// Short, because the geocoder's data may soon contain the place.
const UNKNOWN_PLACE_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Longer than the default timeout. If Open-Meteo hangs, callers get the cached timeout at once and
/// do not wait for their own. It is also short enough that users hardly notice it after a recovery.
const FAILURE_LIFETIME: Duration = Duration::from_secs(5);

/// The maximum effect of `Retry-After`. Open-Meteo counts requests per minute.
const FAILURE_LIFETIME_MAX: Duration = Duration::from_secs(60);

/// A forecast of the morning is still useful at noon, but not on the next day.
const STALE_LIFETIME: Duration = Duration::from_secs(6 * 60 * 60);

/// Outcomes by key. With `get_with`, concurrent callers with one key share one fetch (single
/// flight).
///
/// Moka prefers keys that are requested often. A flood of invented names therefore does not evict
/// the places in use.
pub(crate) type Cache<K, T> = moka::future::Cache<K, Result<T, Error>>;

/// Returns a cache of search results. The capacity limits the number of places, not of names.
pub(crate) fn places(capacity: u64, lifetime: Duration) -> Cache<String, Arc<[Place]>> {
    let weight = |_: &String, found: &Result<Arc<[Place]>, Error>| {
        found.as_ref().map_or(1, |places| u32::try_from(places.len()).unwrap_or(u32::MAX))
    };
    Cache::builder()
        .max_capacity(capacity)
        .weigher(weight)
        .expire_after(OutcomeExpiry { success: lifetime })
        .build()
}

/// Returns a cache of forecasts.
pub(crate) fn forecasts(capacity: u64, lifetime: Duration) -> Cache<[u64; 2], Arc<Forecast>> {
    Cache::builder().max_capacity(capacity).expire_after(OutcomeExpiry { success: lifetime }).build()
}

/// Returns a cache of the last successful forecasts.
pub(crate) fn stale_forecasts(capacity: u64) -> moka::future::Cache<[u64; 2], Arc<Forecast>> {
    moka::future::Cache::builder().max_capacity(capacity).time_to_live(STALE_LIFETIME).build()
}

/// Sets the lifetime of an entry by its outcome.
struct OutcomeExpiry {
    success: Duration,
}

impl OutcomeExpiry {
    fn lifetime<T>(&self, outcome: &Result<T, Error>) -> Duration {
        match outcome {
            Ok(_) => self.success,
            Err(Error::UnknownPlace) => UNKNOWN_PLACE_LIFETIME,
            Err(Error::Unavailable { retry_after: Some(wait), .. }) => {
                (*wait).clamp(FAILURE_LIFETIME, FAILURE_LIFETIME_MAX)
            }
            Err(_) => FAILURE_LIFETIME,
        }
    }
}

impl<K, T> Expiry<K, Result<T, Error>> for OutcomeExpiry {
    fn expire_after_create(&self, _: &K, outcome: &Result<T, Error>, _: Instant) -> Option<Duration> {
        Some(self.lifetime(outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUCCESS: Duration = Duration::from_secs(600);

    fn unavailable(seconds: Option<u64>) -> Error {
        Error::Unavailable { status: 429, retry_after: seconds.map(Duration::from_secs) }
    }

    fn lifetime(outcome: &Result<(), Error>) -> Option<Duration> {
        OutcomeExpiry { success: SUCCESS }.expire_after_create(&(), outcome, Instant::now())
    }

    #[test]
    fn lifetime_depends_on_the_outcome() {
        assert_eq!(lifetime(&Ok(())), Some(SUCCESS));
        assert_eq!(lifetime(&Err(Error::UnknownPlace)), Some(Duration::from_secs(300)));
        assert_eq!(lifetime(&Err(Error::Timeout)), Some(Duration::from_secs(5)));
        assert_eq!(lifetime(&Err(unavailable(None))), Some(Duration::from_secs(5)));
    }

    #[test]
    fn lifetime_follows_retry_after_from_five_seconds_to_a_minute() {
        assert_eq!(lifetime(&Err(unavailable(Some(0)))), Some(Duration::from_secs(5)));
        assert_eq!(lifetime(&Err(unavailable(Some(30)))), Some(Duration::from_secs(30)));
        assert_eq!(lifetime(&Err(unavailable(Some(u64::MAX)))), Some(Duration::from_secs(60)));
    }

    #[tokio::test]
    async fn insert_over_an_expired_entry_sets_a_new_lifetime() {
        let expiry = OutcomeExpiry { success: Duration::ZERO };
        let cache = Cache::builder().expire_after(expiry).max_capacity(10).build();
        // The first entry expires at once, but moka has not removed it yet. The second one must
        // count as a creation, because `expire_after_update` is not implemented.
        cache.insert("paris", Ok(())).await;
        cache.insert("paris", Err(Error::UnknownPlace)).await;
        assert!(matches!(cache.get("paris").await, Some(Err(Error::UnknownPlace))));
    }
}
