//! The reservation of storage for one write.

use std::time::Instant;

use daybook_persistence::Error;
use tokio::sync::OwnedRwLockReadGuard;

use super::addition::Kind;
use super::tally::{Growth, SharedTally, Tally};

/// Storage that is reserved for one write. Dropping it before the write cancels it.
#[must_use = "the write must run in its reservation"]
pub(crate) struct StorageReservation {
    tally: SharedTally,
    growth: Growth,
    /// True if the write replaces texts, perhaps with shorter ones.
    replaces: bool,
    progress: Progress,
    /// Keeps counts waiting. A summary takes minutes, so no count waits for it.
    _count_lock: Option<OwnedRwLockReadGuard<()>>,
}

enum Progress {
    Reserved,
    Running,
    Ended,
}

impl StorageReservation {
    pub(super) fn new(
        tally: SharedTally,
        growth: Growth,
        kind: &Kind,
        count_lock: OwnedRwLockReadGuard<()>,
    ) -> Self {
        let count_lock = (!matches!(kind, Kind::Summary)).then_some(count_lock);
        let replaces = matches!(kind, Kind::Update { .. });
        Self { tally, growth, replaces, progress: Progress::Reserved, _count_lock: count_lock }
    }

    /// Runs the write and returns its result. The write is a function, because its future is large:
    /// it would be stored twice if it were an argument.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the write may still be stored. The estimate then stays too high
    /// until a later count.
    pub(super) async fn run<T>(mut self, write: impl AsyncFnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.progress = Progress::Running;
        let result = write().await;
        match &result {
            Ok(_) => self.end(Tally::commit),
            Err(Error::NotFound) => self.end(Tally::cancel),
            // After any other error, the write may still be stored.
            Err(_) => {}
        }
        result
    }

    /// Runs the work that stores a summary, if it succeeds. The work must not be cancelled.
    pub(crate) async fn run_in_background(mut self, work: impl Future<Output = ()>) {
        self.progress = Progress::Running;
        work.await;
        self.end(Tally::commit);
    }

    fn end(&mut self, settle: fn(&mut Tally, Growth)) {
        self.progress = Progress::Ended;
        let mut tally = self.tally.lock();
        settle(&mut tally, self.growth);
        if self.replaces {
            tally.invalidate();
        }
    }
}

impl Drop for StorageReservation {
    fn drop(&mut self) {
        match self.progress {
            Progress::Reserved => self.tally.lock().cancel(self.growth),
            Progress::Running => self.tally.lock().commit_unknown(self.growth, Instant::now()),
            Progress::Ended => {}
        }
    }
}
