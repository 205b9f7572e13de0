//! Logs: for people on a terminal, JSON lines otherwise. They go to standard error; standard output is for commands' answers.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Starts logging for the process.
///
/// # Errors
///
/// When the filter cannot be read or logging was started before.
pub fn start(filter: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter: EnvFilter = filter.parse()?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if io::stderr().is_terminal() {
        logs.finish().try_init().map_err(boxed)
    } else {
        logs.json().flatten_event(true).with_span_list(false).finish().try_init().map_err(boxed)
    }
}

fn boxed(error: TryInitError) -> Box<dyn std::error::Error + Send + Sync> {
    error.into()
}
