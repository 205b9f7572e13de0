//! The counters that instances share.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ::redis::{
    Client, RedisResult, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use rustls::crypto::CryptoProvider;
use sha2::{Digest, Sha256};
use tokio::{runtime::Handle, time::timeout};

use crate::{Bucket, Error};

/// How long Redis may take. It answers within a millisecond when it is well, and somebody waits for a login.
const PATIENCE: Duration = Duration::from_millis(150);

/// After it did not answer, Redis is left alone for this long: who comes meanwhile does not wait for it.
const PAUSE: Duration = Duration::from_secs(1);

/// Counters in a Redis. Every script runs as one command, and by the clock of Redis: exact over instances, whatever theirs show.
pub(crate) struct Redis {
    connection: ConnectionManager,
    prefix: String,
    take: Script,
    give_back: Script,
    /// When Redis may be asked again; none while it is well.
    paused_until: Mutex<Option<Instant>>,
}

impl Redis {
    pub(crate) fn new(url: &str, prefix: &str) -> Result<Self, Error> {
        // The client would panic.
        Handle::try_current().map_err(|_| Error::Runtime)?;
        if url.starts_with("rediss:") && CryptoProvider::get_default().is_none() {
            // TLS wants a cryptography, and the client brings none. Somebody may be faster, and that is just as well.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let client = Client::open(url).map_err(|_| Error::Url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            // Whoever comes after the pause tries again.
            .set_number_of_retries(0);
        Ok(Self {
            connection: ConnectionManager::new_lazy_with_config(client, config).map_err(|_| Error::Url)?,
            prefix: prefix.to_owned(),
            take: Script::new(include_str!("redis/take.lua")),
            give_back: Script::new(include_str!("redis/give_back.lua")),
            paused_until: Mutex::default(),
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
        let mut connection = self.connection.clone();
        let answer: Vec<i64> = self.ask(invocation.invoke_async(&mut connection)).await?;
        let (refuses, used) = answer.split_first()?;
        // Lua counts from one.
        let refuses = usize::try_from(*refuses).ok().and_then(|index| index.checked_sub(1));
        (used.len() == buckets.len()).then(|| (used.to_vec(), refuses))
    }

    pub(crate) async fn give_back(&self, bucket: &Bucket<'_>) {
        let mut invocation = self.give_back.prepare_invoke();
        invocation.key(self.key(bucket)).arg(bucket.quota.interval());
        let mut connection = self.connection.clone();
        let _: Option<()> = self.ask(invocation.invoke_async(&mut connection)).await;
    }

    pub(crate) async fn reset(&self, bucket: &Bucket<'_>) {
        let delete = ::redis::cmd("DEL").arg(self.key(bucket)).to_owned();
        let mut connection = self.connection.clone();
        let _: Option<()> = self.ask(delete.query_async(&mut connection)).await;
    }

    /// The key of a bucket: all with the same hash tag, so that a cluster has them in one place, and nobody's name in clear.
    fn key(&self, bucket: &Bucket<'_>) -> String {
        let digest = Sha256::digest(bucket.key.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{{{}}}:{}:{digest}", self.prefix, bucket.name)
    }

    /// The answer, unless Redis is paused, fails or is too slow.
    async fn ask<T>(&self, question: impl Future<Output = RedisResult<T>>) -> Option<T> {
        let was_well = self.may_ask()?;
        let answer = match timeout(PATIENCE, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        };
        *self.paused_until() = answer.is_err().then(|| Instant::now() + PAUSE);
        match &answer {
            Ok(_) if !was_well => tracing::info!("Redis is back: limits are shared again"),
            Err(error) if was_well => {
                tracing::warn!(error, "Redis does not answer: each instance has its limits to itself");
            }
            _ => {}
        }
        answer.ok()
    }

    /// Whether Redis was well when it was last asked; none during a pause. After one, the first who comes tries it out for the others.
    fn may_ask(&self) -> Option<bool> {
        let mut paused_until = self.paused_until();
        let now = Instant::now();
        match *paused_until {
            None => Some(true),
            Some(until) if now < until => None,
            Some(_) => {
                *paused_until = Some(now + PAUSE);
                Some(false)
            }
        }
    }

    fn paused_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
