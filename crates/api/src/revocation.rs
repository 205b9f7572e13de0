//! Sessions that ended a short while ago, refused without asking the database.
//!
//! The database is the truth: it is asked about every token that is not refused here, so nothing that is missing in this list lets a
//! revoked token in. With Redis, instances tell each other what they have ended, through a stream that each follows in the background:
//! no request ever waits for Redis.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use daybook_auth::ACCESS_TOKEN_SECONDS;
use daybook_domain::{SessionId, Timestamp};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::streams::StreamReadReply;
use redis::{Client, RedisResult, cmd};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::config::RedisUrl;

/// Ended sessions that are remembered: those of half an hour, and if they are more, the newest. About 10 MB.
const REMEMBERED: u64 = 100_000;

/// No access token of an ended session is good for longer than this.
const LIFE: Duration = Duration::from_secs(ACCESS_TOKEN_SECONDS.unsigned_abs());

/// How often the stream is read: well within the second that an ending may take to be known everywhere.
const POLL: Duration = Duration::from_millis(250);

/// How long Redis may take to answer. It answers within a millisecond when it is well.
const PATIENCE: Duration = Duration::from_millis(500);

/// Endings that wait for Redis to come back. What does not fit, the database knows.
const WAITING: usize = 10_000;

/// Entries that are read or written at once, and announcements that wait to be taken up.
const BATCH: usize = 1_000;

/// Clocks of instances and of Redis may differ by this many seconds.
const SKEW_SECONDS: i64 = 10;

/// Sessions, and when they ended.
type Ended = Cache<SessionId, Timestamp>;

/// The list, shared by all workers.
#[derive(Clone)]
pub(crate) struct Revocations {
    ended: Ended,
    announced: Option<mpsc::Sender<Vec<SessionId>>>,
    redis_is_well: Arc<AtomicBool>,
}

impl Revocations {
    /// Starts to follow the stream of this namespace, if there is a Redis, on the runtime that this is called in. A Redis that is down may
    /// come up later.
    pub(crate) fn new(redis: Option<&RedisUrl>, namespace: &str) -> RedisResult<Self> {
        let ended = Cache::builder()
            .max_capacity(REMEMBERED)
            .time_to_live(LIFE)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        let redis_is_well = Arc::new(AtomicBool::new(true));
        let Some(url) = redis else { return Ok(Self { ended, announced: None, redis_is_well }) };
        let client = Client::open(url.expose())?;
        let (announced, announcements) = mpsc::channel(BATCH);
        let stream = format!("{namespace}:ended-sessions");
        let follower = Follower::new(client, stream, ended.clone(), Arc::clone(&redis_is_well))?;
        tokio::spawn(follower.run(announcements));
        Ok(Self { ended, announced: Some(announced), redis_is_well })
    }

    /// Whether a token that was issued then, for this session, is known to have been revoked.
    ///
    /// A token that is younger than the end belongs to another session with the same id, in a database that was set up anew or restored:
    /// the database knows.
    pub(crate) fn contains(&self, session: SessionId, issued_at: Timestamp) -> bool {
        self.ended.get(&session).is_some_and(|ended_at| issued_at <= ended_at.plus_seconds(SKEW_SECONDS))
    }

    /// Whether Redis answered when it was last asked; none without a Redis.
    pub(crate) fn redis_is_well(&self) -> Option<bool> {
        self.announced.as_ref().map(|_| self.redis_is_well.load(Ordering::Relaxed))
    }

    /// Remembers sessions that the database has ended, and tells the other instances.
    pub(crate) fn announce(&self, sessions: Vec<SessionId>) {
        for session in &sessions {
            self.ended.insert(*session, Timestamp::now());
        }
        if let Some(announced) = &self.announced
            && !sessions.is_empty()
        {
            // When too many wait for Redis, these are left to the database.
            let _ = announced.try_send(sessions);
        }
    }
}

/// Writes and reads the stream.
struct Follower {
    client: Client,
    connection: ConnectionManager,
    /// The stream, one entry for each session that ended.
    stream: String,
    ended: Ended,
    /// What could not be written yet.
    waiting: VecDeque<SessionId>,
    /// The last entry that was read.
    last: String,
    is_well: Arc<AtomicBool>,
}

