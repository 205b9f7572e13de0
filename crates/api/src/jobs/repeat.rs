//! Repeats a job: at its interval, after a wake-up, and with backoff after an error or a panic.

use std::sync::Arc;
use std::time::Duration;

use daybook_persistence::Error;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

/// The maximum number of times that the interval is doubled after failures. An hour becomes 16.
const DOUBLED_MAX: u32 = 4;

/// When a job runs. Both times have jitter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    /// From the start of the service to the first run.
    pub(super) first: Duration,
    /// From the end of a run to the next one.
    pub(super) interval: Duration,
}

/// Runs the job until `stop` becomes true. A run in progress is finished, so the job must check
/// `stop` itself.
///
/// The job also runs when `wake` is notified. An error or a panic is logged, and the interval
/// doubles with each failure in a row.
pub(super) async fn repeat<F>(
    name: &str,
    schedule: Schedule,
    mut stop: watch::Receiver<bool>,
    wake: Arc<Notify>,
    job: impl Fn() -> F,
) where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (mut delay, mut failures) = (schedule.first, 0);
    loop {
        tokio::select! {
            () = sleep(jittered(delay)) => {}
            () = wake.notified() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        // A panic ends this task only.
        match tokio::spawn(job()).await {
            Ok(Ok(())) => failures = 0,
            Ok(Err(error)) => {
                failures += 1;
                tracing::warn!(job = name, %error, failures, "a background job failed");
            }
            Err(error) => {
                failures += 1;
                tracing::warn!(job = name, %error, failures, "a background job panicked");
            }
        }
        delay = schedule.interval * 2_u32.pow(failures.min(DOUBLED_MAX));
    }
}

/// Returns a random time from half to one and a half times the delay, so that instances that
/// started together do not run in step.
fn jittered(delay: Duration) -> Duration {
    // Without random numbers there is no jitter, which is no reason to fail.
    let fraction = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
    delay.mul_f64(0.5 + fraction)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const NEVER: Duration = Duration::from_secs(1_000_000);

    /// Runs a job that fails in its first runs, and stops it after `runs` runs.
    async fn run(schedule: Schedule, wakes: bool, runs: u32, job: fn(u32) -> Result<(), Error>) -> u32 {
        let (stop, count) = (watch::Sender::new(false), Arc::new(AtomicU32::new(0)));
        let wake = Arc::new(Notify::new());
        let run = || {
            let (stop, count, wake) = (stop.clone(), Arc::clone(&count), Arc::clone(&wake));
            async move {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                if number == runs {
                    stop.send_replace(true);
                } else if wakes {
                    wake.notify_one();
                }
                job(number)
            }
        };
        if wakes {
            wake.notify_one();
        }
        repeat("test", schedule, stop.subscribe(), Arc::clone(&wake), run).await;
        count.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn repeat_continues_after_errors_and_panics() {
        let soon = Schedule { first: Duration::ZERO, interval: Duration::from_micros(1) };
        let job = |number| match number {
            1 => Err(Error::NotFound),
            2 => panic!("the job panics"),
            _ => Ok(()),
        };
        assert_eq!(run(soon, false, 4, job).await, 4);
    }

    #[tokio::test]
    async fn repeat_runs_at_once_when_it_is_woken() {
        let never = Schedule { first: NEVER, interval: NEVER };
        assert_eq!(run(never, true, 3, |_| Ok(())).await, 3);
    }

    #[tokio::test]
    async fn repeat_stops_while_it_waits() {
        let stop = watch::Sender::new(false);
        let schedule = Schedule { first: NEVER, interval: NEVER };
        let repeated =
            repeat("test", schedule, stop.subscribe(), Arc::default(), || async { Err(Error::NotFound) });
        stop.send_replace(true);
        repeated.await;
    }

    #[test]
    fn jittered_stays_near_the_delay() {
        let delay = Duration::from_secs(60);
        for _ in 0..1_000 {
            let found = jittered(delay);
            assert!(found >= delay / 2 && found <= delay * 3 / 2, "{found:?}");
        }
    }
}
