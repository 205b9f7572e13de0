//! Outcomes kept for as long as they are worth: answers long, failures briefly.

use std::{
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

use moka::Expiry;

use crate::{Error, Place};

/// A town may be entered into the geocoder's data, and people correct a typing error sooner than that.
const UNKNOWN_PLACE: Duration = Duration::from_secs(5 * 60);

/// After a failure: longer than the deadline, so that a provider that hangs costs a place's callers one wait and not one
/// each; short enough that nobody notices it once the provider is back.
const FAILURE: Duration = Duration::from_secs(5);

/// The longest a provider can have itself left alone by `Retry-After`: the minute over which Open-Meteo counts.
const LONGEST_FAILURE: Duration = Duration::from_secs(60);

/// Outcomes by key. `get_with` lets one caller fetch what is missing while the others wait for it.
pub(crate) type Cache<K, T> = moka::future::Cache<K, Result<T, Error>>;

/// A cache of so many entries that keeps a success for `lifetime`.
///
/// Moka admits by how often a key is asked for, so a flood of made-up names does not push out the places in use.
pub(crate) fn new<K, T>(capacity: u64, lifetime: Duration) -> Cache<K, T>
where
    K: Hash + Eq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(capacity).expire_after(Lifetimes { success: lifetime }).build()
}

/// The same for what names may stand for: it has room for so many places, whatever the names they were found by.
pub(crate) fn of_places(capacity: u64, lifetime: Duration) -> Cache<String, Arc<[Place]>> {
    let weight = |_: &String, found: &Result<Arc<[Place]>, Error>| {
        found.as_ref().map_or(1, |places| u32::try_from(places.len()).unwrap_or(u32::MAX))
    };
    Cache::builder()
        .max_capacity(capacity)
        .weigher(weight)
        .expire_after(Lifetimes { success: lifetime })
        .build()
}

/// A cache of what was good last, for when nothing newer can be had.
pub(crate) fn last_good<K, T>(capacity: u64) -> moka::future::Cache<K, T>
where
    K: Hash + Eq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    moka::future::Cache::builder().max_capacity(capacity).time_to_live(LAST_GOOD).build()
}

/// The weather of this morning says something about that of noon, and nothing about tomorrow's.
const LAST_GOOD: Duration = Duration::from_secs(6 * 60 * 60);

struct Lifetimes {
    success: Duration,
}

impl Lifetimes {
    fn of<T>(&self, outcome: &Result<T, Error>) -> Duration {
        match outcome {
            Ok(_) => self.success,
            Err(Error::UnknownPlace) => UNKNOWN_PLACE,
            Err(Error::Unavailable { retry_after: Some(wait), .. }) => {
                (*wait).clamp(FAILURE, LONGEST_FAILURE)
            }
            Err(_) => FAILURE,
        }
    }
}

impl<K, T> Expiry<K, Result<T, Error>> for Lifetimes {
    fn expire_after_create(&self, _: &K, outcome: &Result<T, Error>, _: Instant) -> Option<Duration> {
        Some(self.of(outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUCCESS: Duration = Duration::from_secs(600);

    fn unavailable(seconds: Option<u64>) -> Error {
        Error::Unavailable { status: 429, retry_after: seconds.map(Duration::from_secs) }
    }

    fn kept(outcome: &Result<(), Error>) -> Option<Duration> {
        Lifetimes { success: SUCCESS }.expire_after_create(&(), outcome, Instant::now())
    }

    #[test]
    fn an_outcome_is_kept_by_its_worth() {
        assert_eq!(kept(&Ok(())), Some(SUCCESS));
        assert_eq!(kept(&Err(Error::UnknownPlace)), Some(Duration::from_secs(300)));
        assert_eq!(kept(&Err(Error::Timeout)), Some(Duration::from_secs(5)));
        assert_eq!(kept(&Err(unavailable(None))), Some(Duration::from_secs(5)));
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_minute() {
        assert_eq!(kept(&Err(unavailable(Some(0)))), Some(Duration::from_secs(5)));
        assert_eq!(kept(&Err(unavailable(Some(30)))), Some(Duration::from_secs(30)));
        assert_eq!(kept(&Err(unavailable(Some(u64::MAX)))), Some(Duration::from_secs(60)));
    }

    #[tokio::test]
    async fn an_entry_that_replaces_an_expired_one_lives_its_own_life() {
        let cache =
            Cache::builder().expire_after(Lifetimes { success: Duration::ZERO }).max_capacity(10).build();
        // Expired at once and not yet swept: what replaces it must count as created, not as an update of it.
        cache.insert("paris", Ok(())).await;
        cache.insert("paris", Err(Error::UnknownPlace)).await;
        assert!(matches!(cache.get("paris").await, Some(Err(Error::UnknownPlace))));
    }
}
