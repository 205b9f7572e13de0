//! Account events in the operator's log. Users read the same events, except those of accounts that
//! do not exist. Failed attempts are stored with a delay.

use std::time::Duration;

use daybook_domain::{Actor, EventKind, Origin, SessionId, UserId};
use daybook_persistence::{Database, Error};
use tokio::runtime::{Handle, TryCurrentError};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// An event of a failed attempt is stored after this delay, which is longer than a login takes.
/// Stored at once, the write shared the processor with the response, and its duration showed that
/// the account exists (docs/performance.md).
const STORE_DELAY: Duration = Duration::from_millis(250);

/// A database that is not available is asked again after each of these pauses, in seconds. Someone
/// who keeps it busy for a while must not suppress the events of their attempts. An event whose
/// first result was lost is then stored twice. At the end of the service, the pause ends at once.
const PAUSES: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// A database that answers stores an event in less.
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);

/// Logs one event. It has no secret and no name that a client typed, which is often a password.
pub(crate) fn log(kind: EventKind, user: Option<UserId>, session: Option<SessionId>, origin: &Origin) {
    tracing::info!(
        target: "daybook::events",
        event = kind.name(),
        user_id = user.map(|user| user.0),
        session_id = session.map(|session| session.0),
        ip = origin.ip.map(tracing::field::display),
        "event"
    );
}

/// Logs an event of an actor.
pub(crate) fn log_actor(kind: EventKind, actor: &Actor) {
    log(kind, Some(actor.user), actor.session(), &actor.origin);
}

/// Logs the event of a failed attempt, and stores it in the background for the owner of the
/// account.
pub(crate) fn log_and_store(events: &DelayedEvents, kind: EventKind, actor: Actor) {
    log_actor(kind, &actor);
    events.store(kind, Some(actor));
}

/// Stores the events of failed attempts in the background. Clones share the pending events.
#[derive(Clone)]
pub(crate) struct DelayedEvents {
    database: Database,
    /// It outlives the runtimes of the workers.
    runtime: Handle,
    pending: TaskTracker,
    stopping: CancellationToken,
}

impl DelayedEvents {
    /// # Errors
    ///
    /// If the caller is outside a Tokio runtime.
    pub(crate) fn new(database: Database) -> Result<Self, TryCurrentError> {
        let (runtime, pending, stopping) =
            (Handle::try_current()?, TaskTracker::new(), CancellationToken::new());
        Ok(Self { database, runtime, pending, stopping })
    }

    /// Stores an event. Without an actor it only waits, so that the caller has the same work in
    /// both cases.
    pub(crate) fn store(&self, kind: EventKind, actor: Option<Actor>) {
        let (database, stopping) = (self.database.clone(), self.stopping.clone());
        let store = async move {
            sleep(STORE_DELAY).await;
            let Some(actor) = actor else { return };
            let mut stored = database.record_event(&actor, kind).await;
            for pause in PAUSES {
                if !matches!(stored, Err(Error::Unavailable(_))) || stopping.is_cancelled() {
                    break;
                }
                // After the end of the pauses, there is one more attempt.
                let _ = timeout(Duration::from_secs(pause), stopping.cancelled()).await;
                stored = database.record_event(&actor, kind).await;
            }
            if let Err(error) = stored {
                tracing::warn!(%error, event = kind.name(), "an event was not stored");
            }
        };
        self.pending.spawn_on(store.in_current_span(), &self.runtime);
    }

    /// Waits until the pending events are stored. Call it at the end of the service.
    pub(crate) async fn finish(&self) {
        self.pending.close();
        self.stopping.cancel();
        if timeout(FINISH_TIMEOUT, self.pending.wait()).await.is_err() {
            tracing::warn!(events = self.pending.len(), "events were not stored before the end");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn finish_waits_for_the_pending_events() {
        // Nothing connects, because there is no actor.
        let url = "postgres://ada@localhost/never_opened".parse().unwrap();
        let events = DelayedEvents::new(Database::open(&url).unwrap()).unwrap();
        events.store(EventKind::LoginFailed, None);
        assert_eq!(events.pending.len(), 1);
        events.finish().await;
        assert!(events.pending.is_empty());
    }
}
