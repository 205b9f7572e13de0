//! How often one user may change something, ask for summaries and look-ups of the weather, and
//! refresh sessions. So one user never takes more than a share of the service.

use daybook_domain::{Timestamp, UserId};
use daybook_throttle::{Bucket, Error, Quota, Refusal, Throttle};

/// The quotas of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserQuotas {
    /// Changes of notes and tasks.
    pub(crate) write: Quota,
    /// Summaries that are not stored yet.
    pub(crate) summary: Quota,
    /// Cities and forecasts that are not cached.
    pub(crate) weather: Quota,
    /// Refreshes of all sessions together.
    pub(crate) refresh: Quota,
}

/// Counts the requests of each user against the quotas. Clones share the counters.
#[derive(Clone)]
pub(crate) struct UserLimits {
    /// `None` if the limits are off.
    limits: Option<Limits>,
}

#[derive(Clone)]
struct Limits {
    quotas: UserQuotas,
    /// Counts writes in this process alone. A shared counter would take about as long as the write.
    local: Throttle,
    /// Counts the other classes for all instances, if there is Redis.
    shared: Throttle,
}

impl UserLimits {
    pub(crate) fn new(quotas: UserQuotas) -> Self {
        Self { limits: Some(Limits { quotas, local: Throttle::new(), shared: Throttle::new() }) }
    }

    pub(crate) fn unlimited() -> Self {
        Self { limits: None }
    }

    /// Shares all limits except that of writes with the instances that use the same Redis and
    /// namespace.
    ///
    /// # Errors
    ///
    /// Those of [`Throttle::with_redis`].
    pub(crate) fn with_redis(mut self, url: &str, namespace: &str) -> Result<Self, Error> {
        if let Some(limits) = &mut self.limits {
            limits.shared = limits.shared.clone().with_redis(url, namespace)?;
        }
        Ok(self)
    }

    /// Counts a change of a note or a task.
    pub(crate) async fn write(&self, user: UserId, now: Timestamp) -> Result<(), Refusal> {
        let Some(limits) = &self.limits else { return Ok(()) };
        take(&limits.local, "write", limits.quotas.write, user, now).await
    }

    /// Counts a summary that has to be made.
    pub(crate) async fn summary(&self, user: UserId, now: Timestamp) -> Result<(), Refusal> {
        let Some(limits) = &self.limits else { return Ok(()) };
        take(&limits.shared, "summary", limits.quotas.summary, user, now).await
    }

    /// Counts a call to the geocoder or the forecast.
    pub(crate) async fn weather(&self, user: UserId, now: Timestamp) -> Result<(), Refusal> {
        let Some(limits) = &self.limits else { return Ok(()) };
        take(&limits.shared, "weather", limits.quotas.weather, user, now).await
    }

    /// Counts a refresh of one of the user's sessions.
    pub(crate) async fn refresh(&self, user: UserId, now: Timestamp) -> Result<(), Refusal> {
        let Some(limits) = &self.limits else { return Ok(()) };
        take(&limits.shared, "refresh", limits.quotas.refresh, user, now).await
    }
}

async fn take(
    throttle: &Throttle,
    name: &'static str,
    quota: Quota,
    user: UserId,
    now: Timestamp,
) -> Result<(), Refusal> {
    let key = user.to_string();
    throttle.take(&[Bucket { name, key: &key, quota }], now.as_micros()).await
}
