//! What every request may use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, web};
use daybook_auth::{Hasher, HasherOptions, PasswordPolicy, TokenKeys};
use daybook_domain::{SessionPolicy, Timestamp};
use daybook_persistence::Database;

use crate::client_address::TrustedProxies;
use crate::config::Config;
use crate::error::ApiError;
use crate::limiter::Limiter;
use crate::metrics::Metrics;
use crate::places::Places;
use crate::revocation::Revocations;
use crate::seats::Seats;
use crate::summaries::Summaries;
use crate::uses::Uses;

/// The parts of a running service, one set per worker thread; everything in it is shared but the database's lane.
#[derive(Clone)]
pub struct State {
    pub(crate) database: Database,
    pub(crate) hasher: Hasher,
    pub(crate) tokens: Arc<TokenKeys>,
    pub(crate) password_policy: PasswordPolicy,
    pub(crate) sessions: SessionPolicy,
    pub(crate) revocations: Revocations,
    pub(crate) limiter: Limiter,
    pub(crate) places: Places,
    pub(crate) trusted_proxies: Arc<TrustedProxies>,
    pub(crate) summaries: Summaries,
    /// For those who have cities looked up.
    pub(crate) lookup_seats: Seats,
    pub(crate) weather: daybook_weather_client::Client,
    pub(crate) metrics: Metrics,
    pub(crate) uses: Uses,
    draining: Arc<AtomicBool>,
    request_ids: Arc<RequestIds>,
    clock: fn() -> Timestamp,
}

/// Whoever makes names of cities up must not take the places of all others at the geocoder.
const LOOKUPS_PER_USER: usize = 4;
/// As many requests as may wait for another service have one each.
const LOOKUPS: usize = 8_192;

impl State {
    /// Puts the parts together as they are configured. Opens SQLite's file; connects to nothing else before it is
    /// asked to, and to Redis in the background, on the Tokio runtime that this is called in.
    ///
    /// # Errors
    ///
    /// When a part cannot be made, with the reason.
    pub fn new(config: &Config) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let options = HasherOptions { parameters: config.hashing, ..HasherOptions::default() };
        // Those at work and those that wait.
        let places = options.threads + options.queue;
        let tokens = config.token_keys().ok_or("JWT_SECRET_KEY is not set")?;
        // What deployments that share a Redis do not share. While a secret is being replaced, instances may have two.
        let namespace = format!("daybook:{}", tokens.key_id());
        let weather = daybook_weather_client::Client::builder()
            .geocoding_base_url(config.geocoding_base_url.clone())
            .weather_base_url(config.weather_base_url.clone())
            .cache_lifetime(config.weather_lifetime)
            .build()?;
        Ok(Self {
            database: Database::open(&config.database_url)?,
            hasher: Hasher::new(options)?,
            tokens: Arc::new(tokens),
            password_policy: config.password_policy,
            sessions: config.sessions,
            revocations: Revocations::new(config.redis.as_ref(), &namespace)?,
            limiter: Limiter::new(config.rate_limits, config.redis.as_ref(), &namespace)?,
            places: Places::new(config.rate_limits.map(|_| places / 2)),
            trusted_proxies: Arc::new(config.trusted_proxies.clone()),
            uses: Uses::new(),
            summaries: Summaries::new(&config.summarizer)?,
            weather,
            lookup_seats: Seats::new(LOOKUPS_PER_USER, LOOKUPS),
            metrics: Metrics::new()?,
            draining: Arc::default(),
            request_ids: Arc::new(RequestIds::new()?),
            clock: Timestamp::now,
        })
    }

    /// The state that the server put beside its routes.
    pub(crate) fn of(request: &HttpRequest) -> Result<&web::Data<Self>, ApiError> {
        request.app_data::<web::Data<Self>>().ok_or_else(|| ApiError::internal("the routes have no state"))
    }

    /// The same service for another worker thread.
    pub(crate) fn for_worker(&self) -> Self {
        Self { database: self.database.for_worker(), ..self.clone() }
    }

    /// The time by which everything is stamped and compared.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// An id for a request that brought none.
    pub(crate) fn next_request_id(&self) -> HeaderValue {
        let number = self.request_ids.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}-{number:x}", self.request_ids.process);
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("none"))
    }

    /// From now on the service says that it is not ready.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Ids of requests: a number drawn for the process, and a count. No two processes share them, and none costs a random number.
struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    fn new() -> Result<Self, getrandom::Error> {
        Ok(Self { process: getrandom::u64()?, next: AtomicU64::new(1) })
    }
}