impl Follower {
    fn new(client: Client, stream: String, ended: Ended, is_well: Arc<AtomicBool>) -> RedisResult<Self> {
        let connection = connect(&client)?;
        Ok(Self {
            client,
            connection,
            stream,
            ended,
            waiting: VecDeque::new(),
            last: entry_before(LIFE),
            is_well,
        })
    }

    /// Until the last [`Revocations`] is gone.
    async fn run(mut self, mut announcements: mpsc::Receiver<Vec<SessionId>>) {
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut announced = Vec::new();
        loop {
            let done = tokio::select! {
                count = announcements.recv_many(&mut announced, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    self.waiting.extend(announced.drain(..).flatten());
                    let too_many = self.waiting.len().saturating_sub(WAITING);
                    self.waiting.drain(..too_many);
                    self.write().await
                }
                _ = poll.tick() => self.exchange().await,
            };
            self.tell(done);
        }
    }

    async fn exchange(&mut self) -> RedisResult<()> {
        self.write().await?;
        self.read().await
    }

    async fn write(&mut self) -> RedisResult<()> {
        while !self.waiting.is_empty() {
            let count = self.waiting.len().min(BATCH);
            let mut pipeline = redis::pipe();
            for session in self.waiting.iter().take(count) {
                // Older entries go, and without a new one the whole stream does.
                pipeline.cmd("XADD").arg(&self.stream).arg("MINID").arg("~").arg(entry_before(LIFE));
                pipeline.arg("*").arg("session").arg(session.0).ignore();
            }
            pipeline.cmd("EXPIRE").arg(&self.stream).arg(LIFE.as_secs()).ignore();
            in_time(pipeline.query_async::<()>(&mut self.connection)).await?;
            self.waiting.drain(..count);
        }
        Ok(())
    }

    async fn read(&mut self) -> RedisResult<()> {
        loop {
            let mut read = cmd("XREAD");
            read.arg("COUNT").arg(BATCH).arg("STREAMS").arg(&self.stream).arg(&self.last);
            let reply: Option<StreamReadReply> = in_time(read.query_async(&mut self.connection)).await?;
            let entries = reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids);
            let mut count = 0;
            for entry in entries {
                if let Some(session) = entry.get::<i64>("session") {
                    self.ended.insert(SessionId(session), written_at(&entry.id));
                }
                self.last = entry.id;
                count += 1;
            }
            if count < BATCH {
                return Ok(());
            }
        }
    }

    /// Says once when Redis goes and once when it is back.
    fn tell(&mut self, done: RedisResult<()>) {
        if done.is_err()
            && let Ok(connection) = connect(&self.client)
        {
            // The client does not renew a connection whose login was refused or whose server was still loading its data.
            self.connection = connection;
        }
        let was_well = self.is_well.swap(done.is_ok(), Ordering::Relaxed);
        match done {
            Ok(()) if !was_well => tracing::info!("Redis is back"),
            Err(error) if was_well => {
                // Not the words of the server: it may repeat what it was asked.
                let error = error.category();
                tracing::warn!(
                    error,
                    "Redis does not answer: the database alone tells which sessions have ended"
                );
            }
            _ => {}
        }
    }
}

/// A connection that is made when it is first used.
fn connect(client: &Client) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        // The next poll is the next attempt.
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

async fn in_time<T>(work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

/// When an entry was written. What cannot be read is taken for new.
fn written_at(entry: &str) -> Timestamp {
    let millis = entry.split('-').next().and_then(|millis| millis.parse::<i64>().ok());
    let micros = millis.and_then(|millis| millis.checked_mul(1_000));
    micros.and_then(Timestamp::from_micros).unwrap_or_else(Timestamp::now)
}

/// The id that an entry of that long ago has: streams count in milliseconds.
fn entry_before(age: Duration) -> String {
    let now = Timestamp::now().as_micros() / 1_000;
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    format!("{}-0", now.saturating_sub(age).max(0))
}
