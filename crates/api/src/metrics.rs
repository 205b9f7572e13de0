//! Counters for Prometheus, and the limits of concurrent requests that they enforce.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use crate::error::ApiError;

/// The methods that are counted by name.
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

/// Counters of one process.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    reading: IntGauge,
    waiting: IntGauge,
}

/// Limit of requests that are served at once. Each waits for the database or for a hash. A thousand
/// of them take about a second, and one more would only wait longer.
const SERVED_MAX: i64 = 1_024;

/// Limit of requests whose bodies are read at once. A slow client costs little more than a socket
/// and must not keep others from being served, so the limit is high. Without an account each holds
/// at most 16 kB.
const READING_MAX: i64 = 8_192;

/// Limit of requests that wait for the AI provider or for Open-Meteo. They cost no more than those
/// whose bodies are read, and other requests must not wait for a server of another company.
const WAITING_MAX: i64 = 8_192;

/// Counts one request until it is dropped, which also happens when the client disconnects.
pub(crate) struct CountedRequest(IntGauge);

impl CountedRequest {
    fn enter(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }

    fn enter_below(gauge: &IntGauge, max: i64, sentence: &str) -> Result<Self, ApiError> {
        let counted = Self::enter(gauge);
        if gauge.get() > max { Err(ApiError::busy(sentence)) } else { Ok(counted) }
    }
}

impl Drop for CountedRequest {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// From a read that hits SQLite's cache to a login that waits its turn for Argon2.
const SECONDS: [f64; 12] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1.0, 5.0];

impl Metrics {
    pub(crate) fn new() -> prometheus::Result<Self> {
        let requests = Opts::new("http_requests_total", "Requests answered, by route and status");
        let durations =
            HistogramOpts::new("http_request_duration_seconds", "Time from head to answer, by route");
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(requests, &["method", "route", "status"])?,
            durations: HistogramVec::new(durations.buckets(SECONDS.to_vec()), &["method", "route"])?,
            in_flight: IntGauge::new("http_requests_in_flight", "Requests that have not been answered")?,
            reading: IntGauge::new("http_requests_reading_body", "Those of them whose body is being read")?,
            waiting: IntGauge::new("http_requests_waiting", "Those of them that wait for another service")?,
        };
        let build = Opts::new("daybook_build_info", "The version that runs")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        let collectors: [Box<dyn Collector>; 6] = [
            Box::new(metrics.requests.clone()),
            Box::new(metrics.durations.clone()),
            Box::new(metrics.in_flight.clone()),
            Box::new(metrics.reading.clone()),
            Box::new(metrics.waiting.clone()),
            Box::new(build),
        ];
        for collector in collectors {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    /// Counts a request until it is answered. The flag is true if there are too many.
    pub(crate) fn count_served(&self) -> (CountedRequest, bool) {
        let counted = CountedRequest::enter(&self.in_flight);
        (counted, self.in_flight.get() - self.reading.get() - self.waiting.get() > SERVED_MAX)
    }

    /// Counts a request while its body is read.
    ///
    /// # Errors
    ///
    /// [`ApiError::Busy`] beyond the limit, as for [`Metrics::count_waiting`].
    pub(crate) fn count_reading(&self) -> Result<CountedRequest, ApiError> {
        CountedRequest::enter_below(&self.reading, READING_MAX, "too many bodies are being read")
    }

    /// Counts a request while it waits for a service of another company.
    pub(crate) fn count_waiting(&self) -> Result<CountedRequest, ApiError> {
        CountedRequest::enter_below(&self.waiting, WAITING_MAX, "too many requests wait for another service")
    }

    /// Counts an answered request. The route is the pattern that matched and not the path, since
    /// there is no limit to paths.
    pub(crate) fn observe(&self, method: &str, route: &str, status: u16, took: Duration) {
        // Clients can invent methods, and each would be a time series of its own.
        let method = if METHODS.contains(&method) { method } else { "other" };
        let status = status.to_string();
        self.requests.with_label_values(&[method, route, &status]).inc();
        self.durations.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    /// Returns all counters in the text format of Prometheus, version 0.0.4.
    pub(crate) fn encode(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
