//! Runs summaries: single flight of equal requests, concurrency limits, and cancellation at
//! shutdown.

mod engine;
mod job;

use std::sync::Arc;

use daybook_domain::{Note, Summary, SummaryKey, SummaryOptions, Timestamp, UserId};
use daybook_persistence::Database;
use daybook_summarizer::SingleFlight;
use daybook_throttle::{Concurrency, Full, Permit};
use tokio::sync::watch;
use tracing::Instrument;

use self::engine::Engine;
pub(crate) use self::job::OVER_DAILY_BUDGET;
use self::job::{FlightKey, Job};
use crate::config::SummarizerConfig;
use crate::error::{ApiError, ConcurrencyLimit};
use crate::quotas::StorageReservation;

/// Writes summaries. Clones share the flights and the limits.
#[derive(Clone)]
pub(crate) struct Summaries {
    /// `None` if summaries are switched off.
    engine: Option<Engine>,
    flights: SingleFlight<FlightKey, Arc<Summary>, ApiError>,
    /// Limits the requests that wait for summaries.
    waiting: Concurrency<UserId>,
    /// Becomes true when the service is about to end.
    give_up: watch::Sender<bool>,
    clock: fn() -> Timestamp,
}

/// A request that waits for a summary. When its last waiter is dropped, a summary is cancelled.
pub(crate) struct Waiter {
    pub(crate) summary: daybook_summarizer::Waiter<Arc<Summary>, ApiError>,
    _permit: Permit<UserId>,
}

/// Limits of waiting requests: per user, and in total. A wait is long, and costs a socket and the
/// text that is written meanwhile.
const WAITING_PER_USER: usize = 64;
const WAITING: usize = 2_048;

const SWITCHED_OFF: &str = "Summaries are switched off: DAYBOOK_SUMMARIZER is off";

impl Summaries {
    /// Returns summaries that are written as configured, or switched off without a configuration.
    pub(crate) fn new(
        config: Option<&SummarizerConfig>,
        clock: fn() -> Timestamp,
    ) -> Result<Self, daybook_ai_client::Error> {
        Ok(Self {
            engine: config.map(Engine::new).transpose()?,
            flights: SingleFlight::new(),
            waiting: Concurrency::new(WAITING_PER_USER, WAITING),
            give_up: watch::Sender::new(false),
            clock,
        })
    }

    /// Returns the key of a summary, by which a stored one is found.
    ///
    /// # Errors
    ///
    /// [`ApiError::Disabled`] if summaries are switched off.
    pub(crate) fn key(&self, note: &Note, options: SummaryOptions) -> Result<SummaryKey, ApiError> {
        Ok(self.engine()?.summarizer.key(note, options))
    }

    /// Waits for a summary. The first request for it starts a task that writes it, on this worker.
    ///
    /// With `refresh` it is written even if an equal one is stored.
    ///
    /// # Errors
    ///
    /// [`ApiError::Disabled`] if summaries are switched off, and the errors of the limit of waiting
    /// requests. The waiter returns all others.
    pub(crate) fn join(
        &self,
        database: &Database,
        user: UserId,
        note: Note,
        key: SummaryKey,
        refresh: bool,
        storage: StorageReservation,
    ) -> Result<Waiter, ApiError> {
        let engine = self.engine()?.clone();
        let permit = self.waiting.try_acquire(user);
        let permit = permit.map_err(|full| limit_reached(full, ConcurrencyLimit::SummaryWaiters))?;
        let flight_key = FlightKey { user, note: note.id, key: key.clone() };
        let (summary, flight) = self.flights.join(flight_key);
        if let Some(flight) = flight {
            match engine.running.try_acquire(user) {
                Ok(running) => {
                    let (database, give_up, clock) = (database.clone(), self.give_up.clone(), self.clock);
                    let job = Job { engine, database, give_up, clock, user, note, key, refresh };
                    let task = async move {
                        storage.run_in_background(job.run(flight)).await;
                        drop(running);
                    };
                    actix_web::rt::spawn(task.in_current_span());
                }
                Err(full) => {
                    flight.finish(Err(limit_reached(full, ConcurrencyLimit::Summaries)));
                }
            }
        }
        Ok(Waiter { summary, _permit: permit })
    }

    /// Cancels all summaries, because the service is about to end. Each of them still reports an
    /// error to its waiters, and charges the tokens that it used.
    pub(crate) fn give_up(&self) {
        self.give_up.send_replace(true);
    }

    fn engine(&self) -> Result<&Engine, ApiError> {
        self.engine.as_ref().ok_or(ApiError::Disabled(SWITCHED_OFF))
    }
}

fn limit_reached(full: Full, what: ConcurrencyLimit) -> ApiError {
    match full {
        Full::Key(limit) => ApiError::TooManyAtOnce(what, limit),
        _ => ApiError::busy("the limit of concurrent summaries, or of requests that wait for one"),
    }
}
