//! A circuit breaker: a provider that fails several times in a row gets no requests for a while.
//!
//! Own code, because it is a state with three cases. The client already has the deadlines and the
//! permits that a library would add.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// One lost connection is normal, and so are two or three at a restart of the provider. Five in a
/// row are not. If the provider hangs, five requests wait for the timeout and no further ones.
const FAILURES_MAX: u32 = 5;

/// How long a caller should wait while another call finds out whether the provider is back.
const PROBE_WAIT: Duration = Duration::from_secs(1);

/// Decides whether a provider is called.
///
/// The breaker is closed at first, and every call passes. After [`FAILURES_MAX`] failures in a row
/// it opens for a pause and no call passes. Then one call passes as a probe. Its result closes the
/// breaker, or opens it for another pause.
pub(crate) struct Breaker {
    state: Mutex<State>,
    pause: Duration,
}

#[derive(Clone, Copy)]
enum State {
    Closed {
        /// The failures since the last success.
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// The probe is in flight.
    HalfOpen,
}

impl State {
    fn wait(self, now: Instant) -> Option<Duration> {
        match self {
            Self::Closed { .. } => None,
            Self::Open { until } => Some(until.saturating_duration_since(now)).filter(|wait| !wait.is_zero()),
            Self::HalfOpen => Some(PROBE_WAIT),
        }
    }
}

/// What a call has shown about the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It works, even if it rejected this request.
    Alive,
    /// It is down, or it cannot be reached.
    Down,
    /// Its rate limit is exceeded for this time.
    Limited(Duration),
}

/// A call that the breaker let pass. If it is dropped without a report, it shows nothing.
#[must_use = "the breaker needs the result of the call"]
pub(crate) struct Call<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

impl Breaker {
    /// Returns a closed breaker that opens for this pause.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { state: Mutex::new(State::Closed { failures: 0 }), pause }
    }

    /// Returns how long no call passes, or `None` if a call would pass now.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        self.state().wait(now)
    }

    /// Lets a call pass.
    ///
    /// # Errors
    ///
    /// The time for which no call passes.
    pub(crate) fn enter(&self, now: Instant) -> Result<Call<'_>, Duration> {
        let mut state = self.state();
        if let Some(wait) = state.wait(now) {
            return Err(wait);
        }
        let is_probe = !matches!(*state, State::Closed { .. });
        if is_probe {
            *state = State::HalfOpen;
        }
        Ok(Call { breaker: self, is_probe })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call<'_> {
    /// Reports the result of the call.
    ///
    /// While the breaker is open, only the probe can close it. The other calls began before it
    /// opened, so they show nothing new.
    pub(crate) fn report(mut self, verdict: Verdict, now: Instant) {
        let mut state = self.breaker.state();
        let pause = |time: Duration| State::Open { until: now + time };
        *state = match (verdict, *state) {
            // The longer of two pauses counts.
            (Verdict::Limited(time), State::Open { until }) => State::Open { until: until.max(now + time) },
            (Verdict::Limited(time), _) => pause(time),
            (Verdict::Alive, State::Closed { .. }) => State::Closed { failures: 0 },
            (Verdict::Alive, State::HalfOpen) if self.is_probe => State::Closed { failures: 0 },
            (Verdict::Down, State::Closed { failures }) if failures + 1 < FAILURES_MAX => {
                State::Closed { failures: failures + 1 }
            }
            (Verdict::Down, State::Closed { .. }) => pause(self.breaker.pause),
            (Verdict::Down, State::HalfOpen) if self.is_probe => pause(self.breaker.pause),
            (_, state) => state,
        };
        self.is_probe = false;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut state = self.breaker.state();
        if self.is_probe && matches!(*state, State::HalfOpen) {
            // The probe was cancelled, so the next call is the probe.
            *state = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);
    const SECOND: Duration = Duration::from_secs(1);

    /// Makes a call with this result.
    fn call(breaker: &Breaker, verdict: Verdict, now: Instant) {
        breaker.enter(now).ok().unwrap().report(verdict, now);
    }

    fn open(now: Instant) -> Breaker {
        let breaker = Breaker::new(PAUSE);
        (0..FAILURES_MAX).for_each(|_| call(&breaker, Verdict::Down, now));
        breaker
    }

    #[test]
    fn breaker_opens_after_five_failures_in_a_row() {
        let now = Instant::now();
        let breaker = Breaker::new(PAUSE);
        for verdict in [Verdict::Down, Verdict::Down, Verdict::Down, Verdict::Down, Verdict::Alive] {
            call(&breaker, verdict, now);
        }
        for _ in 0..FAILURES_MAX {
            assert_eq!(breaker.wait(now), None);
            call(&breaker, Verdict::Down, now);
        }
        assert_eq!(breaker.wait(now), Some(PAUSE));
        assert_eq!(breaker.enter(now + SECOND).err(), Some(PAUSE - SECOND));
    }

    #[test]
    fn breaker_lets_one_probe_pass_after_the_pause() {
        let now = Instant::now();
        let breaker = open(now);
        let probe = breaker.enter(now + PAUSE).ok().unwrap();
        assert_eq!(breaker.enter(now + PAUSE).err(), Some(PROBE_WAIT));
        probe.report(Verdict::Down, now + PAUSE);
        assert_eq!(breaker.wait(now + PAUSE), Some(PAUSE));
        call(&breaker, Verdict::Alive, now + 2 * PAUSE);
        // One failure does not open it again.
        call(&breaker, Verdict::Down, now + 2 * PAUSE);
        assert_eq!(breaker.wait(now + 2 * PAUSE), None);
    }

    #[test]
    fn breaker_lets_another_probe_pass_if_the_first_one_is_dropped() {
        let now = Instant::now();
        let breaker = open(now);
        drop(breaker.enter(now + PAUSE).ok().unwrap());
        let later = Instant::now() + PAUSE;
        call(&breaker, Verdict::Alive, later);
        assert_eq!(breaker.wait(later), None);
    }

    #[test]
    fn breaker_opens_at_once_for_the_time_of_a_rate_limit() {
        let now = Instant::now();
        let breaker = Breaker::new(PAUSE);
        let (first, second, third) = (breaker.enter(now), breaker.enter(now), breaker.enter(now));
        first.ok().unwrap().report(Verdict::Limited(60 * SECOND), now);
        // A shorter pause and a late success change nothing.
        second.ok().unwrap().report(Verdict::Limited(SECOND), now);
        third.ok().unwrap().report(Verdict::Alive, now);
        assert_eq!(breaker.wait(now + 59 * SECOND), Some(SECOND));
        assert_eq!(breaker.wait(now + 60 * SECOND), None);
    }
}
