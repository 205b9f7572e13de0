//! The background task that exchanges ended sessions with the other instances.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::RedisResult;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::ended::EndedSessionCache;
use crate::stream::{BATCH, Stream};

/// The time between two reads. With it, other instances know an ended session well within a second.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The maximum number of ended sessions that wait for Redis, in less than 100 kB. Above it, the
/// oldest ones are dropped, because the database knows them.
const UNSENT_MAX: usize = 10_000;

/// Writes the sessions that end on this instance, and reads those that end on other instances.
pub(crate) struct BackgroundTask {
    stream: Stream,
    ended: EndedSessionCache,
    /// Sessions that Redis has not confirmed yet.
    unsent: VecDeque<i64>,
    is_healthy: Arc<AtomicBool>,
}

impl BackgroundTask {
    pub(crate) fn new(stream: Stream, ended: EndedSessionCache, is_healthy: Arc<AtomicBool>) -> Self {
        Self { stream, ended, unsent: VecDeque::new(), is_healthy }
    }

    /// Runs until all senders are dropped.
    pub(crate) async fn run(mut self, mut sessions: mpsc::Receiver<Vec<i64>>) {
        let mut poll = interval(POLL_INTERVAL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut received = Vec::new();
        loop {
            let result = tokio::select! {
                count = sessions.recv_many(&mut received, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    self.unsent.extend(received.drain(..).flatten());
                    let excess = self.unsent.len().saturating_sub(UNSENT_MAX);
                    self.unsent.drain(..excess);
                    self.write().await
                }
                _ = poll.tick() => self.write_and_read().await,
            };
            self.report(result);
        }
    }

    async fn write_and_read(&mut self) -> RedisResult<()> {
        self.write().await?;
        self.read().await
    }

    async fn write(&mut self) -> RedisResult<()> {
        while !self.unsent.is_empty() {
            let count = self.unsent.len().min(BATCH);
            self.stream.append(self.unsent.iter().take(count)).await?;
            self.unsent.drain(..count);
        }
        Ok(())
    }

    async fn read(&mut self) -> RedisResult<()> {
        loop {
            let entries = self.stream.read().await?;
            for entry in &entries {
                if let Some(session) = entry.session {
                    self.ended.insert(session, entry.written_at);
                }
            }
            if entries.len() < BATCH {
                return Ok(());
            }
        }
    }

    /// Records whether Redis is healthy, and logs each change once. Reconnects after a failure.
    fn report(&mut self, result: RedisResult<()>) {
        let was_healthy = self.is_healthy.swap(result.is_ok(), Ordering::Relaxed);
        if let Err(error) = result {
            self.stream.reconnect();
            if was_healthy {
                // Only the category is logged, because the server's message may repeat the command.
                let error = error.category();
                tracing::warn!(error, "Redis does not answer: ended sessions are not shared");
            }
        } else if !was_healthy {
            tracing::info!("Redis is back: ended sessions are shared again");
        }
    }
}
