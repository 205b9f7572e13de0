//! Concurrency limits with a queue.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Limits how many jobs run at once, for each key and in total, and lets the others wait. Clones
/// share the permits.
///
/// A caller waits in the queue of its key, and then in the queue of all keys. Both are FIFO. At
/// most `per_key` callers of a key wait in the queue of all, so a key with thousands of callers
/// does not delay those of another one for long. [`Concurrency`](crate::Concurrency)
/// has the same limits, but rejects a caller that would have to wait.
#[derive(Debug, Clone)]
pub struct KeyedSemaphore<K> {
    queues: Queues<K>,
    per_key: usize,
    all: Arc<Semaphore>,
}

/// The queues of the keys that have callers.
type Queues<K> = Arc<Mutex<HashMap<K, Arc<Semaphore>>>>;

/// The right to run. Dropping it lets the next caller run.
#[must_use = "dropping the permit gives it back"]
pub struct KeyedPermit<K: Eq + Hash> {
    // A semaphore that is never closed always gives a permit.
    _of_all: Result<OwnedSemaphorePermit, AcquireError>,
    _of_key: Result<OwnedSemaphorePermit, AcquireError>,
    _queue: Queue<K>,
}

/// The queue of a key. The last caller removes it from the map.
struct Queue<K: Eq + Hash> {
    queues: Queues<K>,
    key: K,
    semaphore: Arc<Semaphore>,
}

impl<K: Eq + Hash + Clone> KeyedSemaphore<K> {
    /// Returns a semaphore with `per_key` permits for each key and `total` for all keys together,
    /// each from 1 to [`Semaphore::MAX_PERMITS`], which is as good as unlimited.
    #[must_use]
    pub fn new(per_key: usize, total: usize) -> Self {
        Self { queues: Arc::default(), per_key, all: Arc::new(Semaphore::new(total)) }
    }

    /// Waits for a permit.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the queues.
    pub async fn acquire(&self, key: K) -> KeyedPermit<K> {
        let queue = self.queue(key);
        let of_key = Arc::clone(&queue.semaphore).acquire_owned().await;
        let of_all = Arc::clone(&self.all).acquire_owned().await;
        KeyedPermit { _of_all: of_all, _of_key: of_key, _queue: queue }
    }

    fn queue(&self, key: K) -> Queue<K> {
        let mut queues = lock(&self.queues);
        let new = || Arc::new(Semaphore::new(self.per_key));
        let semaphore = Arc::clone(queues.entry(key.clone()).or_insert_with(new));
        Queue { queues: Arc::clone(&self.queues), key, semaphore }
    }
}

impl<K: Eq + Hash> Drop for Queue<K> {
    fn drop(&mut self) {
        let mut queues = lock(&self.queues);
        // One reference is the map's, and one is this caller's. Only the holder of the lock can
        // take a new one from the map.
        if Arc::strong_count(&self.semaphore) == 2 {
            queues.remove(&self.key);
        }
    }
}

fn lock<K>(queues: &Queues<K>) -> MutexGuard<'_, HashMap<K, Arc<Semaphore>>> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn acquire_waits_at_the_limit_of_the_key_and_in_total() {
        let semaphore = KeyedSemaphore::new(2, 3);
        let acquire = |key: &'static str| semaphore.acquire(key).now_or_never();
        let (first, second) = (acquire("ada").unwrap(), acquire("ada").unwrap());
        assert!(acquire("ada").is_none(), "the limit of the key");
        let other = acquire("bob").unwrap();
        assert!(acquire("eve").is_none(), "the total limit");
        drop(first);
        let third = acquire("eve").unwrap();
        drop((second, third, other));
        assert!(lock(&semaphore.queues).is_empty(), "a key without callers takes no memory");
    }

    #[test]
    fn acquire_lets_another_key_overtake_the_queue_of_a_key() {
        let semaphore = KeyedSemaphore::new(1, 2);
        let running = semaphore.acquire("ada").now_or_never().unwrap();
        let mut waiting: Vec<_> = (0..1_000).map(|_| Box::pin(semaphore.acquire("ada"))).collect();
        assert!(waiting.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        drop(semaphore.acquire("bob").now_or_never().unwrap());
        drop(running);
        let next: Vec<_> = waiting.iter_mut().filter_map(FutureExt::now_or_never).collect();
        assert_eq!(next.len(), 1);
    }

    #[test]
    fn acquire_serves_each_key_in_turn() {
        let semaphore = KeyedSemaphore::new(1, 1);
        let running = semaphore.acquire("ada").now_or_never().unwrap();
        let (mut ada, mut bob) = (pin!(semaphore.acquire("ada")), pin!(semaphore.acquire("bob")));
        assert!(ada.as_mut().now_or_never().is_none() && bob.as_mut().now_or_never().is_none());
        drop(running);
        assert!(ada.as_mut().now_or_never().is_none(), "bob was in the queue of all keys before");
        let running = bob.as_mut().now_or_never().unwrap();
        drop(running);
        assert!(ada.as_mut().now_or_never().is_some());
    }

    #[test]
    fn dropping_a_future_of_acquire_leaves_the_queues() {
        let semaphore = KeyedSemaphore::new(1, 1);
        let running = semaphore.acquire("ada").now_or_never().unwrap();
        for key in ["ada", "bob"] {
            assert!(semaphore.acquire(key).now_or_never().is_none());
        }
        assert_eq!(lock(&semaphore.queues).len(), 1);
        drop(running);
        assert!(lock(&semaphore.queues).is_empty());
    }
}
