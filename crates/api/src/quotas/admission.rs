//! The guard of a write that was admitted.

use std::time::Instant;

use daybook_persistence::Error;
use tokio::sync::OwnedRwLockReadGuard;

use super::addition::Kind;
use super::tally::{Charge, SharedTally, Tally};

/// The admission of one write. Without a write, dropping it gives the room back.
#[must_use = "the write must run in its admission"]
pub(crate) struct Admission {
    tally: SharedTally,
    charge: Charge,
    /// True if the write replaces texts, perhaps with shorter ones.
    replaces: bool,
    progress: Progress,
    /// Keeps counts waiting. A summary takes minutes, so no count waits for it.
    _gate: Option<OwnedRwLockReadGuard<()>>,
}

enum Progress {
    Admitted,
    Running,
    Ended,
}

impl Admission {
    pub(super) fn new(
        tally: SharedTally,
        charge: Charge,
        kind: &Kind,
        gate: OwnedRwLockReadGuard<()>,
    ) -> Self {
        let gate = (!matches!(kind, Kind::Summary)).then_some(gate);
        let replaces = matches!(kind, Kind::Update { .. });
        Self { tally, charge, replaces, progress: Progress::Admitted, _gate: gate }
    }

    /// Runs the write and returns its result.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the write may still be stored. The estimate then stays too high
    /// until a later count.
    pub(crate) async fn run<T>(mut self, write: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.progress = Progress::Running;
        let result = write.await;
        match &result {
            Ok(_) => self.end(Tally::keep),
            Err(Error::NotFound) => self.end(Tally::refund),
            // After any other error, the write may still be stored.
            Err(_) => {}
        }
        result
    }

    /// Runs the work that stores a summary, if it succeeds. The work must not be cancelled.
    pub(crate) async fn run_in_background(mut self, work: impl Future<Output = ()>) {
        self.progress = Progress::Running;
        work.await;
        self.end(Tally::keep);
    }

    fn end(&mut self, settle: fn(&mut Tally, Charge)) {
        self.progress = Progress::Ended;
        let mut tally = self.tally.lock();
        settle(&mut tally, self.charge);
        if self.replaces {
            tally.release();
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        match self.progress {
            Progress::Admitted => self.tally.lock().refund(self.charge),
            Progress::Running => self.tally.lock().lose(self.charge, Instant::now()),
            Progress::Ended => {}
        }
    }
}
