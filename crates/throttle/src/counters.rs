//! The counters of this process.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::Bucket;

/// Counters that are kept. Their table has twice as many places, of 33 bytes each: some 4 MB, and while it grows half as much again.
pub(crate) const CAPACITY: usize = 65_536;

/// Counters by a hash of their names and keys, which is drawn anew for each process: nobody can make two of them meet, and what
/// clients send does not decide how much memory they take.
pub(crate) struct Counters {
    // A take holds it for a fraction of a microsecond.
    states: Mutex<HashMap<u64, State>>,
    hasher: RandomState,
}

/// One counter.
#[derive(Clone, Copy)]
struct State {
    /// The theoretical arrival time, in microseconds: until then, something of the quota is used up.
    arrival: i64,
    /// How much may be used up, in microseconds.
    tolerance: i64,
    /// Whether it has refused since it last admitted.
    refuses: bool,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self { states: Mutex::default(), hasher: RandomState::new() }
    }

    /// Takes one from each bucket or from none: how much of each is used up afterwards, in microseconds, the one that refuses, and
    /// whether that one has not refused before.
    pub(crate) fn take(&self, buckets: &[Bucket<'_>], now: i64) -> (Vec<i64>, Option<usize>, bool) {
        let mut states = self.states();
        // More than all of it is used up only where the clock went back or the quota was lowered; neither may refuse for longer.
        let used = |bucket: &Bucket<'_>| {
            let state = states.get(&self.id(bucket));
            state.map_or(0, |state| state.arrival.saturating_sub(now).clamp(0, bucket.quota.tolerance()))
        };
        let mut used: Vec<i64> = buckets.iter().map(used).collect();
        let refuses = refusing(buckets, &used);
        if refuses.is_none() {
            used.iter_mut().zip(buckets).for_each(|(used, bucket)| *used += bucket.quota.interval());
        }
        let first = self.store(&mut states, buckets, &used, refuses, now);
        (used, refuses, first)
    }

    /// Takes over what somebody else has counted; tells whether the bucket that refuses has not refused before.
    pub(crate) fn follow(
        &self,
        buckets: &[Bucket<'_>],
        used: &[i64],
        refuses: Option<usize>,
        now: i64,
    ) -> bool {
        self.store(&mut self.states(), buckets, used, refuses, now)
    }

    fn store(
        &self,
        states: &mut HashMap<u64, State>,
        buckets: &[Bucket<'_>],
        used: &[i64],
        refuses: Option<usize>,
        now: i64,
    ) -> bool {
        let mut first = false;
        for (index, (bucket, used)) in buckets.iter().zip(used).enumerate() {
            let id = self.id(bucket);
            if states.len() >= CAPACITY && !states.contains_key(&id) {
                make_room(states, now);
            }
            let state = states.entry(id).or_insert(State { arrival: 0, tolerance: 0, refuses: false });
            state.arrival = now.saturating_add(*used);
            state.tolerance = bucket.quota.tolerance();
            match refuses {
                None => state.refuses = false,
                Some(refusing) if refusing == index => first = !std::mem::replace(&mut state.refuses, true),
                Some(_) => {}
            }
        }
        first
    }

    /// Gives one back.
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

    /// Gives all back.
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

/// The bucket that has to wait longest before it admits one more, if any has to wait.
fn refusing(buckets: &[Bucket<'_>], used: &[i64]) -> Option<usize> {
    let waits = buckets.iter().zip(used).map(|(bucket, used)| wait(bucket, *used));
    let longest = waits.enumerate().max_by_key(|(_, wait)| *wait);
    longest.filter(|(_, wait)| *wait > 0).map(|(index, _)| index)
}

/// The microseconds after which a bucket of which that much is used up admits one.
pub(crate) fn wait(bucket: &Bucket<'_>, used: i64) -> i64 {
    used + bucket.quota.interval() - bucket.quota.tolerance()
}

/// Forgets counters that are whole again, and if that is not enough, those that are used up least: a flood of new keys must not free
/// one that refuses. Only where more than 15 of 16 refuse, one of them can go. Going through all for every 4,096 new ones costs each of
/// these a fraction of a microsecond.
fn make_room(states: &mut HashMap<u64, State>, now: i64) {
    states.retain(|_, state| state.arrival > now);
    if states.len() < CAPACITY {
        return;
    }
    let level = |state: &State| {
        let used = i128::from(state.arrival.saturating_sub(now));
        // In millionths, so that buckets of different periods can be compared.
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
    fn memory_is_bounded_and_a_flood_frees_nobody() {
        let counters = Counters::new();
        let quota = "10/10m".parse().unwrap();
        let take = |key: &str| {
            let bucket = [Bucket { name: "account", key, quota }];
            let (_, refuses, _) = counters.take(&bucket, 0);
            refuses.is_none()
        };
        assert_eq!((0..12).filter(|_| take("victim")).count(), 10);
        for key in 0..1_000_000 {
            assert!(take(&key.to_string()));
        }
        assert!(counters.len() <= CAPACITY, "{}", counters.len());
        assert!(!take("victim"));
    }
}
