//! Retries of failed attempts: exponential backoff with full jitter.
//!
//! Own code: `backon` has no deadline over all attempts, no `Retry-After` and no `x-should-retry`.

use std::time::{Duration, Instant};

use tracing::debug;

use crate::Error;

/// The limits of retries and the backoff between them.
pub(crate) struct RetryPolicy {
    pub(crate) max_retries: u32,
    pub(crate) attempt_timeout: Duration,
    pub(crate) total_timeout: Duration,
    pub(crate) backoff_base: Duration,
    pub(crate) backoff_cap: Duration,
}

/// The error of one attempt.
pub(crate) struct AttemptError {
    pub(crate) error: Error,
    /// The same as [`Error::is_retryable`], unless the provider forbids a retry.
    pub(crate) is_retryable: bool,
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        Self { is_retryable: error.is_retryable(), error }
    }
}

impl RetryPolicy {
    /// Runs `attempt` until it succeeds or no retry is allowed.
    ///
    /// `attempt` receives its timeout, which never exceeds the time until the deadline.
    ///
    /// # Errors
    ///
    /// Returns the error of the last attempt in these cases:
    ///
    /// - The error is not retryable.
    /// - All retries are used up.
    /// - The next backoff would not end before the deadline.
    pub(crate) async fn run<T, F>(&self, attempt: impl Fn(Duration) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, AttemptError>>,
    {
        let started = Instant::now();
        let remaining = || self.total_timeout.saturating_sub(started.elapsed());
        let mut retries = 0;
        loop {
            let failure = match attempt(self.attempt_timeout.min(remaining())).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if !failure.is_retryable || retries == self.max_retries {
                return Err(failure.error);
            }
            // If the system has no randomness, the backoff has no jitter. The call need not fail
            // for that.
            let random = getrandom::u64().unwrap_or(u64::MAX);
            let backoff = self.backoff(retries, failure.error.retry_after(), random);
            if backoff >= remaining() {
                return Err(failure.error);
            }
            retries += 1;
            debug!(retries, wait_ms = backoff.as_millis(), "trying again");
            tokio::time::sleep(backoff).await;
        }
    }

    /// Returns the backoff after `retries` earlier retries.
    ///
    /// This is exponential backoff with full jitter ("Exponential Backoff And Jitter", AWS
    /// Architecture Blog). `random` selects a duration between zero and an upper bound. The bound
    /// doubles with each retry, up to the cap. A longer `Retry-After` takes precedence. A shorter
    /// one does not, since `Retry-After: 0` would lead to retries without backoff.
    fn backoff(&self, retries: u32, retry_after: Option<Duration>, random: u64) -> Duration {
        let bound = self.backoff_base.saturating_mul(2_u32.saturating_pow(retries)).min(self.backoff_cap);
        let fraction = random as f64 / u64::MAX as f64;
        // Near `Duration::MAX`, rounding can exceed the range of the conversion.
        let jittered = Duration::try_from_secs_f64(bound.as_secs_f64() * fraction).unwrap_or(bound);
        jittered.max(retry_after.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;

    use super::*;

    fn policy() -> RetryPolicy {
        RetryPolicy {
            max_retries: 3,
            attempt_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(90),
            backoff_base: Duration::ZERO,
            backoff_cap: Duration::ZERO,
        }
    }

    fn connection_refused() -> Error {
        Error::Connect { source: io::Error::from(io::ErrorKind::ConnectionRefused).into() }
    }

    #[test]
    fn backoff_doubles_up_to_the_cap_and_has_full_jitter() {
        let policy = RetryPolicy {
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(8),
            ..policy()
        };
        let bounds: Vec<_> = [0, 1, 2, 3, 4, 5, u32::MAX]
            .map(|retries| policy.backoff(retries, None, u64::MAX).as_millis())
            .into();
        assert_eq!(bounds, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(policy.backoff(4, None, 0), Duration::ZERO);
        assert_eq!(policy.backoff(0, None, u64::MAX / 2).as_millis(), 250);
    }

    #[test]
    fn backoff_is_at_least_retry_after() {
        let policy = RetryPolicy {
            backoff_base: Duration::from_secs(2),
            backoff_cap: Duration::from_secs(8),
            ..policy()
        };
        assert_eq!(policy.backoff(0, Some(Duration::from_secs(30)), u64::MAX), Duration::from_secs(30));
        assert_eq!(policy.backoff(0, Some(Duration::ZERO), u64::MAX), Duration::from_secs(2));
    }

    #[tokio::test]
    async fn run_retries_a_failed_connection_until_the_retries_are_used_up() {
        let attempts = Cell::new(0);
        let outcome: Result<(), _> = policy()
            .run(async |_| {
                attempts.set(attempts.get() + 1);
                Err(connection_refused().into())
            })
            .await;
        assert!(matches!(outcome, Err(Error::Connect { .. })));
        assert_eq!(attempts.get(), 4);
    }

    #[tokio::test]
    async fn run_does_not_retry_if_the_backoff_ends_after_the_deadline() {
        let policy = RetryPolicy {
            backoff_base: Duration::from_secs(1 << 40),
            backoff_cap: Duration::from_secs(1 << 50),
            ..policy()
        };
        let attempts = Cell::new(0);
        let outcome: Result<(), _> = policy
            .run(async |_| {
                attempts.set(attempts.get() + 1);
                Err(connection_refused().into())
            })
            .await;
        assert!(matches!(outcome, Err(Error::Connect { .. })));
        assert_eq!(attempts.get(), 1);
    }

    #[tokio::test]
    async fn run_limits_the_timeout_of_an_attempt_to_the_total_timeout() {
        let policy = RetryPolicy { total_timeout: Duration::from_secs(5), ..policy() };
        let timeout = policy.run(async |timeout| Ok(timeout)).await.unwrap();
        assert!(timeout <= Duration::from_secs(5), "{timeout:?}");
    }

    #[tokio::test]
    async fn run_does_not_retry_if_the_provider_forbids_it() {
        let attempts = Cell::new(0);
        let outcome: Result<(), _> = policy()
            .run(async |_| {
                attempts.set(attempts.get() + 1);
                Err(AttemptError { error: connection_refused(), is_retryable: false })
            })
            .await;
        assert!(outcome.is_err());
        assert_eq!(attempts.get(), 1);
    }
}
