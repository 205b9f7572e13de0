//! Counters for Prometheus, and the limits of concurrent requests that they enforce.

use std::time::Duration;

use daybook_listener::{Event, Part};
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
    connections: IntGauge,
    refused: IntCounterVec,
    timed_out: IntCounterVec,
    deleted: IntCounterVec,
}

/// Limit of requests that are served at once. Each waits for the database or for a hash. A thousand
/// of them take about a second, and one more would only wait longer.
const SERVED_MAX: i64 = 1_024;

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
        let refused = Opts::new("http_connections_refused_total", "Connections refused, by the limit");
        let timed_out =
            Opts::new("http_timeouts_total", "Connections closed because the client was too slow, by part");
        let deleted = Opts::new("job_deleted_rows_total", "Rows deleted in the background, by job");
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(requests, &["method", "route", "status"])?,
            durations: HistogramVec::new(durations.buckets(SECONDS.to_vec()), &["method", "route"])?,
            in_flight: IntGauge::new("http_requests_in_flight", "Requests whose handler has not ended")?,
            reading: IntGauge::new("http_requests_reading_body", "Those of them whose body is being read")?,
            waiting: IntGauge::new("http_requests_waiting", "Those of them that wait for another service")?,
            connections: IntGauge::new("http_connections", "Open connections")?,
            refused: IntCounterVec::new(refused, &["limit"])?,
            timed_out: IntCounterVec::new(timed_out, &["part"])?,
            deleted: IntCounterVec::new(deleted, &["job"])?,
        };
        let build = Opts::new("daybook_build_info", "The version that runs")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        let collectors: [Box<dyn Collector>; 10] = [
            Box::new(metrics.requests.clone()),
            Box::new(metrics.durations.clone()),
            Box::new(metrics.in_flight.clone()),
            Box::new(metrics.reading.clone()),
            Box::new(metrics.waiting.clone()),
            Box::new(metrics.connections.clone()),
            Box::new(metrics.refused.clone()),
            Box::new(metrics.timed_out.clone()),
            Box::new(metrics.deleted.clone()),
            Box::new(build),
        ];
        for collector in collectors {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    /// Adds a counter that another part of the process increments.
    ///
    /// # Errors
    ///
    /// When there is a counter with its name.
    pub(crate) fn register(&self, counter: impl Collector + 'static) -> prometheus::Result<()> {
        self.registry.register(Box::new(counter))
    }

    /// Counts what has happened to a connection.
    pub(crate) fn count_connection(&self, event: Event) {
        match event {
            Event::Opened => self.connections.inc(),
            Event::Closed => self.connections.dec(),
            Event::RefusedByNetwork => self.refused.with_label_values(&["address"]).inc(),
            Event::RefusedInTotal => self.refused.with_label_values(&["total"]).inc(),
            Event::TimedOut(Part::Head) => self.timed_out.with_label_values(&["head"]).inc(),
            Event::TimedOut(Part::Body) => self.timed_out.with_label_values(&["body"]).inc(),
            Event::TimedOut(Part::Response) => self.timed_out.with_label_values(&["response"]).inc(),
            // Later versions of the listener may report more.
            _ => {}
        }
    }

    /// Counts a request until it is answered. The flag is true if there are too many.
    pub(crate) fn count_served(&self) -> (CountedRequest, bool) {
        let counted = CountedRequest::enter(&self.in_flight);
        (counted, self.in_flight.get() - self.reading.get() - self.waiting.get() > SERVED_MAX)
    }

    /// Counts a request while its body is read.
    pub(crate) fn count_reading(&self) -> CountedRequest {
        CountedRequest::enter(&self.reading)
    }

    /// Counts a request while it waits for a service of another company.
    ///
    /// # Errors
    ///
    /// [`ApiError::Busy`] beyond the limit.
    pub(crate) fn count_waiting(&self) -> Result<CountedRequest, ApiError> {
        let counted = CountedRequest::enter(&self.waiting);
        if self.waiting.get() > WAITING_MAX {
            return Err(ApiError::busy("too many requests wait for another service"));
        }
        Ok(counted)
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

    /// Counts rows that a background job has deleted.
    pub(crate) fn count_deleted(&self, job: &str, rows: usize) {
        self.deleted.with_label_values(&[job]).inc_by(rows as u64);
    }

    /// Returns all counters in the text format of Prometheus, version 0.0.4.
    pub(crate) fn encode(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
