//! The public type. A service asks it for each request, and informs it when a session ends.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::Error;
use crate::background_task::BackgroundTask;
use crate::ended::EndedSessionCache;
use crate::stream::Stream;

/// The maximum number of [`Revocations::revoke`] calls in the queue of the background task.
const QUEUE_MAX: usize = 1_000;

/// Redis counts the expiry of a stream in whole seconds.
const LIFETIME_MIN: Duration = Duration::from_secs(1);
/// A year is within the ranges of Redis and of the cache. No access token should live longer.
const LIFETIME_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Sessions that ended recently. Clones share everything.
///
/// A session is identified by its id. Times are Unix seconds, like the `iat` of a JWT (RFC 7519,
/// section 4.1.6). No method waits, so a request handler can call each of them.
///
/// # With Redis
///
/// A background task shares ended sessions with the other instances. It runs on the Tokio runtime
/// that calls [`Revocations::with_redis`], and ends when the last clone is dropped.
#[derive(Clone)]
pub struct Revocations {
    ended: EndedSessionCache,
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
    /// `token_lifetime` is the lifetime of an access token. A session is forgotten after this time,
    /// because all of its tokens have expired by then. A value under one second counts as one
    /// second, and a value over a year as a year.
    #[must_use]
    pub fn new(token_lifetime: Duration) -> Self {
        let lifetime = token_lifetime.clamp(LIFETIME_MIN, LIFETIME_MAX);
        Self { ended: EndedSessionCache::new(lifetime), lifetime, shared: None }
    }

    /// Shares ended sessions with all instances that use the same Redis and the same namespace.
    ///
    /// Starts the background task, which connects. The Redis server may start later.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] if the URL is not a Redis URL, or disables the verification of certificates.
    /// [`Error::Runtime`] if the caller is outside a Tokio runtime.
    pub fn with_redis(self, url: &str, namespace: &str) -> Result<Self, Error> {
        let stream = Stream::new(url, format!("{namespace}:ended-sessions"), self.lifetime)?;
        let redis_is_healthy = Arc::new(AtomicBool::new(true));
        let (sessions, receiver) = mpsc::channel(QUEUE_MAX);
        let background_task = BackgroundTask::new(stream, self.ended.clone(), Arc::clone(&redis_is_healthy));
        tokio::spawn(background_task.run(receiver));
        Ok(Self { shared: Some(Shared { sessions, redis_is_healthy }), ..self })
    }

    /// Returns true if a token of this session, issued at this time, is known to be revoked.
    ///
    /// `false` does not mean that the session is live. Only the database knows that. A token may be
    /// issued more than 10 seconds after the session ended. It belongs to a later session with the
    /// same id, for example in a restored database. Such a token is not revoked.
    #[must_use]
    pub fn is_revoked(&self, session: i64, issued_at: i64) -> bool {
        self.ended.contains(session, issued_at)
    }

    /// Records that sessions have ended, and shares this with the other instances.
    ///
    /// Call it after the sessions have ended in the database. If the queue for Redis is full, these
    /// sessions are not shared. The other instances then find out from the database.
    pub fn revoke(&self, sessions: impl IntoIterator<Item = i64>, now: i64) {
        let sessions: Vec<i64> = sessions.into_iter().collect();
        for session in &sessions {
            self.ended.insert(*session, now);
        }
        if let Some(shared) = &self.shared
            && !sessions.is_empty()
        {
            // If the queue is full, the sessions are not shared, as documented.
            let _ = shared.sessions.try_send(sessions);
        }
    }

    /// Returns true if the last command to Redis succeeded, and `None` without Redis.
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
