//! The minimum rate of clients, and how long one may still keep the server waiting.

use std::time::Duration;

use tokio::time::Instant;

/// The minimum rate at which a client must send a request body and read a response.
///
/// A client may keep the server waiting for `grace`. Each byte extends this time. Only the time in
/// which the server waits for the client counts, so a slow handler costs the client nothing.
///
/// With the defaults of 45 s and 1,000 bytes per second, a silent client is dropped after 45 s. A
/// client at half the rate is dropped after 90 s, and one at the full rate never.
///
/// The system of a client fills a buffer, and then acknowledges nothing until the client has read a
/// part of it. Linux waits for 128 kB with its default buffers, which cannot be distinguished from
/// silence. A client with such buffers must read 128 kB within the grace, about 3 kB/s.
///
/// For a body, the time never exceeds `grace`. For a response, the bytes of the first sixth of the
/// grace do not count, because the system of a client that never reads acknowledges them as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinimumRate {
    /// How long the client may be silent. `Duration::MAX` disables the limit.
    pub grace: Duration,
    /// The rate at which a client never loses its grace. With 0 no byte extends the grace, so all
    /// waits of one body or response together may last for one grace.
    pub bytes_per_second: u32,
}

impl Default for MinimumRate {
    fn default() -> Self {
        Self { grace: Duration::from_secs(45), bytes_per_second: 1_000 }
    }
}

impl MinimumRate {
    /// Returns the time that this number of bytes may take.
    pub(crate) fn time_of(self, bytes: u64) -> Duration {
        let micros = bytes.saturating_mul(1_000_000).checked_div(self.bytes_per_second.into());
        Duration::from_micros(micros.unwrap_or(0))
    }
}

/// No connection exists this long. Longer times are shortened to it, because they would overflow.
pub(crate) const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The rest of the grace of a client that sends a body.
#[derive(Debug)]
pub(crate) struct Credit {
    rate: MinimumRate,
    left: Duration,
    /// When the current wait has begun.
    waiting_since: Option<Instant>,
}

impl Credit {
    pub(crate) fn new(rate: MinimumRate) -> Self {
        let rate = MinimumRate { grace: rate.grace.min(FAR), ..rate };
        Self { rate, left: rate.grace, waiting_since: None }
    }

    /// Records that the server waits for the client. Returns when the credit is used up.
    pub(crate) fn wait(&mut self, now: Instant) -> Instant {
        *self.waiting_since.get_or_insert(now) + self.left
    }

    /// Records that the client has sent bytes, which ends the wait.
    pub(crate) fn earn(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        } else if self.left == self.rate.grace {
            return;
        }
        self.left = self.rate.grace.min(self.left.saturating_add(self.rate.time_of(bytes as u64)));
    }

    /// Gives back the whole grace, because the next request or response begins.
    pub(crate) fn renew(&mut self) {
        self.left = self.rate.grace;
        self.waiting_since = None;
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
        assert_eq!(seconds_at(0).await, 45);
        // The last second is not waited for in full.
        assert_eq!(seconds_at(500).await, 89);
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
        assert_eq!(credit.wait(Instant::now()), Instant::now() + 45 * SECOND);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn renew_gives_the_whole_grace_back() {
        pause();
        let mut credit = Credit::new(MinimumRate { bytes_per_second: 0, ..MinimumRate::default() });
        credit.wait(Instant::now());
        advance(20 * SECOND).await;
        credit.earn(1_000_000);
        assert_eq!(credit.wait(Instant::now()), Instant::now() + 25 * SECOND);
        credit.renew();
        assert_eq!(credit.wait(Instant::now()), Instant::now() + 45 * SECOND);
    }
}
