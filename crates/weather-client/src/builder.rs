//! The settings of a client, their defaults and their limits.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use url::Url;

use crate::cache;
use crate::client::{Client, Inner};
use crate::error::Error;
use crate::http::{Http, Provider};

const GEOCODING_BASE_URL: &str = "https://geocoding-api.open-meteo.com";
const WEATHER_BASE_URL: &str = "https://api.open-meteo.com";

/// A user waits for the response. Open-Meteo usually needs a tenth of a second.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Leaves a third of the timeout for the response. A handshake with a server on the other side of
/// the world takes half a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// No user waits longer for the weather. Adding it to the current time cannot overflow.
const TIMEOUT_MAX: Duration = Duration::from_secs(5 * 60);
/// Open-Meteo computes the current values every 15 minutes.
const FORECAST_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Places do not move. After at most a day, the client gets a correction of the geocoder's data.
const PLACE_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The users of one service live in fewer places. Full caches of places and forecasts take about 20
/// MB.
const CACHE_CAPACITY: u64 = 10_000;
/// At a tenth of a second each, this allows 160 requests a second, more than Open-Meteo's free
/// limit of 600 a minute. It also limits the connections that hang if Open-Meteo hangs.
const CONCURRENCY_MAX: usize = 16;
/// Long enough to spare a provider that is down: six probes a minute instead of the requests of all
/// users. Short enough that users hardly notice it after a recovery.
const PAUSE: Duration = Duration::from_secs(10);

/// Builds a [`Client`]. Every setting has a default that suits Open-Meteo.
///
/// [`Client::builder`] returns a builder.
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    geocoding_base_url: Option<Url>,
    weather_base_url: Option<Url>,
    timeout: Duration,
    connect_timeout: Duration,
    cache_lifetime: Duration,
    cache_capacity: u64,
    max_concurrency: usize,
    pause: Duration,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Client {
    /// Returns a builder with the default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            geocoding_base_url: None,
            weather_base_url: None,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            cache_lifetime: FORECAST_LIFETIME,
            cache_capacity: CACHE_CAPACITY,
            max_concurrency: CONCURRENCY_MAX,
            pause: PAUSE,
            clock: Box::new(Timestamp::now),
        }
    }
}

impl ClientBuilder {
    /// Sets the geocoder's base URL. The client sends requests to `/v1/search` below it. Default:
    /// `https://geocoding-api.open-meteo.com`.
    pub fn geocoding_base_url(mut self, url: Url) -> Self {
        self.geocoding_base_url = Some(url);
        self
    }

    /// Sets the forecaster's base URL. The client sends requests to `/v1/forecast` below it.
    /// Default: `https://api.open-meteo.com`.
    pub fn weather_base_url(mut self, url: Url) -> Self {
        self.weather_base_url = Some(url);
        self
    }

    /// Sets the timeout of one call, including its wait for other requests. More than zero, at most
    /// 5 minutes. Default: 3 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the timeout for a connection, including TLS. More than zero, at most 5 minutes. The
    /// connection also counts toward the timeout of the call. Default: 2 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long a forecast is cached. With zero, only concurrent calls share a forecast. This
    /// setting does not affect places, which are cached for 24 hours. Default: 10 minutes.
    pub fn cache_lifetime(mut self, lifetime: Duration) -> Self {
        self.cache_lifetime = lifetime;
        self
    }

    /// Sets the maximum number of cached places, and the maximum number of cached forecasts. Zero
    /// disables the caches. Default: 10,000.
    pub fn cache_capacity(mut self, entries: u64) -> Self {
        self.cache_capacity = entries;
        self
    }

    /// Sets the maximum number of concurrent requests. Further requests wait for at most half of
    /// their timeout. At least 1. Default: 16.
    pub fn max_concurrency(mut self, requests: usize) -> Self {
        self.max_concurrency = requests;
        self
    }

    /// Sets how long a provider gets no requests after five failures in a row. Then one request is
    /// sent as a probe. A failure is a timeout, a broken connection or a status of 5xx. More than
    /// zero, at most 5 minutes. Default: 10 s.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Sets the clock for [`Forecast::fetched_at`](crate::Forecast::fetched_at). It does not affect
    /// lifetimes and timeouts, which use the monotonic clock. Default: the system clock.
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Builds the client. Sends no request.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a setting is out of range, a base URL is not plain `http` or `https`,
    /// or TLS cannot be set up. A plain URL has no credentials, query or fragment, because the
    /// client would leak or lose them.
    pub fn build(self) -> Result<Client, Error> {
        let timeout_range = Duration::from_nanos(1)..=TIMEOUT_MAX;
        if !timeout_range.contains(&self.timeout) {
            return Err(Error::config("the timeout must be more than zero and at most 5 minutes"));
        }
        if !timeout_range.contains(&self.connect_timeout) {
            return Err(Error::config("the connect timeout must be more than zero and at most 5 minutes"));
        }
        if !(1..=Semaphore::MAX_PERMITS).contains(&self.max_concurrency) {
            return Err(Error::config("the maximum concurrency is out of range"));
        }
        if !timeout_range.contains(&self.pause) {
            return Err(Error::config("the pause must be more than zero and at most 5 minutes"));
        }
        let search = endpoint(self.geocoding_base_url, GEOCODING_BASE_URL, "search")
            .ok_or_else(|| Error::config("the geocoder's base URL must be plain http or https"))?;
        let forecast = endpoint(self.weather_base_url, WEATHER_BASE_URL, "forecast")
            .ok_or_else(|| Error::config("the forecaster's base URL must be plain http or https"))?;
        Ok(Client::new(Inner {
            http: Http::new(self.timeout, self.connect_timeout, self.max_concurrency)?,
            search: Provider::new(search, self.pause),
            forecast: Provider::new(forecast, self.pause),
            places: cache::places(self.cache_capacity, PLACE_LIFETIME),
            forecasts: cache::forecasts(self.cache_capacity, self.cache_lifetime),
            stale: cache::stale_forecasts(self.cache_capacity),
            timeout: self.timeout,
            clock: self.clock,
        }))
    }
}

/// Returns `/v1/{name}` below the base URL, or `None` if the base URL is not plain `http` or
/// `https`.
///
/// The base URL may have a path, for example for a proxy.
fn endpoint(base: Option<Url>, default: &str, name: &str) -> Option<Url> {
    let mut url = base.or_else(|| Url::parse(default).ok())?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    if !is_web || has_credentials || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    url.path_segments_mut().ok()?.pop_if_empty().extend(["v1", name]);
    Some(url)
}
