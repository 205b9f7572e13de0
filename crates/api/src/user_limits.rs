//! How often one user may change something, ask for summaries and look-ups of the weather, and
//! refresh sessions, and how many requests of one user are served at once. So one user never takes
//! more than a share of the service.

use daybook_domain::{Actor, SessionId, Timestamp, UserId};
use daybook_throttle::{Bucket, Concurrency, Permit, Quota, Refusal, Throttle};

use crate::error::{ApiError, ConcurrencyLimit};

/// Requests in flight of one session at the endpoints that protect the account. A client needs one.
/// By default, the 50 sessions of a user together have fewer than a process serves at once.
const IN_FLIGHT_OF_SESSION: usize = 8;

/// All sessions of a user together may make this many times the refreshes of one session. So the
/// thief of one refresh token cannot use up those of the owner.
const REFRESH_SESSIONS: u32 = 4;

/// The rate limits of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserRateLimits {
    /// Changes of notes and tasks.
    pub(crate) write: Quota,
    /// Summaries that are not stored yet.
    pub(crate) summary: Quota,
    /// Cities and forecasts that are not cached.
    pub(crate) weather: Quota,
    /// Refreshes of one session.
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

/// The permit of one request in flight of a session.
pub(crate) type SessionPermit = Permit<(UserId, Option<SessionId>)>;

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
    in_flight_of_session: Concurrency<(UserId, Option<SessionId>)>,
}

impl UserLimits {
    /// Returns limits that this throttle counts, except writes.
    pub(crate) fn new(rates: UserRateLimits, shared: Throttle) -> Self {
        let in_flight = Concurrency::new(IN_FLIGHT, usize::MAX);
        let in_flight_of_session = Concurrency::new(IN_FLIGHT_OF_SESSION, usize::MAX);
        let local = Throttle::new();
        Self { limits: Some(Limits { rates, local, shared, in_flight, in_flight_of_session }) }
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

    /// Returns the permit of one request in flight that protects the account. The thief of an
    /// access token can use up those of one session, and the owner can log in again.
    ///
    /// # Errors
    ///
    /// [`ApiError::TooManyAtOnce`] if the session has too many.
    pub(crate) fn permit_of_session(&self, actor: &Actor) -> Result<Option<SessionPermit>, ApiError> {
        let Some(limits) = &self.limits else { return Ok(None) };
        let permit = limits.in_flight_of_session.try_acquire((actor.user, actor.session()));
        let refused = |_| ApiError::TooManyAtOnce(ConcurrencyLimit::Requests, IN_FLIGHT_OF_SESSION);
        permit.map(Some).map_err(refused)
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

    /// Counts a refresh, for the session and for all of the user's sessions together.
    pub(crate) async fn refresh(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let (quota, session, user) = (limits.rates.refresh, format!("session {session}"), user.to_string());
        let of_session = Bucket { name: "refresh", key: &session, quota };
        let of_user = Bucket { name: "refresh", key: &user, quota: quota.times(REFRESH_SESSIONS) };
        limits.shared.take(&[of_session, of_user], now.as_micros()).await
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
