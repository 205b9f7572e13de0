//! The Redis stream that instances share, with one entry for each ended session.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::streams::{StreamId, StreamReadReply};
use redis::{Client, ConnectionAddr, RedisResult, cmd, pipe};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::Error;

/// The maximum number of entries in one command.
pub(crate) const BATCH: usize = 1_000;

/// The timeout of a command. A healthy Redis answers within a millisecond, and no request waits.
const REDIS_TIMEOUT: Duration = Duration::from_millis(500);

/// A stream, and the position of the next read.
pub(crate) struct Stream {
    client: Client,
    connection: ConnectionManager,
    key: String,
    /// Older entries are neither kept nor read.
    lifetime: Duration,
    /// The id of the last entry that was read.
    position: String,
}

/// One entry of the stream.
pub(crate) struct Entry {
    /// `None` if another program wrote the entry.
    pub(crate) session: Option<i64>,
    /// In Unix seconds, by the clock of Redis.
    pub(crate) written_at: i64,
}

impl Stream {
    /// Returns a stream. Reads begin at the oldest entry within the lifetime. The first command
    /// connects.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] or [`Error::Runtime`].
    pub(crate) fn new(url: &str, key: String, lifetime: Duration) -> Result<Self, Error> {
        // Without a runtime, the Redis client would panic.
        Handle::try_current().map_err(|_| Error::Runtime)?;
        let client = Client::open(url).map_err(|_| Error::Url)?;
        // The Redis client accepts this URL, but then fails to connect each time.
        if let ConnectionAddr::TcpTls { insecure: true, .. } = client.get_connection_info().addr() {
            return Err(Error::Url);
        }
        let connection = connect(&client).map_err(|_| Error::Url)?;
        Ok(Self { client, connection, key, lifetime, position: entry_id_before(lifetime) })
    }

    /// Appends one entry for each session, trims outdated entries, and renews the expiry of the
    /// stream.
    pub(crate) async fn append(&mut self, sessions: impl Iterator<Item = &i64>) -> RedisResult<()> {
        let mut pipeline = pipe();
        for session in sessions {
            pipeline.cmd("XADD").arg(&self.key).arg("MINID").arg("~").arg(entry_id_before(self.lifetime));
            pipeline.arg("*").arg("session").arg(session).ignore();
        }
        pipeline.cmd("EXPIRE").arg(&self.key).arg(self.lifetime.as_secs()).ignore();
        with_timeout(pipeline.query_async(&mut self.connection)).await
    }

    /// Returns the next entries. At the end of the stream, these are fewer than [`BATCH`].
    pub(crate) async fn read(&mut self) -> RedisResult<Vec<Entry>> {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(BATCH).arg("STREAMS").arg(&self.key).arg(&self.position);
        let reply: Option<StreamReadReply> = with_timeout(read.query_async(&mut self.connection)).await?;
        let entries: Vec<_> =
            reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids).collect();
        if let Some(last) = entries.last() {
            self.position.clone_from(&last.id);
        }
        Ok(entries.iter().map(Entry::from).collect())
    }

    /// Replaces the connection by one that the next command opens.
    ///
    /// The Redis client keeps a connection after a failed login and while the server loads its
    /// data. Such a connection does not recover by itself.
    pub(crate) fn reconnect(&mut self) {
        if let Ok(connection) = connect(&self.client) {
            self.connection = connection;
        }
    }
}

impl From<&StreamId> for Entry {
    fn from(entry: &StreamId) -> Self {
        // An id is the milliseconds of the Unix time, `-`, and a number.
        let millis = entry.id.split('-').next().and_then(|millis| millis.parse::<i64>().ok());
        let written_at = millis.unwrap_or_else(unix_millis).div_euclid(1_000);
        Self { session: entry.get("session"), written_at }
    }
}

/// Returns a connection that its first command opens.
fn connect(client: &Client) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(REDIS_TIMEOUT))
        .set_response_timeout(Some(REDIS_TIMEOUT))
        // The client must not retry. The next command is the retry.
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

async fn with_timeout<T>(command: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout(REDIS_TIMEOUT, command)
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}

/// Returns the smallest possible id of an entry that was written this long ago.
fn entry_id_before(age: Duration) -> String {
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    format!("{}-0", unix_millis().saturating_sub(age).max(0))
}

fn unix_millis() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
