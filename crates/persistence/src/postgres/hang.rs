//! Detects a server that hangs, so that callers do not wait for it until their timeout.
//!
//! The duration of a unit shows nothing: a server that is alive may be slow, or a statement may
//! wait for a lock. So a unit that takes long starts a probe, which opens a new connection. The
//! server hangs if neither the probe nor a unit gets an answer in time. Then all units that wait
//! fail, and new units fail immediately, until the probe gets an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};

use super::connector::Connector;
use crate::error::Error;

/// The time after which a unit starts a probe, and starts another one while it waits. Nearly all
/// units take less, so probes are rare.
pub(super) const SUSPECT_AFTER: Duration = Duration::from_millis(400);

/// The maximum wait for an answer. Together with [`SUSPECT_AFTER`], a caller waits 1.8 s for a
/// server that hangs, so that a client gets its response within 2 s. Opening a connection takes
/// milliseconds, or some hundred milliseconds on a busy machine.
const PROBE_TIMEOUT: Duration = Duration::from_millis(1_400);

/// What one process knows about its server. Clones share it.
#[derive(Clone)]
pub(super) struct HangDetector(Arc<Shared>);

struct Shared {
    connector: Arc<Connector>,
    /// The runtime of the probe. It outlives the runtimes of the workers.
    runtime: Handle,
    hangs: watch::Sender<bool>,
    /// Whether a unit has got an answer since the current probe began.
    answered: AtomicBool,
    /// The lock of the current probe, so that there is at most one.
    probing: Arc<Mutex<()>>,
}

impl HangDetector {
    pub(super) fn new(connector: Arc<Connector>, runtime: Handle) -> Self {
        let (hangs, answered) = (watch::Sender::new(false), AtomicBool::new(false));
        Self(Arc::new(Shared { connector, runtime, hangs, answered, probing: Arc::default() }))
    }

    /// Returns true if the server is known to hang.
    pub(super) fn hangs(&self) -> bool {
        *self.0.hangs.borrow()
    }

    /// Records that the server is alive, unless the result may come from this process alone.
    pub(super) fn note<T>(&self, result: &Result<T, Error>) {
        // Most units only read the flag, so the cores do not compete for it.
        if !matches!(result, Err(Error::Unavailable(_))) && !self.0.answered.load(Ordering::Relaxed) {
            self.0.answered.store(true, Ordering::Relaxed);
        }
    }

    /// Waits until the server is known to hang. Probes it meanwhile.
    pub(super) async fn until_hang(&self) {
        let mut hangs = self.0.hangs.subscribe();
        loop {
            self.probe();
            // The detector has the sender, so the channel does not close.
            if tokio::time::timeout(SUSPECT_AFTER, hangs.wait_for(|hangs| *hangs)).await.is_ok() {
                return;
            }
        }
    }

    /// Starts a probe, unless one is running.
    fn probe(&self) {
        let Ok(permit) = Arc::clone(&self.0.probing).try_lock_owned() else { return };
        let shared = Arc::clone(&self.0);
        self.0.runtime.spawn(async move {
            let _permit = permit;
            shared.answered.store(false, Ordering::Relaxed);
            let mut answer = Box::pin(shared.connector.answer());
            let in_time = tokio::time::timeout(PROBE_TIMEOUT, &mut answer).await;
            if in_time.is_ok() || shared.answered.load(Ordering::Relaxed) {
                return;
            }
            tracing::error!("PostgreSQL hangs: requests fail until it answers");
            shared.hangs.send_replace(true);
            answer.await;
            shared.hangs.send_replace(false);
            tracing::info!("PostgreSQL answers again");
        });
    }
}
