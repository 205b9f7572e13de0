//! The counters that instances share.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ::redis::{
    Client, ConnectionAddr, RedisResult, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use sha2::{Digest, Sha256};
use tokio::{runtime::Handle, time::timeout};

use crate::{Bucket, Error};

/// How long Redis may take. It answers within a millisecond when it is well, and somebody waits for a login.
const PATIENCE: Duration = Duration::from_millis(150);

/// After it did not answer, Redis is left alone for this long: who comes meanwhile does not wait for it.
const PAUSE: Duration = Duration::from_secs(1);

/// Counters in a Redis. Every script runs as one command, and by the clock of Redis: exact over instances, whatever theirs show.
pub(crate) struct Redis {
    client: Client,
    prefix: String,
    take: Script,
    give_back: Script,
    link: Mutex<Link>,
}

struct Link {
    connection: ConnectionManager,
    /// When Redis may be asked again; none while it is well.
    paused_until: Option<Instant>,
}

impl Redis {
    pub(crate) fn new(url: &str, prefix: &str) -> Result<Self, Error> {
        // The client would panic.
        Handle::try_current().map_err(|_| Error::Runtime)?;
        let client = Client::open(url).map_err(|_| Error::Url)?;
        // The client would refuse it only when it connects, which is never then.
        if let ConnectionAddr::TcpTls { insecure: true, .. } = client.get_connection_info().addr() {
            return Err(Error::Url);
        }
        let connection = connect(&client).map_err(|_| Error::Url)?;
        Ok(Self {
            client,
            prefix: prefix.to_owned(),
            take: Script::new(include_str!("redis/take.lua")),
            give_back: Script::new(include_str!("redis/give_back.lua")),
            link: Mutex::new(Link { connection, paused_until: None }),
        })
    }

    /// Takes one from each bucket or from none: how much of each is used up afterwards, in microseconds, and the one that refuses.
    /// `None` when Redis does not answer.
    pub(crate) async fn take(&self, buckets: &[Bucket<'_>]) -> Option<(Vec<i64>, Option<usize>)> {
        let mut invocation = self.take.prepare_invoke();
        for bucket in buckets {
            let (interval, limit) = (bucket.quota.interval(), bucket.quota.limit());
            invocation.key(self.key(bucket)).arg(interval).arg(limit);
        }
        let answer: Vec<i64> =
            self.ask(|mut connection| async move { invocation.invoke_async(&mut connection).await }).await?;
        let (refuses, used) = answer.split_first()?;
        // Lua counts from one.
        let refuses = usize::try_from(*refuses).ok().and_then(|index| index.checked_sub(1));
        (used.len() == buckets.len() && refuses.is_none_or(|index| index < used.len()))
            .then(|| (used.to_vec(), refuses))
    }

    pub(crate) async fn give_back(&self, bucket: &Bucket<'_>) {
        let mut invocation = self.give_back.prepare_invoke();
        invocation.key(self.key(bucket)).arg(bucket.quota.interval());
        let _: Option<()> =
            self.ask(|mut connection| async move { invocation.invoke_async(&mut connection).await }).await;
    }

    pub(crate) async fn reset(&self, bucket: &Bucket<'_>) {
        let delete = ::redis::cmd("DEL").arg(self.key(bucket)).to_owned();
        let _: Option<()> =
            self.ask(|mut connection| async move { delete.query_async(&mut connection).await }).await;
    }

    /// The key of a bucket: all with the same hash tag, so that a cluster has them in one place, and nobody's name in clear.
    fn key(&self, bucket: &Bucket<'_>) -> String {
        let digest = Sha256::digest(bucket.key.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{{{}}}:{}:{digest}", self.prefix, bucket.name)
    }

    /// The answer, unless Redis is paused, fails or is too slow.
    async fn ask<T, F>(&self, question: impl FnOnce(ConnectionManager) -> F) -> Option<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (connection, was_well) = self.may_ask()?;
        let answer = match timeout(PATIENCE, question(connection)).await {
            Ok(Ok(answer)) => Ok(answer),
            // Not the words of the server: it may repeat what it was asked.
            Ok(Err(error)) => Err(error.category().to_owned()),
            Err(_) => Err("no answer in time".to_owned()),
        };
        match &answer {
            Ok(_) => {
                if self.link().paused_until.take().is_some() {
                    tracing::info!("Redis is back: limits are shared again");
                }
            }
            Err(error) => {
                if self.pause(was_well) {
                    tracing::warn!(error, "Redis does not answer: each instance has its limits to itself");
                }
            }
        }
        answer.ok()
    }

    /// The connection, and whether Redis was well when it was last asked; none during a pause. After one, the first who comes tries it
    /// out for the others.
    fn may_ask(&self) -> Option<(ConnectionManager, bool)> {
        let mut link = self.link();
        let now = Instant::now();
        let was_well = link.paused_until.is_none();
        match link.paused_until {
            Some(until) if now < until => return None,
            Some(_) => link.paused_until = Some(now + PAUSE),
            None => {}
        }
        Some((link.connection.clone(), was_well))
    }

    /// Begins a pause, and a new connection that is made meanwhile, when nobody waits for it: the client does not renew one whose
    /// login was refused, whose server was still loading its data, or whose packets get lost. Whether it is the first pause of several.
    fn pause(&self, was_well: bool) -> bool {
        let mut link = self.link();
        let is_paused = link.paused_until.replace(Instant::now() + PAUSE).is_some();
        // Of those who asked while it was well, the first that fails does this for all.
        if was_well && is_paused {
            return false;
        }
        if let Ok(connection) = connect(&self.client) {
            link.connection = connection.clone();
            let mut connection = connection;
            tokio::spawn(async move {
                // What comes of it shows when Redis is asked next.
                let _: RedisResult<()> = ::redis::cmd("PING").query_async(&mut connection).await;
            });
        }
        !is_paused
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is made when it is first used.
fn connect(client: &Client) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        // Nobody waits for it longer than for an answer; what takes longer goes on during the pause.
        .set_connection_timeout(Some(PAUSE))
        .set_response_timeout(Some(PATIENCE))
        // The next pause is the next attempt.
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}
