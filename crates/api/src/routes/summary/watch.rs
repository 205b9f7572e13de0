//! Watches the session of a request that waits for a summary.

use std::pin::pin;
use std::time::Duration;

use actix_web::web::Data;
use tokio::time::{Instant, timeout_at};

use crate::error::ApiError;
use crate::extract::CurrentUser;
use crate::state::State;

/// The session is checked at this interval. The wait ends with its session.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A session that was live a moment ago.
pub(super) struct SessionWatch {
    state: Data<State>,
    user: CurrentUser,
    checked_at: Instant,
}

impl SessionWatch {
    pub(super) fn new(state: Data<State>, user: CurrentUser) -> Self {
        Self { state, user, checked_at: Instant::now() }
    }

    /// Waits for a future. Checks the session meanwhile, and also between calls that take less than
    /// the interval.
    ///
    /// # Errors
    ///
    /// [`ApiError::BadToken`] if the session has ended. The future is then dropped.
    pub(super) async fn wait_for<T>(&mut self, next: impl Future<Output = T>) -> Result<T, ApiError> {
        let mut next = pin!(next);
        loop {
            if self.checked_at.elapsed() >= CHECK_INTERVAL {
                self.user.require_live(&self.state).await?;
                self.checked_at = Instant::now();
            }
            if let Ok(done) = timeout_at(self.checked_at + CHECK_INTERVAL, next.as_mut()).await {
                return Ok(done);
            }
        }
    }

    /// Waits for a future, like [`SessionWatch::wait_for`]. Checks the session at the end as well.
    ///
    /// # Errors
    ///
    /// [`ApiError::BadToken`] if the session has ended.
    pub(super) async fn wait_to_the_end<T>(mut self, next: impl Future<Output = T>) -> Result<T, ApiError> {
        let done = self.wait_for(next).await?;
        self.user.require_live(&self.state).await?;
        Ok(done)
    }
}
