//! A bounded queue of log lines. One thread writes them, so a reader that stops reading the log
//! does not stop the service.
//!
//! `tracing-appender` 0.2.5 has such a queue too, but it limits lines and not bytes, and it does
//! not count a line whose write fails. If its queue is full at the end, it prints a message to
//! standard output. The process never ends if standard output is the same full pipe.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{mem, thread};

use prometheus::IntCounter;
use tracing_subscriber::fmt::MakeWriter;

use crate::failure::Failure;

/// Limit of the bytes that wait. The lines of 10,000 requests fit, which is a second under full
/// load. The batch that is being written has the same limit.
const WAITING_MAX: usize = 4 * 1024 * 1024;

/// The longest write that a pipe takes as a whole (`PIPE_BUF` in pipe(7)). Another process that
/// writes to the same pipe cannot split a line.
const WRITE_MAX: usize = 4_096;

/// Bytes that an empty batch keeps allocated, enough for the lines of an ordinary load.
const RETAINED: usize = 64 * 1024;

/// The thread pauses this long behind a batch, so that it wakes up for many lines at once. A line
/// is at most this late.
const PAUSE: Duration = Duration::from_millis(5);

/// A handle on the queue. Clones share it.
#[derive(Clone)]
pub(crate) struct LogQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Notified when lines wait and the thread is idle.
    filled: Condvar,
    /// Notified when all lines are written.
    written: Condvar,
    /// Lines that were not written since the process started.
    lost: IntCounter,
}

#[derive(Default)]
struct State {
    /// Whole lines, each with its line break.
    waiting: Vec<u8>,
    /// Lines dropped since the thread last took lines.
    dropped: u64,
    /// True until the thread waits for lines again.
    is_writing: bool,
}

impl LogQueue {
    /// Starts the thread that writes to the output. It ends with the process.
    ///
    /// # Errors
    ///
    /// When the system has no thread.
    pub(crate) fn start(output: impl Write + Send + 'static) -> Result<Self, Failure> {
        let lost = IntCounter::new("log_lines_dropped_total", "Log lines that were not written")?;
        let (state, filled, written) = Default::default();
        let queue = Self(Arc::new(Shared { state, filled, written, lost }));
        let writer = queue.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(output))?;
        Ok(queue)
    }

    /// Counts the lines that were dropped or whose write failed.
    pub(crate) fn lost(&self) -> &IntCounter {
        &self.0.lost
    }

    /// Adds a line, which ends with a line break. Drops and counts it if the queue is full. Never
    /// waits for the output.
    pub(crate) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.waiting.len() + line.len() > WAITING_MAX {
            state.dropped += 1;
            self.0.lost.inc();
            return;
        }
        let is_idle = state.waiting.is_empty() && !state.is_writing;
        state.waiting.extend_from_slice(line);
        drop(state);
        // A notification is a system call, and a busy thread looks for lines itself.
        if is_idle {
            self.0.filled.notify_one();
        }
    }

    /// Waits until all lines are written, at most for the timeout.
    pub(crate) fn flush(&self, timeout: Duration) {
        let is_unwritten = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        drop(self.0.written.wait_timeout_while(self.state(), timeout, is_unwritten));
    }

    /// Writes lines for as long as the process runs.
    fn run(&self, mut output: impl Write) {
        let mut batch = Vec::with_capacity(RETAINED);
        loop {
            let dropped = self.take(&mut batch);
            if dropped > 0 {
                // The next batch begins with this line, so it marks the gap.
                tracing::warn!(dropped, "log lines were dropped, because the log was not read in time");
            }
            for lines in writes(&batch) {
                if output.write_all(lines).is_err() {
                    self.0.lost.inc_by(count(lines));
                }
            }
            batch.clear();
            batch.shrink_to(RETAINED);
            thread::sleep(PAUSE);
        }
    }

    /// Waits for lines and exchanges them for the empty batch. Returns the number of lines that
    /// were dropped behind them.
    fn take(&self, batch: &mut Vec<u8>) -> u64 {
        let mut state = self.state();
        state.is_writing = false;
        while state.waiting.is_empty() {
            self.0.written.notify_all();
            state = self.0.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_writing = true;
        mem::swap(&mut state.waiting, batch);
        mem::take(&mut state.dropped)
    }

    /// Locks the state. Nothing panics under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The formatter writes each line with one call.
impl Write for &LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    /// Does nothing, because the thread writes every line soon.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// Splits a batch into writes of whole lines. A write has at most [`WRITE_MAX`] bytes, or one
/// longer line.
fn writes(mut batch: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let is_break = |byte: &u8| *byte == b'\n';
        let last = batch.iter().take(WRITE_MAX).rposition(is_break);
        let end = last.or_else(|| batch.iter().position(is_break)).map_or(batch.len(), |at| at + 1);
        let (lines, rest) = batch.split_at(end);
        batch = rest;
        Some(lines).filter(|lines| !lines.is_empty())
    })
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests;
