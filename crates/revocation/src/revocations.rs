//! The public type: what a service asks at each request, and calls when a session ends.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::Error;
use crate::ended::EndedSessions;
use crate::follower::Follower;
use crate::stream::Stream;

/// The maximum number of [`Revocations::revoke`] calls that wait for the background task.
const QUEUE: usize = 1_000;

/// Redis counts the expiry of a stream in whole seconds.
const LIFETIME_MIN: Duration = Duration::from_secs(1);
/// A year, within the ranges of Redis and of the cache. No access token should live longer.
const LIFETIME_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Sessions that ended recently. Clones share everything.
///
/// Sessions are named by their ids. Times are Unix seconds, like the `iat` of a JWT (RFC 7519,
/// section 4.1.6). No method waits, so each can be called in a request.
///
/// # With Redis
///
/// A background task shares ended sessions with the other instances. It runs on the Tokio runtime
/// in which [`Revocations::with_redis`] was called, and ends when the last clone is dropped.
#[derive(Clone)]
pub struct Revocations {
    ended: EndedSessions,
    lifetime: Duration,
    shared: Option<Shared>,
}

/// The connection to the background task.
#[derive(Clone)]
struct Shared {
    sessions: mpsc::Sender<Vec<i64>>,
    redis_is_healthy: Arc<AtomicBool>,
}

impl Revocations {
    /// Returns an empty set that is not shared with other instances.
    ///
    /// `token_lifetime` is how long an access token is valid. Ended sessions are remembered for
    /// this time: afterwards, all of their tokens have expired. A value under one second counts as
    /// one second, and a value over a year as a year.
    #[must_use]
    pub fn new(token_lifetime: Duration) -> Self {
        let lifetime = token_lifetime.clamp(LIFETIME_MIN, LIFETIME_MAX);
        Self { ended: EndedSessions::new(lifetime), lifetime, shared: None }
    }

    /// Shares ended sessions with all instances that use the same Redis and the same namespace.
    ///
    /// Starts the background task, which connects. A server that is down now may come up later.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] if the URL is not one of a Redis server.
    /// [`Error::Runtime`] if the caller is outside a Tokio runtime.
    pub fn with_redis(self, url: &str, namespace: &str) -> Result<Self, Error> {
        let stream = Stream::new(url, format!("{namespace}:ended-sessions"), self.lifetime)?;
        let redis_is_healthy = Arc::new(AtomicBool::new(true));
        let (sessions, receiver) = mpsc::channel(QUEUE);
        let follower = Follower::new(stream, self.ended.clone(), Arc::clone(&redis_is_healthy));
        tokio::spawn(follower.run(receiver));
        Ok(Self { shared: Some(Shared { sessions, redis_is_healthy }), ..self })
    }

    /// Returns whether a token of this session, issued at this time, is known to be revoked.
    ///
    /// `false` does not mean that the session is live: the database knows. A token that was issued
    /// more than 10 seconds after the end belongs to a later session with the same id, for example
    /// in a restored database. It is not revoked.
    #[must_use]
    pub fn is_revoked(&self, session: i64, issued_at: i64) -> bool {
        self.ended.contains(session, issued_at)
    }

    /// Records that sessions have ended, and shares this with the other instances.
    ///
    /// Call it after the database has ended the sessions. If too many ends wait for Redis, some are
    /// not shared, and the other instances learn of these from the database.
    pub fn revoke(&self, sessions: impl IntoIterator<Item = i64>, now: i64) {
        let sessions: Vec<i64> = sessions.into_iter().collect();
        for session in &sessions {
            self.ended.insert(*session, now);
        }
        if let Some(shared) = &self.shared
            && !sessions.is_empty()
        {
            // A full queue drops them, as documented.
            let _ = shared.sessions.try_send(sessions);
        }
    }

    /// Returns whether the last command to Redis succeeded. `None` without Redis.
    #[must_use]
    pub fn redis_is_healthy(&self) -> Option<bool> {
        self.shared.as_ref().map(|shared| shared.redis_is_healthy.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations").field("shared", &self.shared.is_some()).finish_non_exhaustive()
    }
}
