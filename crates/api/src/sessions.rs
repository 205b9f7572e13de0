//! The activity of sessions, the audit log, and the revocation of ended sessions.

mod activity;
pub(crate) mod audit;
mod ended;

pub(crate) use self::activity::ActivityRecorder;
pub(crate) use self::audit::DelayedEvents;
pub(crate) use self::ended::log_and_revoke;
