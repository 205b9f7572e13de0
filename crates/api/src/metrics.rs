//! What the service counts, for Prometheus.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// The methods that are counted by name.
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

/// Counters of one process.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    /// Requests that are being served.
    pub(crate) in_flight: IntGauge,
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
            in_flight: IntGauge::new("http_requests_in_flight", "Requests that are being served")?,
        };
        let build = Opts::new("daybook_build_info", "The version that runs")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        let collectors: [Box<dyn Collector>; 4] = [
            Box::new(metrics.requests.clone()),
            Box::new(metrics.durations.clone()),
            Box::new(metrics.in_flight.clone()),
            Box::new(build),
        ];
        for collector in collectors {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    /// Counts an answered request. The route is the pattern that matched, never the path: paths are without number.
    pub(crate) fn observe(&self, method: &str, route: &str, status: u16, took: Duration) {
        // Anybody can make up methods, and each would be a series of its own.
        let method = if METHODS.contains(&method) { method } else { "other" };
        let status = status.to_string();
        self.requests.with_label_values(&[method, route, &status]).inc();
        self.durations.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    /// Everything in Prometheus' text format, version 0.0.4.
    pub(crate) fn encode(&self) -> prometheus::Result<Vec<u8>> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}
