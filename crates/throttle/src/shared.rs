//! The counters that instances share through Redis.

use data_encoding::HEXLOWER;
use redis::{Script, cmd};
use sha2::{Digest, Sha256};

use crate::connection::Connection;
use crate::decision::Decision;
use crate::{Bucket, Error};

/// Counters in Redis.
///
/// Redis runs each script as one command and with its own clock. The counts are therefore exact
/// over all instances, and the clocks of the instances do not matter.
pub(crate) struct SharedCounters {
    connection: Connection,
    prefix: String,
    take: Script,
    give_back: Script,
}

impl SharedCounters {
    pub(crate) fn new(url: &str, prefix: &str) -> Result<Self, Error> {
        Ok(Self {
            connection: Connection::new(url)?,
            prefix: prefix.to_owned(),
            take: Script::new(include_str!("shared/take.lua")),
            give_back: Script::new(include_str!("shared/give_back.lua")),
        })
    }

    /// Takes one unit from each bucket, or from none. Returns `None` if Redis does not reply.
    pub(crate) async fn take(&self, buckets: &[Bucket<'_>]) -> Option<Decision> {
        let mut invocation = self.take.prepare_invoke();
        for bucket in buckets {
            let (interval, limit) = (bucket.quota.interval(), bucket.quota.limit());
            invocation.key(self.key(bucket)).arg(interval).arg(limit);
        }
        let take = |mut connection| async move { invocation.invoke_async(&mut connection).await };
        let reply: Vec<i64> = self.connection.run(take).await?;
        let (refused_by, used) = reply.split_first()?;
        // Lua counts from one.
        let refused_by = usize::try_from(*refused_by).ok().and_then(|index| index.checked_sub(1));
        (used.len() == buckets.len() && refused_by.is_none_or(|index| index < used.len()))
            .then(|| Decision { used: used.to_vec(), refused_by })
    }

    /// Gives one unit back to a bucket.
    pub(crate) async fn give_back(&self, bucket: &Bucket<'_>) {
        let mut invocation = self.give_back.prepare_invoke();
        invocation.key(self.key(bucket)).arg(bucket.quota.interval());
        let give_back = |mut connection| async move { invocation.invoke_async(&mut connection).await };
        let _: Option<()> = self.connection.run(give_back).await;
    }

    /// Gives all units back to a bucket.
    pub(crate) async fn reset(&self, bucket: &Bucket<'_>) {
        let delete = cmd("DEL").arg(self.key(bucket)).to_owned();
        let delete = |mut connection| async move { delete.query_async(&mut connection).await };
        let _: Option<()> = self.connection.run(delete).await;
    }

    /// Returns the Redis key of a bucket. All keys have the same hash tag, so a Redis cluster keeps
    /// them on one node. The bucket's key is hashed, so that Redis stores no personal data in plain
    /// text.
    fn key(&self, bucket: &Bucket<'_>) -> String {
        let digest = HEXLOWER.encode(&Sha256::digest(bucket.key.as_bytes()));
        format!("{{{}}}:{}:{digest}", self.prefix, bucket.name)
    }
}
