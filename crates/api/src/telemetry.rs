//! Logs: for people on a terminal, JSON lines otherwise. They go to standard error; standard output is for commands' answers.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Starts logging for the process.
///
/// # Errors
///
/// When the filter cannot be read or logging was started before.
pub fn start(filter: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter: EnvFilter = filter.parse()?;
    // Below `info` this one writes every parameter of a query, hashes among them. No filter of an operator's may ask for that.
    let quiet =
        Targets::new().with_default(LevelFilter::TRACE).with_target("tokio_postgres", LevelFilter::INFO);
    let logs = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let logs = if io::stderr().is_terminal() {
        logs.boxed()
    } else {
        logs.json().flatten_event(true).with_span_list(false).boxed()
    };
    tracing_subscriber::registry().with(logs.with_filter(filter.and(quiet))).try_init().map_err(boxed)
}

fn boxed(error: TryInitError) -> Box<dyn std::error::Error + Send + Sync> {
    error.into()
}
