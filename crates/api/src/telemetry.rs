//! The log, on standard error: text on a terminal, JSON lines otherwise. Standard output is for the
//! results of commands.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::failure::Failure;

/// Starts logging for the process.
///
/// # Errors
///
/// When the filter is invalid or the log was started before.
pub(crate) fn start(filter: &str) -> Result<(), Failure> {
    let filter: EnvFilter = filter.parse()?;
    // Below `info`, tokio_postgres logs the parameters of every query, password hashes included. No
    // filter can enable that.
    let quiet =
        Targets::new().with_default(LevelFilter::TRACE).with_target("tokio_postgres", LevelFilter::INFO);
    let logs = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let logs = if io::stderr().is_terminal() {
        logs.boxed()
    } else {
        logs.json().flatten_event(true).with_span_list(false).boxed()
    };
    Ok(tracing_subscriber::registry().with(logs.with_filter(filter.and(quiet))).try_init()?)
}
