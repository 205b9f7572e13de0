//! Caches of outcomes: successes for a long time, failures briefly.

use std::borrow::Borrow;
use std::hash::Hash;
use std::pin::pin;
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

/// Outcomes by key. With [`get_or_fetch`], concurrent callers with one key share one fetch (single
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

/// Returns the cached outcome, or waits for the fetch of another caller with this key. Otherwise
/// awaits `admit` and then `fetch`, and caches the outcome.
///
/// # Errors
///
/// The error of `admit`. It is neither cached nor shared: another caller that waited for this fetch
/// awaits its own `admit` and `fetch`.
pub(crate) async fn get_or_fetch<K, Q, T, R>(
    cache: &Cache<K, T>,
    key: &Q,
    admit: impl Future<Output = Result<(), R>>,
    fetch: impl Future<Output = Result<T, Error>>,
) -> Result<Result<T, Error>, R>
where
    K: Borrow<Q> + Eq + Hash + Send + Sync + 'static,
    Q: ToOwned<Owned = K> + Eq + Hash + ?Sized,
    T: Clone + Send + Sync + 'static,
{
    let (mut admit, mut fetch) = (pin!(admit), pin!(fetch));
    loop {
        let mut refusal = None;
        let admit_and_fetch = async {
            match admit.as_mut().await {
                Ok(()) => Some(fetch.as_mut().await),
                Err(refused) => {
                    refusal = Some(refused);
                    None
                }
            }
        };
        if let Some(outcome) = cache.optionally_get_with_by_ref(key, admit_and_fetch).await {
            return Ok(outcome);
        }
        // Otherwise it was the other caller who was not admitted.
        if let Some(refused) = refusal {
            return Err(refused);
        }
    }
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
            // No request was sent, so there is nothing to remember.
            Err(Error::Paused { .. }) => Duration::ZERO,
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
