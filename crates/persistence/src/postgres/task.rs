//! Spawns units of work in Tokio tasks, so that each runs to its end even if the caller stops
//! waiting.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::hang::{HangDetector, SUSPECT_AFTER};
use crate::error::Error;

/// The maximum wait of a caller for a unit of work, if the server is alive. The server's own
/// timeout for a statement is shorter (see `TIMEOUT_OPTIONS`), so that the caller gets the result
/// of a statement that was too slow. A server that hangs is detected earlier.
pub(super) const UNIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Spawns a unit on this runtime. The returned future waits for its result. It returns `None` if
/// the server hangs, or after [`UNIT_TIMEOUT`].
///
/// The unit runs to its end even if the caller goes away or stops waiting. If the future of a query
/// were dropped before its end, its transaction would stay open and keep its locks.
///
/// This is not an `async fn`, whose future would contain the whole unit.
pub(super) fn complete<T: Send + 'static>(
    runtime: &Handle,
    detector: &HangDetector,
    unit: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> impl Future<Output = Option<Result<T, Error>>> {
    let task = (!detector.hangs()).then(|| runtime.spawn(unit.in_current_span()));
    async move { wait(task?, detector).await }
}

async fn wait<T>(task: JoinHandle<Result<T, Error>>, detector: &HangDetector) -> Option<Result<T, Error>> {
    let mut task = task.map(|joined| joined.unwrap_or_else(|panicked| Err(Error::Internal(panicked.into()))));
    let result = match tokio::time::timeout(SUSPECT_AFTER, &mut task).await {
        Ok(result) => result,
        Err(_) => tokio::select! {
            result = tokio::time::timeout(UNIT_TIMEOUT - SUSPECT_AFTER, task) => result.ok()?,
            () = detector.until_hang() => return None,
        },
    };
    detector.note(&result);
    Some(result)
}
