//! How a client is set up.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use crate::{Client, Error, cache, client::Inner, http::Http};

const GEOCODING: &str = "https://geocoding-api.open-meteo.com";
const WEATHER: &str = "https://api.open-meteo.com";

/// Somebody waits for this; Open-Meteo mostly answers in a tenth of a second.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Leaves a third of the timeout for the answer. A handshake around the world takes half a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longer than anybody waits for the weather, short enough to be added to any clock.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Open-Meteo computes current values every 15 minutes.
const FORECAST_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Towns do not move. A day bounds how long a correction of the geocoder's data stays unseen.
const PLACE_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Places: more than any one service's users live in, in about 20 MB when full, with the forecasts for them.
const CACHE_CAPACITY: u64 = 10_000;
/// At a tenth of a second each this is 160 new places a second, beyond the 600 a minute that Open-Meteo gives for free;
/// when it hangs, no more connections than this hang with it.
const MAX_CONCURRENCY: usize = 16;

/// Sets up a [`Client`]. Made by [`Client::builder`]; every setting has a default that suits Open-Meteo.
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    geocoding: Option<Url>,
    weather: Option<Url>,
    timeout: Duration,
    connect_timeout: Duration,
    cache_lifetime: Duration,
    cache_capacity: u64,
    max_concurrency: usize,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            geocoding: None,
            weather: None,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            cache_lifetime: FORECAST_LIFETIME,
            cache_capacity: CACHE_CAPACITY,
            max_concurrency: MAX_CONCURRENCY,
            clock: Box::new(Timestamp::now),
        }
    }

    /// Where to look places up: `/v1/search` below this is called. Default: `https://geocoding-api.open-meteo.com`.
    pub fn geocoding_base_url(mut self, url: Url) -> Self {
        self.geocoding = Some(url);
        self
    }

    /// Where to ask for forecasts: `/v1/forecast` below this is called. Default: `https://api.open-meteo.com`.
    pub fn weather_base_url(mut self, url: Url) -> Self {
        self.weather = Some(url);
        self
    }

    /// How long one call of the client may take, all its requests and waits together. More than zero, at most 5
    /// minutes. Default: 3 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How much of the timeout making a connection may take, TLS included. More than zero, at most 5 minutes; the
    /// timeout bounds it in any case. Default: 2 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a forecast is served before it is fetched anew; zero fetches it for every call that finds none under
    /// way. Places are kept for 24 hours whatever this says. Default: 10 minutes.
    pub fn cache_lifetime(mut self, lifetime: Duration) -> Self {
        self.cache_lifetime = lifetime;
        self
    }

    /// How many places, and as many forecasts, are kept at most; zero keeps none. Default: 10,000.
    pub fn cache_capacity(mut self, entries: u64) -> Self {
        self.cache_capacity = entries;
        self
    }

    /// How many requests may be under way at once; further ones wait within their timeout. At least 1. Default: 16.
    pub fn max_concurrency(mut self, requests: usize) -> Self {
        self.max_concurrency = requests;
        self
    }

    /// What stamps [`Forecast::fetched_at`](crate::Forecast::fetched_at). Lifetimes and timeouts do not follow it: they
    /// go by the monotonic clock. Default: the system's clock.
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when a setting is out of its range, when a base URL is not plain `http` or `https` (credentials,
    /// a query or a fragment in it would be lost or leak), or when TLS cannot be set up on this machine.
    pub fn build(self) -> Result<Client, Error> {
        let timeout_range = Duration::from_nanos(1)..=LONGEST_TIMEOUT;
        if !timeout_range.contains(&self.timeout) {
            return Err(Error::config("the timeout must be more than zero and at most 5 minutes"));
        }
        if !timeout_range.contains(&self.connect_timeout) {
            return Err(Error::config("the connect timeout must be more than zero and at most 5 minutes"));
        }
        if !(1..=tokio::sync::Semaphore::MAX_PERMITS).contains(&self.max_concurrency) {
            return Err(Error::config("the greatest concurrency must be at least 1"));
        }
        Ok(Client::new(Inner {
            http: Http::new(self.connect_timeout, self.max_concurrency)?,
            search: endpoint(
                self.geocoding,
                GEOCODING,
                "search",
                "the geocoder's base URL must be plain http or https",
            )?,
            forecast: endpoint(
                self.weather,
                WEATHER,
                "forecast",
                "the forecaster's base URL must be plain http or https",
            )?,
            places: cache::of_places(self.cache_capacity, PLACE_LIFETIME),
            forecasts: cache::new(self.cache_capacity, self.cache_lifetime),
            stale: cache::last_good(self.cache_capacity),
            timeout: self.timeout,
            clock: self.clock,
        }))
    }
}

/// `/v1/{name}` below the base, which may have a path of its own (a proxy's).
fn endpoint(base: Option<Url>, default: &str, name: &str, problem: &'static str) -> Result<Url, Error> {
    let mut url = match base {
        Some(url) => url,
        None => Url::parse(default).map_err(|_| Error::config(problem))?,
    };
    let web = matches!(url.scheme(), "http" | "https");
    let credentials = !url.username().is_empty() || url.password().is_some();
    if !web || credentials || url.query().is_some() || url.fragment().is_some() {
        return Err(Error::config(problem));
    }
    url.path_segments_mut().map_err(|()| Error::config(problem))?.pop_if_empty().extend(["v1", name]);
    Ok(url)
}
