//! The log, on standard error: text on a terminal, JSON lines otherwise. Standard output is for the
//! results of commands.

mod queue;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal};
use std::time::Duration;
use std::{panic, thread};

use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

pub(crate) use self::queue::LogQueue;
use crate::failure::Failure;

/// A panic can abort the process, and its line must be written before. If nothing reads the log,
/// the worker waits this long.
const PANIC_FLUSH_TIMEOUT: Duration = Duration::from_millis(100);

/// Starts logging for the process, panics included.
///
/// # Errors
///
/// When the filter is invalid or the log was started before.
pub(crate) fn start(filter: &str, queue: &LogQueue) -> Result<(), Failure> {
    let filter: EnvFilter = filter.parse()?;
    // Below `info`, tokio_postgres logs the parameters of every query, password hashes included. No
    // filter can enable that.
    let quiet =
        Targets::new().with_default(LevelFilter::TRACE).with_target("tokio_postgres", LevelFilter::INFO);
    let logs = tracing_subscriber::fmt::layer().with_writer(queue.clone());
    let logs = if io::stderr().is_terminal() {
        logs.boxed()
    } else {
        logs.json().flatten_event(true).with_span_list(false).boxed()
    };
    tracing_subscriber::registry().with(logs.with_filter(filter.and(quiet))).try_init()?;
    log_panics(queue.clone());
    Ok(())
}

/// Replaces the panic hook of the standard library. That hook writes to standard error itself, so a
/// worker thread would wait for a reader that has stopped.
fn log_panics(queue: LogQueue) {
    panic::set_hook(Box::new(move |panic| {
        let backtrace = Backtrace::capture();
        tracing::error!(
            thread = thread::current().name(),
            location = panic.location().map(display),
            backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| display(backtrace)),
            "panicked: {}",
            panic.payload_as_str().unwrap_or_default()
        );
        queue.flush(PANIC_FLUSH_TIMEOUT);
    }));
}

#[cfg(test)]
mod tests;
