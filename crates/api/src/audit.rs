//! Events in the operator's log: those that the user reads too, and those of accounts that there are not.

use daybook_domain::{EventKind, Origin, SessionId, UserId};

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
