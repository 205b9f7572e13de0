//! Spawns units of work in Tokio tasks, so that each runs to its end even if the caller stops
//! waiting.

use std::time::Duration;

use tokio::runtime::Handle;
use tracing::Instrument;

use crate::error::Error;

/// The maximum wait of a caller for a unit of work. The server's own timeout for a statement is
/// shorter (see `STATEMENT_TIMEOUT`). So this timeout expires only if the server hangs or cannot be
/// reached.
const UNIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Spawns a unit on this runtime and waits for its result. Returns `None` after [`UNIT_TIMEOUT`].
///
/// The unit runs to its end even if the caller goes away or the timeout expires. If the future of a
/// query were dropped before its end, its transaction would stay open and keep its locks.
pub(super) async fn complete<T: Send + 'static>(
    runtime: &Handle,
    unit: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Option<Result<T, Error>> {
    let task = runtime.spawn(unit.in_current_span());
    match tokio::time::timeout(UNIT_TIMEOUT, task).await {
        Ok(Ok(result)) => Some(result),
        Ok(Err(panicked)) => Some(Err(Error::Internal(panicked.into()))),
        Err(_) => None,
    }
}
