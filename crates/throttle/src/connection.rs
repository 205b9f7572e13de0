//! The connection to Redis: a timeout for each command, and a pause after a failure.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ConnectionAddr, RedisResult};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::Error;

/// The timeout of a command. A healthy Redis answers within a millisecond, and a request waits for
/// the answer.
const REDIS_TIMEOUT: Duration = Duration::from_millis(150);

/// The pause after a failure. Takes during the pause do not wait for Redis.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The connection that all takes share.
pub(crate) struct Connection {
    client: Client,
    state: Mutex<State>,
}

struct State {
    manager: ConnectionManager,
    /// The end of the pause; `None` while Redis is healthy.
    retry_at: Option<Instant>,
}

impl Connection {
    /// Returns a connection. The first command opens it.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] or [`Error::Runtime`].
    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        // Without a runtime, the Redis client would panic.
        Handle::try_current().map_err(|_| Error::Runtime)?;
        let client = Client::open(url).map_err(|_| Error::Url)?;
        // The Redis client accepts this URL, but then fails to connect each time.
        if let ConnectionAddr::TcpTls { insecure: true, .. } = client.get_connection_info().addr() {
            return Err(Error::Url);
        }
        let manager = connect(&client).map_err(|_| Error::Url)?;
        Ok(Self { client, state: Mutex::new(State { manager, retry_at: None }) })
    }

    /// Runs a command. Returns `None` if Redis fails or does not answer in time. During the pause
    /// after such a failure, returns `None` at once.
    pub(crate) async fn run<T, F>(&self, command: impl FnOnce(ConnectionManager) -> F) -> Option<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (manager, was_healthy) = self.try_begin()?;
        let error = match timeout(REDIS_TIMEOUT, command(manager)).await {
            Ok(Ok(reply)) => {
                if self.state().retry_at.take().is_some() {
                    tracing::info!("Redis is back: limits are shared again");
                }
                return Some(reply);
            }
            // Only the category is logged, because the server's message may repeat the command.
            Ok(Err(error)) => error.category().to_owned(),
            Err(_) => "timed out".to_owned(),
        };
        if self.pause(was_healthy) {
            tracing::warn!(error, "Redis does not answer: each instance counts alone");
        }
        None
    }

    /// Returns the connection, and true if Redis was healthy at the last command. Returns `None`
    /// during a pause. After the pause, one command tries Redis, and the others still return
    /// `None`.
    fn try_begin(&self) -> Option<(ConnectionManager, bool)> {
        let mut state = self.state();
        let now = Instant::now();
        let was_healthy = state.retry_at.is_none();
        match state.retry_at {
            Some(retry_at) if now < retry_at => return None,
            Some(_) => state.retry_at = Some(now + RETRY_INTERVAL),
            None => {}
        }
        Some((state.manager.clone(), was_healthy))
    }

    /// Begins a pause and opens a new connection in the background. Returns true if Redis was
    /// healthy before.
    ///
    /// The Redis client keeps a connection after a failed login, while the server loads its data,
    /// and if packets are lost. None of these connections recovers by itself.
    fn pause(&self, was_healthy: bool) -> bool {
        let mut state = self.state();
        let is_paused = state.retry_at.replace(Instant::now() + RETRY_INTERVAL).is_some();
        // Commands that began while Redis was healthy fail together. The first of them has begun
        // the pause and reconnected.
        if was_healthy && is_paused {
            return false;
        }
        if let Ok(manager) = connect(&self.client) {
            state.manager = manager.clone();
            let mut manager = manager;
            tokio::spawn(async move {
                // The result is ignored, because the next command detects a failure.
                let _: RedisResult<()> = redis::cmd("PING").query_async(&mut manager).await;
            });
        }
        !is_paused
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a connection that its first command opens.
fn connect(client: &Client) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        // A command never waits longer than its own timeout. Connecting may take longer, and
        // continues during the pause.
        .set_connection_timeout(Some(RETRY_INTERVAL))
        .set_response_timeout(Some(REDIS_TIMEOUT))
        // The client must not retry. The first command after the pause is the retry.
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}
