//! The one writer: a thread with a queue, and group commit.
//!
//! Each unit of work runs in a savepoint, so that one that fails takes only itself away; all that were queued share one commit,
//! and with it one wait for the disk. A lone unit waits for nobody: the group is whatever is there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use diesel::{Connection, SqliteConnection};
use tokio::sync::mpsc::error::{TryRecvError, TrySendError};
use tokio::sync::{mpsc, oneshot};

use crate::Error;

/// Units that may wait. At a thousand the last one waits well under a second; more would only be a longer wait.
const QUEUE: usize = 1_024;

/// Units in one commit, so that the first does not wait for a queue that never empties.
const GROUP: usize = 64;

/// A unit that has run answers when it hears whether the commit around it worked.
type Answer = Box<dyn FnOnce(Committed) + Send>;
type Committed = Result<(), String>;
type Unit = Box<dyn FnOnce(&mut SqliteConnection) -> Answer + Send>;

#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Unit>,
}

impl Writer {
    /// Starts the thread, which ends with the last handle.
    pub(crate) fn start(path: PathBuf) -> Result<Self, Error> {
        let connection = super::connect(&path)?;
        let (queue, units) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || work(&path, connection, units))
            .map_err(|cause| Error::Internal(cause.into()))?;
        Ok(Self { queue })
    }

    pub(crate) async fn run<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&mut SqliteConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, answer) = oneshot::channel();
        let unit: Unit = Box::new(move |connection| {
            let result = savepoint(connection, unit);
            Box::new(move |committed| {
                // Without the commit even a refusal is void: it may rest on a unit of the same group.
                let result = committed.map_err(Error::Unavailable).and(result);
                // Nobody may be waiting any more; what was written stays written.
                let _ = sender.send(result);
            })
        });
        self.queue.try_send(unit).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::unavailable("too many writes are waiting"),
            TrySendError::Closed(_) => Error::unavailable("the writer has ended"),
        })?;
        answer.await.map_err(|_| Error::unavailable("the writer was restarted"))?
    }
}

/// Runs one unit; whatever it did is undone when it fails or panics.
fn savepoint<T>(
    connection: &mut SqliteConnection,
    unit: impl FnOnce(&mut SqliteConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    connection.transaction(|connection| {
        catch_unwind(AssertUnwindSafe(|| unit(connection)))
            .unwrap_or_else(|_| Err(Error::internal("a unit of work panicked")))
    })
}

/// The thread: groups of units until every handle is gone, over a new connection after a fault.
fn work(path: &Path, connection: SqliteConnection, mut units: mpsc::Receiver<Unit>) {
    let mut connection = Some(connection);
    loop {
        let current = match connection.take() {
            Some(current) => current,
            None => match super::connect(path) {
                Ok(current) => current,
                Err(cause) => {
                    tracing::error!(error = %cause, "the database cannot be opened for writing");
                    // Dropped, a unit answers that the database is unavailable.
                    loop {
                        match units.try_recv() {
                            Ok(unit) => drop(unit),
                            Err(TryRecvError::Empty) => break,
                            Err(TryRecvError::Disconnected) => return,
                        }
                    }
                    // Long enough not to spin, short enough not to be noticed once the disk is back.
                    thread::sleep(Duration::from_millis(100));
                    continue;
                }
            },
        };
        let served = catch_unwind(AssertUnwindSafe(|| serve(current, &mut units)));
        match served {
            Ok(Ended::NoMoreHandles) => return,
            Ok(Ended::Fault(cause)) => tracing::error!(error = %cause, "a group of writes failed"),
            Err(_) => tracing::error!("the writer panicked and starts again"),
        }
    }
}

enum Ended {
    NoMoreHandles,
    Fault(String),
}

fn serve(mut connection: SqliteConnection, units: &mut mpsc::Receiver<Unit>) -> Ended {
    while let Some(first) = units.blocking_recv() {
        let mut answers = Vec::new();
        let committed = connection.immediate_transaction(|connection| {
            let mut next = Some(first);
            while let Some(unit) = next {
                answers.push(unit(connection));
                next = if answers.len() < GROUP { units.try_recv().ok() } else { None };
            }
            diesel::QueryResult::Ok(())
        });
        let committed = committed.map_err(|cause| cause.to_string());
        for answer in answers {
            answer(committed.clone());
        }
        if let Err(cause) = committed {
            return Ended::Fault(cause);
        }
    }
    Ended::NoMoreHandles
}
