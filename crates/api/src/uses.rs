//! Writing down that a session is in use, without a write for each request.

use std::time::Duration;

use actix_web::rt::spawn;
use daybook_domain::{SessionId, SessionPolicy, Timestamp, UserId};
use daybook_persistence::{Activity, Database};
use moka::sync::Cache;

/// A session that is in use is written down about so often, in seconds: nobody needs to know it better, and a write a minute for each
/// user who is there costs a database nothing. Sessions that expire soon are written down more often.
const EVERY_SECONDS: i64 = 60;

/// Requests of one session that come while its use is being written down do not write it again.
const WRITING: Duration = Duration::from_secs(5);

/// Sessions whose use is being written down: more than can be in so short a time.
const AT_ONCE: u64 = 10_000;

/// What is being written down in this process.
#[derive(Clone)]
pub(crate) struct Uses(Cache<SessionId, ()>);

impl Uses {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(AT_ONCE).time_to_live(WRITING).build())
    }

    /// Writes down in the background that a session is used now, unless that was done a moment ago. The first use after the login always
    /// is: it tells sessions that somebody uses from those that a script opens and forgets.
    pub(crate) fn note(
        &self,
        database: &Database,
        policy: SessionPolicy,
        (user, session): (UserId, SessionId),
        activity: Activity,
        now: Timestamp,
    ) {
        let Activity { created_at, last_used_at } = activity;
        let every = EVERY_SECONDS.min(policy.idle_seconds / 10);
        let is_known = last_used_at > created_at && now < last_used_at.plus_seconds(every);
        if is_known || !self.0.entry(session).or_insert(()).is_fresh() {
            return;
        }
        let (database, expires_at) = (database.clone(), policy.expiry(created_at, now));
        spawn(async move {
            let touch = database.touch_session(user, session, last_used_at, expires_at, now);
            if let Err(error) = touch.await {
                tracing::warn!(%error, "the use of a session was not written down");
            }
        });
    }
}
