//! What is being made: one entry for each, which all who wait for it watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use daybook_domain::{NoteId, Summary, UserId};
use daybook_persistence::SummaryKey;
use tokio::sync::watch;

use super::Failure;
use crate::seats::{Full, Seat};

/// How far a summary has come.
#[derive(Default)]
pub(crate) struct Progress {
    /// Whether there was room in the budget, so that it is being made.
    pub(crate) has_begun: bool,
    /// The text so far.
    pub(crate) text: String,
    /// How it ended.
    pub(crate) outcome: Option<Result<Arc<Summary>, Failure>>,
}

/// Whoever waits for a summary. Without any of them it is given up.
pub(super) type Watch = watch::Receiver<Progress>;

/// What two must agree in to wait for the same summary.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct FlightKey {
    pub(super) user: UserId,
    pub(super) note: NoteId,
    pub(super) key: SummaryKey,
}

#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<FlightKey, Arc<watch::Sender<Progress>>>>>);

/// The side of who makes it. Dropped without an outcome, it tells those who wait that it failed.
pub(super) struct Flight {
    flights: Flights,
    key: FlightKey,
    progress: Arc<watch::Sender<Progress>>,
}

impl Flights {
    /// Watches what is being made; if it is not and there is a seat, `begin` has it made.
    pub(super) fn join(
        &self,
        key: FlightKey,
        take_seat: impl FnOnce() -> Result<Seat, Full>,
        begin: impl FnOnce(Flight, Seat),
    ) -> Result<Watch, Full> {
        let mut flights = self.lock();
        if let Some(progress) = flights.get(&key) {
            return Ok(progress.subscribe());
        }
        let seat = take_seat()?;
        let (progress, watch) = watch::channel(Progress::default());
        let progress = Arc::new(progress);
        flights.insert(key.clone(), Arc::clone(&progress));
        drop(flights);
        begin(Flight { flights: self.clone(), key, progress }, seat);
        Ok(watch)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FlightKey, Arc<watch::Sender<Progress>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    pub(super) fn begin(&self) {
        self.progress.send_modify(|progress| progress.has_begun = true);
    }

    pub(super) fn push(&self, text: &str) {
        if !text.is_empty() {
            self.progress.send_modify(|progress| progress.text.push_str(text));
        }
    }

    /// Returns when nobody waits any more; from then on nobody can join.
    pub(super) async fn abandoned(&self) {
        loop {
            self.progress.closed().await;
            let mut flights = self.flights.lock();
            // Somebody may have joined in between.
            if self.progress.receiver_count() == 0 {
                flights.remove(&self.key);
                return;
            }
        }
    }

    pub(super) fn finish(self, outcome: Result<Arc<Summary>, Failure>) {
        // Whoever joins from here on finds nothing and begins anew: what was completed is in the store.
        self.forget();
        self.progress.send_modify(|progress| progress.outcome = Some(outcome));
    }

    fn forget(&self) {
        let mut flights = self.flights.lock();
        // After it was abandoned, another one may stand in its place.
        if flights.get(&self.key).is_some_and(|there| Arc::ptr_eq(there, &self.progress)) {
            flights.remove(&self.key);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.forget();
        self.progress.send_modify(|progress| {
            progress.outcome.get_or_insert(Err(Failure::Interrupted));
        });
    }
}
