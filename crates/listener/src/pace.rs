//! How long a client may take to read a response.

use std::time::Duration;

use tokio::time::Instant;

use crate::credit::{FAR, MinimumRate};

/// How fast a client must read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    rate: MinimumRate,
    /// How long the writer may be blocked without one moment in which everything was written.
    timeout: Duration,
    probe_interval: Duration,
}

/// Probes follow each other at least in this time, also if the client has no time at all.
const PROBE_INTERVAL_MIN: Duration = Duration::from_millis(1);

impl Pace {
    /// `idle` is the timeout of idle connections. actix-http starts it when it has written the last
    /// part of a response into its own buffer, and again at each probe.
    pub(crate) fn new(rate: MinimumRate, timeout: Duration, idle: Option<Duration>) -> Self {
        let (grace, timeout) = (rate.grace.min(FAR), timeout.min(FAR));
        let probe_interval = (grace / 6).min(timeout).min(idle.unwrap_or(FAR) / 2).max(PROBE_INTERVAL_MIN);
        Self { rate: MinimumRate { grace, ..rate }, timeout, probe_interval }
    }

    /// Returns how often a client is probed: several times within the grace, and with few wakeups.
    pub(crate) fn probe_interval(self) -> Duration {
        self.probe_interval
    }

    /// Returns how long a client may be silent.
    pub(crate) fn grace(self) -> Duration {
        self.rate.grace
    }

    /// Returns when a client that has acknowledged these bytes must have read all of a response.
    pub(crate) fn deadline(self, since: Instant, acknowledged: u64) -> Instant {
        since + self.rate.grace.saturating_add(self.rate.time_of(acknowledged)).min(self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadline_is_extended_by_each_byte_up_to_the_timeout() {
        let (since, second) = (Instant::now(), Duration::from_secs(1));
        let pace = Pace::new(MinimumRate::default(), 600 * second, None);
        for (acknowledged, seconds) in
            [(0, 45), (1_000, 46), (300_000, 345), (1_000_000, 600), (u64::MAX, 600)]
        {
            assert_eq!(pace.deadline(since, acknowledged), since + seconds * second, "{acknowledged}");
        }
        let unlimited =
            Pace::new(MinimumRate { grace: Duration::MAX, bytes_per_second: 0 }, Duration::MAX, None);
        assert_eq!(unlimited.deadline(since, 1), since + FAR);
    }
}
