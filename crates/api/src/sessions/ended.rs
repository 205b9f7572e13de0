//! Logs ended sessions and revokes their access tokens on every instance.

use daybook_domain::{EndReason, EventKind, Origin, Timestamp};
use daybook_persistence::EndedSessions;
use daybook_revocation::Revocations;

use super::audit;

/// Logs sessions that the database has ended and revokes their access tokens on every instance.
pub(crate) fn log_and_revoke(
    revocations: &Revocations,
    ended: EndedSessions,
    origin: &Origin,
    now: Timestamp,
) {
    let kind = match ended.reason {
        Some(EndReason::Logout) => EventKind::Logout,
        _ => EventKind::SessionEnded,
    };
    for session in &ended.ids {
        audit::log(kind, Some(ended.user), Some(*session), origin);
    }
    revocations.revoke(ended.ids.into_iter().map(|session| session.0), now.as_seconds());
}
