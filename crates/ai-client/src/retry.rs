use std::time::{Duration, Instant};

use tracing::debug;

use crate::Error;

/// When a failed attempt is repeated, and after what wait.
pub(crate) struct Policy {
    pub(crate) max_retries: u32,
    pub(crate) attempt_timeout: Duration,
    pub(crate) total_deadline: Duration,
    pub(crate) backoff_base: Duration,
    pub(crate) backoff_cap: Duration,
}

/// How an attempt failed, and whether another may follow. That is the error's nature, unless the provider said otherwise.
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) again: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { again: error.is_retryable(), error }
    }
}

impl Policy {
    /// Runs `attempt`, which is given the time it may take, until it succeeds, fails for good, or another try would not fit.
    pub(crate) async fn run<T, F>(&self, attempt: impl Fn(Duration) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let started = Instant::now();
        let left = || self.total_deadline.saturating_sub(started.elapsed());
        let mut retries = 0;
        loop {
            let failure = match attempt(self.attempt_timeout.min(left())).await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            if !failure.again || retries == self.max_retries {
                return Err(failure.error);
            }
            // Without a source of randomness clients may retry in step, which is worse for the provider but no reason to give up.
            let random = getrandom::u64().unwrap_or(u64::MAX);
            let wait = self.wait(retries, failure.error.retry_after(), random);
            if wait >= left() {
                return Err(failure.error);
            }
            retries += 1;
            debug!(retries, wait_ms = wait.as_millis(), "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Exponential backoff with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog): anything between nothing and
    /// the doubled base, `random` choosing. Never less than the provider asked for; but more than `Retry-After: 0`, which would be
    /// a tight loop.
    fn wait(&self, retries: u32, retry_after: Option<Duration>, random: u64) -> Duration {
        let longest = self.backoff_base.saturating_mul(2_u32.saturating_pow(retries)).min(self.backoff_cap);
        let fraction = random as f64 / u64::MAX as f64;
        // The conversion fails only near `Duration::MAX`, where rounding leaves its range.
        let jittered = Duration::try_from_secs_f64(longest.as_secs_f64() * fraction).unwrap_or(longest);
        jittered.max(retry_after.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;

    use super::*;

    fn policy() -> Policy {
        Policy {
            max_retries: 3,
            attempt_timeout: Duration::from_secs(60),
            total_deadline: Duration::from_secs(90),
            backoff_base: Duration::ZERO,
            backoff_cap: Duration::ZERO,
        }
    }

    fn not_connected() -> Error {
        Error::Connect { source: io::Error::from(io::ErrorKind::ConnectionRefused).into() }
    }

    #[test]
    fn wait_doubles_up_to_the_cap_and_jitters_down_to_nothing() {
        let policy = Policy {
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(8),
            ..policy()
        };
        let longest: Vec<_> = [0, 1, 2, 3, 4, 5, u32::MAX]
            .map(|retries| policy.wait(retries, None, u64::MAX).as_millis())
            .into();
        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(policy.wait(4, None, 0), Duration::ZERO);
        assert_eq!(policy.wait(0, None, u64::MAX / 2).as_millis(), 250);
    }

    #[test]
    fn wait_is_never_shorter_than_asked_for() {
        let policy =
            Policy { backoff_base: Duration::from_secs(2), backoff_cap: Duration::from_secs(8), ..policy() };
        assert_eq!(policy.wait(0, Some(Duration::from_secs(30)), u64::MAX), Duration::from_secs(30));
        assert_eq!(policy.wait(0, Some(Duration::ZERO), u64::MAX), Duration::from_secs(2));
    }

    #[tokio::test]
    async fn run_repeats_a_failed_connection_until_the_retries_are_used_up() {
        let attempts = Cell::new(0);
        let outcome: Result<(), _> = policy()
            .run(async |_| {
                attempts.set(attempts.get() + 1);
                Err(not_connected().into())
            })
            .await;
        assert!(matches!(outcome, Err(Error::Connect { .. })));
        assert_eq!(attempts.get(), 4);
    }

    #[tokio::test]
    async fn run_gives_up_when_the_wait_would_pass_the_deadline() {
        let policy = Policy {
            backoff_base: Duration::from_secs(1 << 40),
            backoff_cap: Duration::from_secs(1 << 50),
            ..policy()
        };
        let attempts = Cell::new(0);
        let outcome: Result<(), _> = policy
            .run(async |_| {
                attempts.set(attempts.get() + 1);
                Err(not_connected().into())
            })
            .await;
        assert!(matches!(outcome, Err(Error::Connect { .. })));
        assert_eq!(attempts.get(), 1);
    }

    #[tokio::test]
    async fn run_gives_an_attempt_no_more_time_than_is_left() {
        let policy = Policy { total_deadline: Duration::from_secs(5), ..policy() };
        let given = policy.run(async |time| Ok(time)).await.unwrap();
        assert!(given <= Duration::from_secs(5), "{given:?}");
    }

    #[tokio::test]
    async fn run_heeds_a_provider_that_wants_no_retry() {
        let attempts = Cell::new(0);
        let outcome: Result<(), _> = policy()
            .run(async |_| {
                attempts.set(attempts.get() + 1);
                Err(Failure { error: not_connected(), again: false })
            })
            .await;
        assert!(outcome.is_err());
        assert_eq!(attempts.get(), 1);
    }
}
