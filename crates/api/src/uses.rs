//! Writing down that a session is in use, without a write for each request.

use std::time::Duration;

use actix_web::rt::spawn;
use daybook_domain::{SessionId, SessionPolicy, Timestamp, UserId};
use daybook_persistence::{Activity, Database};
use moka::sync::Cache;

/// A session that is in use is written down about so often, in seconds: nobody needs to know it better, and a write a minute for each
/// user who is there costs a database nothing. Sessions that expire soon are written down more often.
const EVERY_SECONDS: i64 = 60;

/// Requests of one session that come while its use is being written down, for so many seconds, do not write it again.
const WRITING_SECONDS: i64 = 5;

/// Sessions that are in use at the same time. Of one more, requests look up a little more often whether it is written down.
const CAPACITY: u64 = 100_000;

/// Sessions, and until when there is nothing to write down about their use.
#[derive(Clone)]
pub(crate) struct Uses(Cache<SessionId, Timestamp>);

impl Uses {
    pub(crate) fn new() -> Self {
        let life = Duration::from_secs(EVERY_SECONDS.unsigned_abs());
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(life).build())
    }

    /// Whether a session was looked up a moment ago and its use need not be written down: not that it lives.
    pub(crate) fn is_known(&self, session: SessionId, now: Timestamp) -> bool {
        self.0.get(&session).is_some_and(|until| now < until)
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
        let until = last_used_at.plus_seconds(every);
        if last_used_at > created_at && now < until {
            self.0.insert(session, until);
            return;
        }
        let written = now.plus_seconds(WRITING_SECONDS.min(every));
        let entry = self.0.entry(session).or_insert_with_if(|| written, |until| *until <= now);
        if !entry.is_fresh() {
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
