//! The counters of this process.
//!
//! Own code: `governor` cannot take from several buckets at once, give a unit back, or copy the
//! counters of Redis.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Bucket;
use crate::decision::Decision;

/// The maximum number of counters. Their table has 131,072 slots of 33 bytes. That is 4 MB, and 6
/// MB while the table grows.
pub(crate) const CAPACITY: usize = 65_536;

/// Counters by a hash of their names and keys.
///
/// The hash key is random for each process, so a client cannot choose keys that collide. Long keys
/// take no more memory than short ones.
pub(crate) struct LocalCounters {
    // A take holds this lock for a fraction of a microsecond.
    states: Mutex<HashMap<u64, State>>,
    hasher: RandomState,
}

/// One counter.
#[derive(Clone, Copy)]
struct State {
    /// GCRA's theoretical arrival time, in microseconds: when the bucket is full again.
    arrival: i64,
    /// The microseconds used when the whole quota is used.
    tolerance: i64,
    /// True if the bucket has refused a take since it last admitted one.
    refuses: bool,
}

impl LocalCounters {
    pub(crate) fn new() -> Self {
        Self { states: Mutex::default(), hasher: RandomState::new() }
    }

    /// Takes one unit from each bucket, or from none. Returns the decision, and true if this is the
    /// first refusal since the bucket last admitted a take.
    pub(crate) fn take(&self, buckets: &[Bucket<'_>], now: i64) -> (Decision, bool) {
        let mut states = self.states();
        // The clamp matters if the clock goes back or the quota was lowered. In both cases the wait
        // must not be longer than the period.
        let used = |bucket: &Bucket<'_>| {
            let state = states.get(&self.id(bucket));
            state.map_or(0, |state| state.arrival.saturating_sub(now).clamp(0, bucket.quota.tolerance()))
        };
        let decision = Decision::of(buckets, buckets.iter().map(used).collect());
        let first = self.store(&mut states, buckets, &decision, now);
        (decision, first)
    }

    /// Stores a decision of Redis. Returns true if it is the first refusal since the bucket last
    /// admitted a take.
    pub(crate) fn follow(&self, buckets: &[Bucket<'_>], decision: &Decision, now: i64) -> bool {
        self.store(&mut self.states(), buckets, decision, now)
    }

    fn store(
        &self,
        states: &mut HashMap<u64, State>,
        buckets: &[Bucket<'_>],
        decision: &Decision,
        now: i64,
    ) -> bool {
        let mut first = false;
        for (index, (bucket, used)) in buckets.iter().zip(&decision.used).enumerate() {
            let id = self.id(bucket);
            if states.len() >= CAPACITY && !states.contains_key(&id) {
                evict(states, now);
            }
            let state = states.entry(id).or_insert(State { arrival: 0, tolerance: 0, refuses: false });
            state.arrival = now.saturating_add(*used);
            state.tolerance = bucket.quota.tolerance();
            match decision.refused_by {
                None => state.refuses = false,
                Some(refusing) if refusing == index => first = !std::mem::replace(&mut state.refuses, true),
                Some(_) => {}
            }
        }
        first
    }

    /// Gives one unit back to a bucket.
    pub(crate) fn give_back(&self, bucket: &Bucket<'_>, now: i64) {
        let mut states = self.states();
        let id = self.id(bucket);
        if let Some(state) = states.get_mut(&id) {
            state.arrival = state.arrival.saturating_sub(bucket.quota.interval());
            if state.arrival <= now {
                states.remove(&id);
            }
        }
    }

    /// Gives all units back to a bucket.
    pub(crate) fn reset(&self, bucket: &Bucket<'_>) {
        self.states().remove(&self.id(bucket));
    }

    fn id(&self, bucket: &Bucket<'_>) -> u64 {
        self.hasher.hash_one((bucket.name, bucket.key))
    }

    fn states(&self) -> MutexGuard<'_, HashMap<u64, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.states().len()
    }
}

/// Removes the counters of all full buckets. If there are none, removes the least used sixteenth of
/// the counters.
///
/// A flood of new keys therefore does not reset a bucket that is used up, unless more than 15 of 16
/// counters are. One eviction makes room for 4,096 new counters, so the cost for each of them is a
/// fraction of a microsecond.
fn evict(states: &mut HashMap<u64, State>, now: i64) {
    states.retain(|_, state| state.arrival > now);
    if states.len() < CAPACITY {
        return;
    }
    let level = |state: &State| {
        let used = i128::from(state.arrival.saturating_sub(now));
        // In millionths of the quota, so that buckets with different periods can be compared.
        (used * 1_000_000 / i128::from(state.tolerance.max(1)), state.refuses)
    };
    let mut levels: Vec<_> = states.iter().map(|(id, state)| (level(state), *id)).collect();
    let least = levels.len() / 16;
    levels.select_nth_unstable(least);
    for (_, id) in &levels[..least] {
        states.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn take_bounds_memory_and_keeps_a_refusing_bucket_in_a_flood() {
        let counters = LocalCounters::new();
        let quota = "10/10m".parse().unwrap();
        let take = |key: &str| {
            let bucket = [Bucket { name: "account", key, quota }];
            let (decision, _) = counters.take(&bucket, 0);
            decision.refused_by.is_none()
        };
        assert_eq!((0..12).filter(|_| take("victim")).count(), 10);
        for key in 0..1_000_000 {
            assert!(take(&key.to_string()));
        }
        assert!(counters.len() <= CAPACITY, "{}", counters.len());
        assert!(!take("victim"));
    }

    /// Returns as many counters as there may be. `of` gives the arrival and the tolerance of each.
    fn counters(of: fn(u64) -> (i64, i64)) -> HashMap<u64, State> {
        let state = |(arrival, tolerance)| State { arrival, tolerance, refuses: false };
        (0..CAPACITY as u64).map(|id| (id, state(of(id)))).collect()
    }

    #[test]
    fn evict_removes_only_the_full_buckets_if_there_are_any() {
        let mut states = counters(|id| (1_000 + (id % 2) as i64, 100));
        evict(&mut states, 1_000);
        assert_eq!(states.len(), CAPACITY / 2);
        assert!(states.values().all(|state| state.arrival == 1_001));
    }

    #[test]
    fn evict_removes_the_sixteenth_that_has_used_the_least_of_its_quota() {
        let long_period = |id: u64| if id.is_multiple_of(16) { (1_100, 1_000) } else { (1_020, 100) };
        let short_period = |id: u64| if id.is_multiple_of(16) { (1_001, 10) } else { (1_200, 1_000) };
        for mut states in [counters(long_period), counters(short_period)] {
            evict(&mut states, 1_000);
            assert_eq!(states.len(), CAPACITY / 16 * 15);
            assert!(states.keys().all(|id| !id.is_multiple_of(16)));
        }
    }

    #[test]
    fn take_reports_the_first_refusal_of_each_bucket() {
        let counters = LocalCounters::new();
        let bucket = |key| Bucket { name: "account", key, quota: "1/10m".parse().unwrap() };
        let (ada, bob) = (bucket("ada"), bucket("bob"));
        let take = |buckets: &[Bucket<'_>]| {
            let (decision, first) = counters.take(buckets, 0);
            (decision.refused_by, first)
        };
        assert_eq!(take(&[ada, bob]), (None, false));
        assert_eq!(take(&[ada, bob]), (Some(1), true));
        assert_eq!(take(&[ada, bob]), (Some(1), false));
        assert_eq!(take(&[ada]), (Some(0), true));
    }
}
