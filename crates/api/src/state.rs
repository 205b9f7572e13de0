//! The parts of a running service. Each worker thread has a copy with its own read connection.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use actix_web::{HttpRequest, web};
use daybook_attempts::{AttemptLimits, TrustedProxies};
use daybook_auth::{ACCESS_TOKEN_SECONDS, Hasher, PasswordPolicy, TokenKeys};
use daybook_domain::{SessionPolicy, Timestamp, UserId};
use daybook_persistence::Database;
use daybook_revocation::Revocations;
use daybook_throttle::{KeyedSemaphore, Throttle};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::error::ApiError;
use crate::failure::Failure;
use crate::hashing::hasher_options;
use crate::jobs::Jobs;
use crate::metrics::Metrics;
use crate::network_limits::NetworkLimits;
use crate::quotas::Quotas;
use crate::request_id::RequestIds;
use crate::sessions::{ActivityRecorder, DelayedEvents};
use crate::summaries::Summaries;
use crate::user_limits::UserLimits;
use crate::verify_time::VerifyTime;

/// The parts of a running service. Each worker thread has one, and all of it is shared except the
/// database connection for reads.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) database: Database,
    pub(crate) hasher: Hasher,
    pub(crate) tokens: Arc<TokenKeys>,
    pub(crate) registration_is_open: bool,
    pub(crate) password_policy: PasswordPolicy,
    pub(crate) session_policy: SessionPolicy,
    pub(crate) revocations: Revocations,
    pub(crate) activity: ActivityRecorder,
    pub(crate) delayed_events: DelayedEvents,
    pub(crate) jobs: Jobs,
    pub(crate) attempts: AttemptLimits,
    pub(crate) user_limits: UserLimits,
    pub(crate) trusted_proxies: Arc<TrustedProxies>,
    /// Completed by the warning of a proxy that is not trusted.
    pub(crate) proxy_warning: Arc<Once>,
    pub(crate) summaries: Summaries,
    pub(crate) weather: daybook_weather_client::Client,
    /// Limits concurrent look-ups of places and forecasts per user.
    pub(crate) lookups: KeyedSemaphore<UserId>,
    pub(crate) network_limits: NetworkLimits,
    pub(crate) verify_time: Arc<VerifyTime>,
    pub(crate) quotas: Quotas,
    pub(crate) metrics: Metrics,
    pub(crate) request_ids: Arc<RequestIds>,
    draining: Arc<AtomicBool>,
    clock: fn() -> Timestamp,
}

/// A quarter of the 16 requests that the weather client sends at once. A user with many cities
/// leaves the others to the other users.
const LOOKUPS_PER_USER: usize = 4;

impl State {
    /// Puts the parts together. Connects to Redis in the background, on the Tokio runtime of the
    /// caller, and to everything else when it is first used.
    ///
    /// # Errors
    ///
    /// When a part cannot be made.
    pub(crate) fn new(config: &Config, database: Database, keys: TokenKeys) -> Result<Self, Failure> {
        let security = &config.security;
        let options = hasher_options(&security.hashing)?;
        let (threads, memory_mib, queue) = (options.threads, options.memory_kib / 1024, options.queue);
        tracing::info!(threads, memory_mib, queue, "limits of password hashing");
        // A network may have a quarter of the hashes that run or wait. A home has two networks, one
        // of IPv4 and one of IPv6, and others must be able to log in beside it.
        let hashes = threads + queue;
        let hashes_per_network = if security.rate_limits.is_some() { (hashes / 4).max(1) } else { hashes };
        // Separates deployments that share a Redis. While a secret is being replaced, instances may
        // have two namespaces.
        let namespace = format!("daybook:{}", keys.key_id());
        let redis = config.redis.as_ref();
        let throttle = match redis {
            Some(url) => Throttle::new().with_redis(url.expose(), &namespace)?,
            None => Throttle::new(),
        };
        let (attempts, user_limits) = match &security.rate_limits {
            Some(limits) => (
                AttemptLimits::new(limits.attempts, throttle.clone()),
                UserLimits::new(limits.users, throttle),
            ),
            None => (AttemptLimits::unlimited(), UserLimits::unlimited()),
        };
        let revocations = Revocations::new(Duration::from_secs(ACCESS_TOKEN_SECONDS.unsigned_abs()));
        let weather = daybook_weather_client::Client::builder()
            .geocoding_base_url(config.weather.geocoding_base_url.clone())
            .weather_base_url(config.weather.forecast_base_url.clone())
            .cache_lifetime(config.weather.cache_lifetime)
            .build()?;
        let clock = Timestamp::now;
        let delayed_events = DelayedEvents::new(database.clone())?;
        Ok(Self {
            database,
            hasher: Hasher::new(options)?,
            tokens: Arc::new(keys),
            registration_is_open: security.registration_is_open,
            password_policy: security.password_policy,
            session_policy: config.sessions,
            revocations: match redis {
                Some(url) => revocations.with_redis(url.expose(), &namespace)?,
                None => revocations,
            },
            activity: ActivityRecorder::new(),
            delayed_events,
            jobs: Jobs::new(config.jobs, clock),
            attempts,
            user_limits,
            trusted_proxies: Arc::new(config.server.trusted_proxies.clone()),
            proxy_warning: Arc::new(Once::new()),
            summaries: Summaries::new(config.summarizer.as_ref(), clock)?,
            weather,
            // The client limits the total.
            lookups: KeyedSemaphore::new(LOOKUPS_PER_USER, Semaphore::MAX_PERMITS),
            verify_time: Arc::default(),
            network_limits: NetworkLimits::new(hashes_per_network, hashes),
            quotas: Quotas::new(config.quota),
            metrics: Metrics::new()?,
            request_ids: Arc::new(RequestIds::new()?),
            draining: Arc::default(),
            clock,
        })
    }

    /// Returns the state that the server put beside its routes.
    pub(crate) fn of(request: &HttpRequest) -> Result<&web::Data<Self>, ApiError> {
        request.app_data::<web::Data<Self>>().ok_or_else(|| ApiError::internal("the routes have no state"))
    }

    /// Returns the state of another worker thread.
    pub(crate) fn for_worker(&self) -> Self {
        Self { database: self.database.for_worker(), ..self.clone() }
    }

    /// The current time. All times are stamped and compared by this clock.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// From now on the service reports that it is not ready, and its jobs begin no batch.
    pub(crate) fn drain(&self) {
        self.jobs.stop();
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
