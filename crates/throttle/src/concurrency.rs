//! Concurrency limits: how many jobs run at once, for each key and in total.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A concurrency limit for each key and in total. Clones share all permits.
///
/// A key is the owner of permits, for example a user or a network. The limit for each key keeps one
/// owner from taking all permits. Only keys that hold a permit take memory.
pub struct Concurrency<K> {
    held: Arc<Mutex<Held<K>>>,
    per_key: usize,
    total: usize,
}

/// The permits that are held.
struct Held<K> {
    per_key: HashMap<K, usize>,
    total: usize,
}

/// The right to run one job, or to use a part of a resource. Dropping the permit gives it back.
#[must_use = "dropping the permit gives it back"]
pub struct Permit<K: Eq + Hash> {
    held: Arc<Mutex<Held<K>>>,
    key: K,
    units: usize,
}

/// The limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Full {
    /// The key holds the maximum number of permits for one key, which is this number.
    #[error("the concurrency limit of this key is reached")]
    Key(usize),
    /// All keys together hold the maximum number of permits.
    #[error("the total concurrency limit is reached")]
    Total,
}

impl<K: Eq + Hash + Clone> Concurrency<K> {
    /// Returns a limit of `per_key` permits for each key and `total` for all keys together.
    /// `usize::MAX` means unlimited; 0 means that no permit is given.
    #[must_use]
    pub fn new(per_key: usize, total: usize) -> Self {
        let held = Held { per_key: HashMap::new(), total: 0 };
        Self { held: Arc::new(Mutex::new(held)), per_key, total }
    }

    /// Returns a permit. Never waits for one.
    ///
    /// # Errors
    ///
    /// [`Full::Key`] if this key has reached its limit. Otherwise [`Full::Total`] if all keys
    /// together have reached the total limit.
    pub fn try_acquire(&self, key: K) -> Result<Permit<K>, Full> {
        self.try_acquire_many(key, 1)
    }

    /// Returns one permit for several units, for example bytes of memory. Never waits for it.
    ///
    /// # Errors
    ///
    /// As for [`try_acquire`](Self::try_acquire), if the units would exceed a limit.
    pub fn try_acquire_many(&self, key: K, units: usize) -> Result<Permit<K>, Full> {
        let mut held = lock(&self.held);
        let of_key = held.per_key.get(&key).copied().unwrap_or(0).saturating_add(units);
        if of_key > self.per_key {
            return Err(Full::Key(self.per_key));
        }
        let total = held.total.saturating_add(units);
        if total > self.total {
            return Err(Full::Total);
        }
        held.per_key.insert(key.clone(), of_key);
        held.total = total;
        Ok(Permit { held: Arc::clone(&self.held), key, units })
    }
}

impl<K: Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        held.total -= self.units;
        if let Some(count) = held.per_key.get_mut(&self.key) {
            *count -= self.units;
            if *count == 0 {
                held.per_key.remove(&self.key);
            }
        }
    }
}

impl<K> Clone for Concurrency<K> {
    fn clone(&self) -> Self {
        Self { held: Arc::clone(&self.held), per_key: self.per_key, total: self.total }
    }
}

impl<K> fmt::Debug for Concurrency<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Concurrency");
        debug.field("per_key", &self.per_key).field("total", &self.total).finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + fmt::Debug> fmt::Debug for Permit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("key", &self.key).finish_non_exhaustive()
    }
}

fn lock<K>(held: &Mutex<Held<K>>) -> MutexGuard<'_, Held<K>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_empty<K>(limit: &Concurrency<K>) -> bool {
        let held = lock(&limit.held);
        held.per_key.is_empty() && held.total == 0
    }

    #[test]
    fn try_acquire_limits_each_key_and_the_total() {
        let limit = Concurrency::new(2, 3);
        let ada = [limit.try_acquire(1).unwrap(), limit.try_acquire(1).unwrap()];
        assert_eq!(limit.try_acquire(1).err(), Some(Full::Key(2)));
        let bob = limit.try_acquire(2).unwrap();
        assert_eq!(limit.try_acquire(3).err(), Some(Full::Total));
        drop((ada, bob));
        assert!(is_empty(&limit));
        let _eve = limit.try_acquire(3).unwrap();
    }

    #[test]
    fn drop_gives_the_permit_back_and_forgets_the_key() {
        let limit = Concurrency::new(2, usize::MAX);
        let held = [limit.try_acquire("one").unwrap(), limit.clone().try_acquire("one").unwrap()];
        assert!(limit.try_acquire("one").is_err(), "clones share the permits");
        let other = limit.try_acquire("other").unwrap();
        drop(held);
        drop(limit.try_acquire("one").unwrap());
        drop(other);
        assert!(is_empty(&limit));
    }

    #[test]
    fn try_acquire_many_limits_the_units_of_each_key_and_the_total() {
        let limit = Concurrency::new(10, 15);
        assert_eq!(limit.try_acquire_many(1, 11).err(), Some(Full::Key(10)));
        let ada = limit.try_acquire_many(1, 7).unwrap();
        assert_eq!(limit.try_acquire_many(1, 4).err(), Some(Full::Key(10)));
        let bob = limit.try_acquire_many(2, 8).unwrap();
        assert_eq!(limit.try_acquire_many(1, 1).err(), Some(Full::Total));
        drop(ada);
        drop(limit.try_acquire_many(1, 7).unwrap());
        assert_eq!(limit.try_acquire_many(3, usize::MAX).err(), Some(Full::Key(10)));
        drop(bob);
        assert!(is_empty(&limit));
    }

    #[test]
    fn try_acquire_is_unlimited_with_the_largest_limits() {
        let limit = Concurrency::new(usize::MAX, usize::MAX);
        let held: Vec<_> = (0..1_000).map(|_| limit.try_acquire(()).unwrap()).collect();
        assert_eq!(held.len(), 1_000);
    }

    #[test]
    fn try_acquire_gives_no_permit_with_limits_of_zero() {
        assert_eq!(Concurrency::new(0, 0).try_acquire(()).err(), Some(Full::Key(0)));
        assert_eq!(Concurrency::new(1, 0).try_acquire(()).err(), Some(Full::Total));
    }
}
