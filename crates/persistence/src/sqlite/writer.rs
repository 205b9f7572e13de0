//! The writer thread of SQLite: a queue of units, and group commit.
//!
//! Each unit runs in a savepoint, so a unit that fails undoes only its own changes. All queued
//! units share one commit, which waits for the disk once. The thread never waits for more units, so
//! a single unit is committed immediately.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use diesel::{Connection, QueryResult, SqliteConnection};
use tokio::sync::mpsc::error::{TryRecvError, TrySendError};
use tokio::sync::{mpsc, oneshot};

use super::connection::connect;
use crate::error::Error;

/// The maximum number of units in the queue. With a thousand units, the last one waits well under a
/// second. A longer queue would only make the wait longer.
const QUEUE_MAX: usize = 1_024;

/// The maximum number of units in one commit. Without a limit, the first unit would wait as long as
/// new units arrive.
const GROUP_MAX: usize = 64;

/// The pause between attempts to open the file. It is long enough to use little CPU time. It is
/// short enough that writes continue quickly after the disk was full.
const REOPEN_INTERVAL: Duration = Duration::from_millis(100);

type Unit = Box<dyn FnOnce(&mut SqliteConnection) -> Reply + Send>;
/// Sends a unit's result to its caller, once the commit has succeeded or failed.
type Reply = Box<dyn FnOnce(&mut SqliteConnection, Committed) + Send>;
type Committed = Result<(), String>;

#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Unit>,
}

impl Writer {
    /// Starts the writer thread. It ends when the last clone of this handle is dropped.
    pub(super) fn start(path: PathBuf) -> Result<Self, Error> {
        let connection = connect(&path)?;
        let (queue, units) = mpsc::channel(QUEUE_MAX);
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || run(&path, connection, units))
            .map_err(|cause| Error::Internal(cause.into()))?;
        Ok(Self { queue })
    }

    /// Queues a unit and waits until it is committed.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&mut SqliteConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.run_then(unit, |_, value| Ok(value)).await
    }

    /// Queues a unit, and runs `after` with its value on the writer thread once it is committed.
    /// There, `after` is outside of any transaction. It must not change rows.
    pub(super) async fn run_then<T: Send + 'static, U: Send + 'static>(
        &self,
        unit: impl FnOnce(&mut SqliteConnection) -> Result<T, Error> + Send + 'static,
        after: impl FnOnce(&mut SqliteConnection, T) -> Result<U, Error> + Send + 'static,
    ) -> Result<U, Error> {
        let (sender, result) = oneshot::channel();
        let unit: Unit = Box::new(move |connection| {
            let result = in_savepoint(connection, unit);
            Box::new(move |connection, committed| {
                // If the commit fails, the caller gets that failure, even if the unit returned an
                // error. That error may depend on undone changes of another unit.
                let result = committed.map_err(Error::Unavailable).and(result);
                let result = result.and_then(|value| after(connection, value));
                // Sending fails if the caller has gone away. The changes stay committed.
                let _ = sender.send(result);
            })
        });
        self.queue.try_send(unit).map_err(|rejected| match rejected {
            TrySendError::Full(_) => Error::unavailable("too many writes are waiting"),
            TrySendError::Closed(_) => Error::unavailable("the writer has ended"),
        })?;
        result.await.map_err(|_| Error::unavailable("the writer was restarted"))?
    }
}

/// Runs one unit. If it fails or panics, its changes are undone.
fn in_savepoint<T>(
    connection: &mut SqliteConnection,
    unit: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    connection.transaction(|connection| {
        catch_unwind(AssertUnwindSafe(|| unit(connection)))
            .unwrap_or_else(|_| Err(Error::internal("a unit of work panicked")))
    })
}

/// Runs on the writer thread. Commits groups until every handle is dropped, and reconnects after a
/// failure.
///
/// The failed connection stays open until a new one is open. If it were the last one, SQLite would
/// delete the write-ahead log and its index. On a full disk, neither could be created again, and
/// reads would fail too.
fn run(path: &Path, mut connection: SqliteConnection, mut units: mpsc::Receiver<Unit>) {
    loop {
        match catch_unwind(AssertUnwindSafe(|| commit_groups(&mut connection, &mut units))) {
            Ok(Ok(())) => return,
            Ok(Err(cause)) => tracing::error!(error = %cause, "a group of writes failed"),
            Err(_) => tracing::error!("the writer thread panicked and starts again"),
        }
        connection = loop {
            match connect(path) {
                Ok(new) => break new,
                Err(cause) => {
                    tracing::error!(error = %cause, "the database cannot be opened for writing");
                }
            }
            if reject_queued(&mut units).is_err() {
                return;
            }
            thread::sleep(REOPEN_INTERVAL);
        };
    }
}

/// Drops the queued units, so that their callers get [`Error::Unavailable`]. Returns an error if
/// every handle is dropped.
fn reject_queued(units: &mut mpsc::Receiver<Unit>) -> Result<(), TryRecvError> {
    loop {
        match units.try_recv() {
            Ok(unit) => drop(unit),
            Err(TryRecvError::Empty) => return Ok(()),
            Err(disconnected) => return Err(disconnected),
        }
    }
}

/// Commits groups. Returns `Ok` when every handle is dropped, or the error of a failed commit.
fn commit_groups(connection: &mut SqliteConnection, units: &mut mpsc::Receiver<Unit>) -> Committed {
    while let Some(first) = units.blocking_recv() {
        let mut replies = Vec::new();
        let committed = connection.immediate_transaction(|connection| {
            let mut next = Some(first);
            while let Some(unit) = next {
                replies.push(unit(connection));
                next = if replies.len() < GROUP_MAX { units.try_recv().ok() } else { None };
            }
            QueryResult::Ok(())
        });
        let committed = committed.map_err(|cause| cause.to_string());
        for reply in replies {
            reply(connection, committed.clone());
        }
        committed?;
    }
    Ok(())
}
