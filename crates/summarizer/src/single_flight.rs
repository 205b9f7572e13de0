//! Single flight with progress: callers that want the same work at the same time share it.
//!
//! Own code, because libraries for single flight share only the outcome. They do not share the text
//! that is written before it.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::Error;

/// The current flights, at most one for each key. Clones share them.
///
/// `K` is the key, `T` the result and `E` the error of the work.
pub struct SingleFlight<K, T, E> {
    flights: Arc<Mutex<Flights<K, T, E>>>,
}

type Flights<K, T, E> = HashMap<K, Arc<watch::Sender<Progress<T, E>>>>;

struct Progress<T, E> {
    has_begun: bool,
    text: String,
    outcome: Option<Result<T, E>>,
}

/// The work that waiters share. It sends text and the outcome to them. If it is dropped without an
/// outcome, the waiters get [`Error::Interrupted`].
#[must_use = "waiters get an error if the flight is dropped"]
pub struct Flight<K: Eq + Hash, T, E> {
    flights: Arc<Mutex<Flights<K, T, E>>>,
    key: K,
    progress: Arc<watch::Sender<Progress<T, E>>>,
}

/// A caller that waits for a flight. The flight is [abandoned](Flight::abandoned) when its last
/// waiter is dropped.
#[must_use = "work without a waiter is abandoned"]
pub struct Waiter<T, E> {
    progress: watch::Receiver<Progress<T, E>>,
    /// The number of bytes of the text that this waiter has returned.
    read: usize,
}

/// A waiter, and the flight if this caller is the first one. Returned by [`SingleFlight::join`].
pub type Joined<K, T, E> = (Waiter<T, E>, Option<Flight<K, T, E>>);

impl<K: Eq + Hash + Clone, T, E> SingleFlight<K, T, E> {
    /// Returns an empty set of flights.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Joins the flight with this key, or starts one.
    ///
    /// A caller that gets a [`Flight`] must do the work, usually in a task of its own. All other
    /// callers get only a [`Waiter`].
    pub fn join(&self, key: K) -> Joined<K, T, E> {
        let mut flights = lock(&self.flights);
        if let Some(progress) = flights.get(&key) {
            return (Waiter { progress: progress.subscribe(), read: 0 }, None);
        }
        let progress = Progress { has_begun: false, text: String::new(), outcome: None };
        let (progress, receiver) = watch::channel(progress);
        let progress = Arc::new(progress);
        flights.insert(key.clone(), Arc::clone(&progress));
        let flight = Flight { flights: Arc::clone(&self.flights), key, progress };
        (Waiter { progress: receiver, read: 0 }, Some(flight))
    }
}

impl<K: Eq + Hash, T, E> Flight<K, T, E> {
    /// Reports that the work has begun, for [`Waiter::begun`].
    pub fn begin(&self) {
        self.progress.send_modify(|progress| progress.has_begun = true);
    }

    /// Appends to the text. Every waiter gets the whole text, even if it joins late.
    pub fn push(&self, text: &str) {
        if !text.is_empty() {
            self.progress.send_modify(|progress| progress.text.push_str(text));
        }
    }

    /// Returns when no waiter remains. From then on no waiter can join, and the next caller with
    /// the same key starts a new flight.
    ///
    /// # Cancellation
    ///
    /// The future can be dropped at any time.
    pub async fn abandoned(&self) {
        loop {
            self.progress.closed().await;
            let mut flights = lock(&self.flights);
            // A waiter may have joined before the lock was taken.
            if self.progress.receiver_count() == 0 {
                self.remove(&mut flights);
                return;
            }
        }
    }

    /// Sends the outcome to all waiters. A caller that joins later starts a new flight.
    pub fn finish(self, outcome: Result<T, E>) {
        self.remove(&mut lock(&self.flights));
        self.progress.send_modify(|progress| progress.outcome = Some(outcome));
    }

    fn remove(&self, flights: &mut Flights<K, T, E>) {
        // If this flight was abandoned, its key may belong to a newer flight.
        if flights.get(&self.key).is_some_and(|current| Arc::ptr_eq(current, &self.progress)) {
            flights.remove(&self.key);
        }
    }
}

impl<K: Eq + Hash, T, E> Drop for Flight<K, T, E> {
    fn drop(&mut self) {
        // Without the map's reference, dropping this flight closes the channel. Waiters detect
        // that.
        self.remove(&mut lock(&self.flights));
    }
}

impl<T: Clone, E: Clone + From<Error>> Waiter<T, E> {
    /// Waits until the work has begun or ended.
    ///
    /// # Errors
    ///
    /// The error of the work, if it failed before it began. [`Error::Interrupted`] if the flight
    /// was dropped.
    ///
    /// # Cancellation
    ///
    /// The future can be dropped at any time. That is true for the other methods, too.
    pub async fn begun(&mut self) -> Result<(), E> {
        let is_known = |progress: &Progress<T, E>| progress.has_begun || progress.outcome.is_some();
        match self.progress.wait_for(is_known).await {
            Ok(progress) if progress.has_begun => Ok(()),
            Ok(progress) => progress.outcome.clone().map_or(Ok(()), |outcome| outcome.map(drop)),
            Err(_) => Err(Error::Interrupted.into()),
        }
    }

    /// Waits for more text and returns all text since the last call. Returns `None` if the work has
    /// ended.
    pub async fn next_text(&mut self) -> Option<String> {
        let read = self.read;
        let is_new = |progress: &Progress<T, E>| progress.text.len() > read || progress.outcome.is_some();
        let progress = self.progress.wait_for(is_new).await.ok()?;
        let text = progress.text.get(read..).filter(|text| !text.is_empty())?;
        self.read += text.len();
        Some(text.to_owned())
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    ///
    /// The error of the work, or [`Error::Interrupted`] if the flight was dropped.
    pub async fn outcome(&mut self) -> Result<T, E> {
        let ended = self.progress.wait_for(|progress| progress.outcome.is_some()).await;
        let outcome = ended.ok().and_then(|progress| progress.outcome.clone());
        outcome.unwrap_or_else(|| Err(Error::Interrupted.into()))
    }
}

impl<K, T, E> Default for SingleFlight<K, T, E> {
    fn default() -> Self {
        Self { flights: Arc::default() }
    }
}

impl<K, T, E> Clone for SingleFlight<K, T, E> {
    fn clone(&self) -> Self {
        Self { flights: Arc::clone(&self.flights) }
    }
}

impl<K, T, E> fmt::Debug for SingleFlight<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").field("flights", &lock(&self.flights).len()).finish()
    }
}

impl<K: Eq + Hash, T, E> fmt::Debug for Flight<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("waiters", &self.progress.receiver_count()).finish_non_exhaustive()
    }
}

impl<T, E> fmt::Debug for Waiter<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("read", &self.read).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
