//! The sessions that have ended, as far as this process knows.

use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// The maximum number of sessions, in about 10 MB. Above it, the oldest ones are evicted.
const CAPACITY: u64 = 100_000;

/// The seconds by which the clocks of instances and of Redis may differ.
const CLOCK_SKEW_SECONDS: i64 = 10;

/// Ended sessions, and the Unix second at which each of them ended. Clones share the sessions.
#[derive(Clone)]
pub(crate) struct EndedSessionCache(Cache<i64, i64>);

impl EndedSessionCache {
    /// Returns an empty set. It forgets each session after `lifetime`.
    pub(crate) fn new(lifetime: Duration) -> Self {
        let cache = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(lifetime)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self(cache)
    }

    pub(crate) fn insert(&self, session: i64, ended_at: i64) {
        self.0.insert(session, ended_at);
    }

    /// Returns true if the session is known to have ended after the token was issued.
    pub(crate) fn contains(&self, session: i64, issued_at: i64) -> bool {
        self.0.get(&session).is_some_and(|ended_at| issued_at <= ended_at.saturating_add(CLOCK_SKEW_SECONDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insert_bounds_memory_and_keeps_the_newest() {
        let ended = EndedSessionCache::new(Duration::from_secs(60));
        for session in 0..250_000 {
            ended.insert(session, 0);
        }
        ended.0.run_pending_tasks();
        assert!(ended.0.entry_count() <= CAPACITY, "{}", ended.0.entry_count());
        assert!(!ended.contains(0, 0));
        assert!(ended.contains(249_999, 0));
    }
}
