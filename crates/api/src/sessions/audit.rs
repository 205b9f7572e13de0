//! Account events in the operator's log. Users read the same events, except those of accounts that
//! do not exist. Failed attempts are stored with a delay.

use std::time::Duration;

use actix_web::rt;
use daybook_domain::{Actor, EventKind, Origin, SessionId, UserId};
use daybook_persistence::Database;
use tracing::Instrument;

/// An event of a failed attempt is stored after this delay, which is longer than a login takes.
/// Stored at once, the write shared the processor with the response, and its duration showed that
/// the account exists (docs/performance.md).
const STORE_DELAY: Duration = Duration::from_millis(250);

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
pub(crate) fn log_and_store(database: &Database, kind: EventKind, actor: Actor) {
    log_actor(kind, &actor);
    store(database, kind, Some(actor));
}

/// Stores an event in the background. Without an actor it only waits, so that the caller has the
/// same work in both cases.
pub(crate) fn store(database: &Database, kind: EventKind, actor: Option<Actor>) {
    let database = database.clone();
    let store = async move {
        rt::time::sleep(STORE_DELAY).await;
        if let Some(actor) = actor
            && let Err(error) = database.record_event(&actor, kind).await
        {
            tracing::warn!(%error, event = kind.name(), "an event was not stored");
        }
    };
    rt::spawn(store.in_current_span());
}
