//! Records when a session was last active, at most once a minute.

use std::time::Duration;

use actix_web::rt::spawn;
use daybook_domain::{SessionId, SessionPolicy, Timestamp, UserId};
use daybook_persistence::{Activity, Database};
use moka::sync::Cache;
use tracing::Instrument;

/// The activity of a session is recorded once in this time. A finer record has no use, and one
/// write a minute for each active user costs a database nothing. Sessions with a short idle time
/// are recorded more often.
const RECORD_INTERVAL_SECONDS: i64 = 60;

/// While a record is being written, other requests of the session do not write it again.
const RETRY_SECONDS: i64 = 5;

/// More sessions than are active within a minute. Beyond it, requests look up a little more often
/// if there is a record.
const CAPACITY: u64 = 100_000;

/// For each active session, the time until which its activity need not be recorded.
#[derive(Clone)]
pub(crate) struct ActivityRecorder(Cache<SessionId, Timestamp>);

impl ActivityRecorder {
    pub(crate) fn new() -> Self {
        let life = Duration::from_secs(RECORD_INTERVAL_SECONDS.unsigned_abs());
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(life).build())
    }

    /// True if this session's activity was recorded within the last minute. Says nothing about
    /// whether the session is still valid.
    pub(crate) fn is_recorded(&self, session: SessionId, now: Timestamp) -> bool {
        self.0.get(&session).is_some_and(|until| now < until)
    }

    /// Records in the background that a session is active, unless that was done within the last
    /// minute.
    ///
    /// The first activity after the login is always recorded. It distinguishes a used session from
    /// one that a script opens and never uses.
    pub(crate) fn record(
        &self,
        database: &Database,
        policy: SessionPolicy,
        (user, session): (UserId, SessionId),
        activity: Activity,
        now: Timestamp,
    ) {
        let Activity { created_at, last_used_at } = activity;
        let interval = RECORD_INTERVAL_SECONDS.min(policy.idle_seconds / 10);
        let until = last_used_at.plus_seconds(interval);
        if last_used_at > created_at && now < until {
            self.0.insert(session, until);
            return;
        }
        let written = now.plus_seconds(RETRY_SECONDS.min(interval));
        let entry = self.0.entry(session).or_insert_with_if(|| written, |until| *until <= now);
        if !entry.is_fresh() {
            return;
        }
        let (database, expires_at) = (database.clone(), policy.expiry(created_at, now));
        let record = async move {
            let touch = database.touch_session(user, session, last_used_at, expires_at, now);
            if let Err(error) = touch.await {
                tracing::warn!(%error, "the activity of a session was not recorded");
            }
        };
        spawn(record.in_current_span());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn is_recorded_until_a_minute_or_a_tenth_of_the_idle_time_after_the_last_use() {
        // Nothing connects, because this use is recorded already.
        let url = "postgres://ada@localhost/never_opened".parse().unwrap();
        let database = Database::open(&url).unwrap();
        let (session, used) = (SessionId(7), Timestamp::now());
        let activity = Activity { created_at: used.plus_seconds(-1), last_used_at: used };
        for (idle_seconds, seconds) in [(1_000_000, 60), (100, 10)] {
            let recorder = ActivityRecorder::new();
            assert!(!recorder.is_recorded(session, used));
            let policy = SessionPolicy { idle_seconds, ..SessionPolicy::default() };
            recorder.record(&database, policy, (UserId(1), session), activity, used);
            let until = used.plus_seconds(seconds);
            assert!(recorder.is_recorded(session, until.plus_micros(-1)));
            assert!(!recorder.is_recorded(session, until));
            assert!(!recorder.is_recorded(SessionId(8), used));
        }
    }
}
