//! Events in the operator's log: those that the user reads too, and those of accounts that there are not.

use std::time::Duration;

use actix_web::rt;
use daybook_domain::{EventKind, Origin, SessionId, UserId};

use crate::state::State;

/// What came to nothing is written down so much later: more than a login takes, so that nobody who waits for an answer waits for that, or
/// shares the processor with it. Written at once, it told by the clock that there is such an account: the area under the ROC curve was
/// 0.52 to 0.55 (docs/performance.md).
const WRITTEN_AFTER: Duration = Duration::from_millis(250);

/// Writes one line. There is no secret in it, nor what somebody typed as a name: that is a password often enough.
pub(crate) fn tell(kind: EventKind, user: Option<UserId>, session: Option<SessionId>, origin: &Origin) {
    tracing::info!(
        target: "daybook::events",
        event = kind.name(),
        user_id = user.map(|user| user.0),
        session_id = session.map(|session| session.0),
        ip = origin.ip.map(tracing::field::display),
        "event"
    );
}

/// The same for sessions that ended in another way than by their own logout.
pub(crate) fn tell_ended(user: UserId, sessions: &[SessionId], origin: &Origin) {
    for session in sessions {
        tell(EventKind::SessionEnded, Some(user), Some(*session), origin);
    }
}

/// The same for what came to nothing, so that it comes with no other change: the account's owner can read it a moment later.
pub(crate) fn record(
    state: &State,
    kind: EventKind,
    user: Option<UserId>,
    session: Option<SessionId>,
    origin: Origin,
) {
    tell(kind, user, session, &origin);
    let Some(user) = user else { return };
    let (database, now) = (state.database.clone(), state.now());
    rt::spawn(async move {
        rt::time::sleep(WRITTEN_AFTER).await;
        if let Err(error) = database.record_event(user, kind, session, origin, now).await {
            tracing::warn!(%error, event = kind.name(), "an event was not stored");
        }
    });
}
