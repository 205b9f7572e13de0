//! How often one user may change something, ask for summaries and look-ups of the weather, and
//! refresh sessions, and how many requests of one user are served at once. So one user never takes
//! more than a share of the service.

use daybook_domain::{Timestamp, UserId};
use daybook_throttle::{Bucket, Concurrency, Permit, Quota, Refusal, Throttle};

use crate::error::{ApiError, ConcurrencyLimit};

/// The rate limits of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserRateLimits {
    /// Changes of notes and tasks.
    pub(crate) write: Quota,
    /// Summaries that are not stored yet.
    pub(crate) summary: Quota,
    /// Cities and forecasts that are not cached.
    pub(crate) weather: Quota,
    /// Refreshes of all sessions together.
    pub(crate) refresh: Quota,
}

/// All users together may make this many times the calls of one user. With the default of 60 a
/// minute this is a burst of 300 and 300 more in the first minute, which is what Open-Meteo allows.
/// Beyond it, Open-Meteo would reject the calls of everyone for a minute or longer.
const WEATHER_USERS: u32 = 5;

/// Requests of one user that are in flight at once, with those whose body is read or that wait for
/// another service. It is half of those that a process serves at once, and more than a client
/// needs: the connections of 85 browsers with six each.
const IN_FLIGHT: usize = 512;

/// Counts the requests of each user against the rate limits. Clones share the counters.
#[derive(Clone)]
pub(crate) struct UserLimits {
    /// `None` if the limits are off.
    limits: Option<Limits>,
}

#[derive(Clone)]
struct Limits {
    rates: UserRateLimits,
    /// Counts writes in this process alone. A shared counter would take about as long as the write.
    local: Throttle,
    /// Counts the others for all instances, if there is Redis.
    shared: Throttle,
    in_flight: Concurrency<UserId>,
}

impl UserLimits {
    /// Returns limits that this throttle counts, except writes.
    pub(crate) fn new(rates: UserRateLimits, shared: Throttle) -> Self {
        let in_flight = Concurrency::new(IN_FLIGHT, usize::MAX);
        Self { limits: Some(Limits { rates, local: Throttle::new(), shared, in_flight }) }
    }

    pub(crate) fn unlimited() -> Self {
        Self { limits: None }
    }

    /// Returns the permit of one request in flight. `None` without limits.
    ///
    /// # Errors
    ///
    /// [`ApiError::TooManyAtOnce`] if the user has too many.
    pub(crate) fn permit(&self, user: UserId) -> Result<Option<Permit<UserId>>, ApiError> {
        let Some(limits) = &self.limits else { return Ok(None) };
        let permit = limits.in_flight.try_acquire(user);
        permit.map(Some).map_err(|_| ApiError::TooManyAtOnce(ConcurrencyLimit::Requests, IN_FLIGHT))
    }

    /// Counts a change of a note or a task.
    pub(crate) async fn write(&self, user: UserId, now: Timestamp) -> Result<(), Refusal> {
        let Some(limits) = &self.limits else { return Ok(()) };
        take(&limits.local, "write", limits.rates.write, user, now).await
    }

    /// Counts a summary that has to be made.
    pub(crate) async fn summary(&self, user: UserId, now: Timestamp) -> Result<(), Refusal> {
        let Some(limits) = &self.limits else { return Ok(()) };
        take(&limits.shared, "summary", limits.rates.summary, user, now).await
    }

    /// Counts a call to the geocoder or the forecast, for the user and for all users together.
    pub(crate) async fn weather(&self, user: UserId, now: Timestamp) -> Result<(), Refusal> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let (quota, key) = (limits.rates.weather, user.to_string());
        let of_user = Bucket { name: "weather", key: &key, quota };
        let of_all = Bucket { name: "weather", key: "all", quota: quota.times(WEATHER_USERS) };
        limits.shared.take(&[of_user, of_all], now.as_micros()).await
    }

    /// Counts a refresh of one of the user's sessions.
    pub(crate) async fn refresh(&self, user: UserId, now: Timestamp) -> Result<(), Refusal> {
        let Some(limits) = &self.limits else { return Ok(()) };
        take(&limits.shared, "refresh", limits.rates.refresh, user, now).await
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
