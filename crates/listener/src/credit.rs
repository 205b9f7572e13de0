//! Counts how long a client may still keep the server waiting.

use std::time::Duration;

use tokio::time::Instant;

/// The minimum rate at which a client must send a request body and read a response.
///
/// A client may keep the server waiting for `grace`. Each byte extends this time, but never beyond
/// `grace`. Only the time in which the server waits for the client counts, so a slow handler costs
/// the client nothing.
///
/// With the defaults of 30 s and 1,000 bytes per second, a silent client is dropped after 30 s. A
/// client at half the rate is dropped after 60 s, and one at the full rate never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinimumRate {
    /// How long the client may be silent.
    pub grace: Duration,
    /// The rate at which a client never loses its grace. 0 lets no byte extend the grace.
    pub bytes_per_second: u32,
}

impl Default for MinimumRate {
    fn default() -> Self {
        Self { grace: Duration::from_secs(30), bytes_per_second: 1_000 }
    }
}

/// A time after which no connection exists. An unlimited grace is shortened to it.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The rest of the grace of one client in one direction.
#[derive(Debug)]
pub(crate) struct Credit {
    rate: MinimumRate,
    left: Duration,
    /// When the current wait has begun.
    waiting_since: Option<Instant>,
}

impl Credit {
    pub(crate) fn new(rate: MinimumRate) -> Self {
        Self { rate, left: rate.grace, waiting_since: None }
    }

    /// Records that the server waits for the client. Returns when the credit is used up.
    pub(crate) fn wait(&mut self, now: Instant) -> Instant {
        let since = *self.waiting_since.get_or_insert(now);
        since.checked_add(self.left).unwrap_or_else(|| since + FAR)
    }

    /// Records that the client has sent or read bytes, which ends the wait.
    pub(crate) fn earn(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        } else if self.left == self.rate.grace {
            return;
        }
        if let Some(earned) = (bytes as u64).saturating_mul(1_000_000).checked_div(self.bytes_per_second()) {
            self.left = self.rate.grace.min(self.left.saturating_add(Duration::from_micros(earned)));
        }
    }

    /// Gives back the whole grace, because the next request or response begins.
    pub(crate) fn renew(&mut self) {
        self.left = self.rate.grace;
        self.waiting_since = None;
    }

    fn bytes_per_second(&self) -> u64 {
        self.rate.bytes_per_second.into()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, pause};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Returns the seconds until a client is dropped that moves this number of bytes per second.
    async fn seconds_at(rate: usize) -> u32 {
        let mut credit = Credit::new(MinimumRate::default());
        for seconds in 1..1_000 {
            let deadline = credit.wait(Instant::now());
            advance(SECOND).await;
            if deadline <= Instant::now() {
                return seconds;
            }
            if rate > 0 {
                credit.earn(rate);
            }
        }
        u32::MAX
    }

    #[tokio::test(flavor = "current_thread")]
    async fn silence_ends_after_the_grace_and_half_the_rate_after_twice_the_grace() {
        pause();
        assert_eq!(seconds_at(0).await, 30);
        // The last second is not waited for in full.
        assert_eq!(seconds_at(500).await, 59);
        assert_eq!(seconds_at(1_000).await, u32::MAX);
        assert_eq!(seconds_at(1_000_000).await, u32::MAX);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn time_between_waits_costs_nothing() {
        pause();
        let mut credit = Credit::new(MinimumRate::default());
        for _ in 0..10 {
            credit.wait(Instant::now());
            advance(SECOND).await;
            credit.earn(1_000);
            advance(100 * SECOND).await;
        }
        assert_eq!(credit.wait(Instant::now()), Instant::now() + 30 * SECOND);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn renew_gives_the_whole_grace_back() {
        pause();
        let mut credit = Credit::new(MinimumRate { bytes_per_second: 0, ..MinimumRate::default() });
        credit.wait(Instant::now());
        advance(20 * SECOND).await;
        credit.earn(1_000_000);
        assert_eq!(credit.wait(Instant::now()), Instant::now() + 10 * SECOND);
        credit.renew();
        assert_eq!(credit.wait(Instant::now()), Instant::now() + 30 * SECOND);
    }
}
