//! Background jobs: each runs one cleanup of the database, in batches with pauses between them. One
//! more removes deleted texts from the files of SQLite.

mod repeat;

use std::sync::Arc;
use std::time::{Duration, Instant};

use daybook_domain::Timestamp;
use daybook_persistence::{Cleanup, Database, Error};
use futures_util::future::join_all;
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::sleep;

use self::repeat::{Schedule, repeat};
use crate::metrics::Metrics;

/// The schedule of closed accounts. It matters only for an account that was closed while no job ran
/// or by another process, because [`Jobs::account_closed`] wakes this job.
const CLOSED_ACCOUNTS: Schedule =
    Schedule { first: Duration::from_secs(1), interval: Duration::from_secs(60) };

/// The schedule of outdated rows and surplus events. Outdated rows are kept for a day at least, so
/// an hour more changes little, and an account adds few events in an hour compared with a disk. The
/// first run does not compete with the requests that waited for the start.
const OUTDATED: Schedule =
    Schedule { first: Duration::from_secs(60), interval: Duration::from_secs(60 * 60) };

/// The schedule of reclaiming space, for rows that requests have deleted. It costs microseconds if
/// nothing was deleted. The other jobs wake it.
const RECLAIM: Schedule = Schedule { first: Duration::from_secs(30), interval: Duration::from_secs(30) };

/// The shortest pause between two batches. A longer batch has a pause of its own length, so a job
/// takes at most half of the time of SQLite's writer thread.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// The jobs of one process. Clones control the same jobs.
#[derive(Clone)]
pub(crate) struct Jobs {
    is_on: bool,
    clock: fn() -> Timestamp,
    closed: Arc<Notify>,
    /// Is notified after rows were deleted.
    freed: Arc<Notify>,
    stop: watch::Sender<bool>,
}

impl Jobs {
    /// Returns the jobs. [`Jobs::run`] does nothing unless `is_on` is true.
    pub(crate) fn new(is_on: bool, clock: fn() -> Timestamp) -> Self {
        let (closed, freed, stop) = (Arc::default(), Arc::default(), watch::Sender::new(false));
        Self { is_on, clock, closed, freed, stop }
    }

    /// Starts the deletion of closed accounts now, and removes the texts of deleted ones.
    pub(crate) fn account_closed(&self) {
        self.closed.notify_one();
        self.freed.notify_one();
    }

    /// Stops the jobs. A batch in progress is finished.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Runs the jobs until they are stopped.
    pub(crate) async fn run(self, database: Database, metrics: Metrics) {
        if !self.is_on {
            tracing::info!("background jobs are off in this process");
            return;
        }
        let (turn, freed) = (Arc::new(Mutex::new(())), Arc::clone(&self.freed));
        let space =
            Space { database: database.clone(), turn: Arc::clone(&turn), stop: self.stop.subscribe() };
        let reclaim =
            repeat("reclaim", RECLAIM, self.stop.subscribe(), Arc::clone(&freed), || space.clone().reclaim());
        let cleanups = join_all(Cleanup::ALL.map(|cleanup| {
            let pass = Pass {
                cleanup,
                database: database.clone(),
                metrics: metrics.clone(),
                clock: self.clock,
                turn: Arc::clone(&turn),
                freed: Arc::clone(&freed),
                stop: self.stop.subscribe(),
            };
            let (schedule, wake) = match cleanup {
                Cleanup::ClosedAccounts => (CLOSED_ACCOUNTS, Arc::clone(&self.closed)),
                Cleanup::Events | Cleanup::SurplusEvents | Cleanup::Sessions | Cleanup::Usage => {
                    (OUTDATED, Arc::default())
                }
            };
            repeat(cleanup.name(), schedule, self.stop.subscribe(), wake, move || pass.clone().run())
        }));
        tokio::join!(cleanups, reclaim);
    }
}

/// One pass of a cleanup, from the first batch to the last one.
#[derive(Clone)]
struct Pass {
    cleanup: Cleanup,
    database: Database,
    metrics: Metrics,
    clock: fn() -> Timestamp,
    /// A job holds it during a batch, so that all jobs together run one unit at a time.
    turn: Arc<Mutex<()>>,
    /// Is notified after rows were deleted.
    freed: Arc<Notify>,
    stop: watch::Receiver<bool>,
}

impl Pass {
    /// Runs batches until there is nothing more to delete, another instance runs the same cleanup,
    /// or the service stops. Returns the first error of a batch at the end.
    async fn run(mut self) -> Result<(), Error> {
        let job = self.cleanup.name();
        let (mut deleted, mut position, mut failure) = (0, Some(0), None);
        while let Some(from) = position {
            let turn = self.turn.lock().await;
            if *self.stop.borrow() {
                break;
            }
            let began = Instant::now();
            let batch = self.database.clean_up(self.cleanup, from, (self.clock)()).await;
            drop(turn);
            position = match batch {
                Ok(None) => break,
                Ok(Some(batch)) => {
                    self.metrics.count_deleted(job, batch.deleted);
                    deleted += batch.deleted;
                    batch.next
                }
                Err(error) => {
                    failure = failure.or(Some(error));
                    self.database.position_after_failure(self.cleanup, from).await?
                }
            };
            tokio::select! {
                () = sleep(began.elapsed().max(PAUSE_MIN)) => {}
                _ = self.stop.wait_for(|stop| *stop) => {}
            }
        }
        if deleted > 0 {
            tracing::info!(job, rows = deleted, "deleted rows in the background");
            self.freed.notify_one();
        }
        failure.map_or(Ok(()), Err)
    }
}

/// The space of deleted rows.
#[derive(Clone)]
struct Space {
    database: Database,
    /// As of [`Pass::turn`].
    turn: Arc<Mutex<()>>,
    stop: watch::Receiver<bool>,
}

impl Space {
    /// Reclaims the space step by step, until there is nothing more or the service stops.
    async fn reclaim(mut self) -> Result<(), Error> {
        loop {
            let turn = self.turn.lock().await;
            let began = Instant::now();
            let has_more = !*self.stop.borrow() && self.database.reclaim().await?;
            drop(turn);
            if !has_more {
                return Ok(());
            }
            tokio::select! {
                () = sleep(began.elapsed().max(PAUSE_MIN)) => {}
                _ = self.stop.wait_for(|stop| *stop) => {}
            }
        }
    }
}
