//! One summary: reserves tokens, runs the plan, stores text, tokens and cost.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use daybook_domain::{Day, Note, NoteId, Spent, Summary, SummaryKey, Timestamp, UserId};
use daybook_persistence::{Budget, Database, Error, NewSummary, OverBudget, Reservation};
use daybook_summarizer::{Error as RunError, Flight, Outcome};
use tokio::sync::watch;

use super::engine::Engine;
use crate::endpoint::ErrorResponse;
use crate::error::{ApiError, NOTE_NOT_FOUND, OrMissing};

/// Requests with equal keys share a flight.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct FlightKey {
    pub(super) user: UserId,
    pub(super) note: NoteId,
    pub(super) key: SummaryKey,
}

/// A summary that is to be written.
pub(super) struct Job {
    pub(super) engine: Engine,
    pub(super) database: Database,
    pub(super) give_up: watch::Sender<bool>,
    pub(super) clock: fn() -> Timestamp,
    pub(super) user: UserId,
    pub(super) note: Note,
    pub(super) key: SummaryKey,
    /// Whether it is written even if an equal one is stored.
    pub(super) refresh: bool,
}

pub(crate) const OVER_DAILY_BUDGET: ErrorResponse = ErrorResponse {
    name: "OverDailyBudget",
    description: "The note may need more tokens than the budget of a whole day",
    error: || ApiError::Forbidden("The budget for summaries is too small for this note"),
};

impl Job {
    /// Writes the summary and reports the outcome to all waiters.
    pub(super) async fn run(self, flight: Flight<FlightKey, Arc<Summary>, ApiError>) {
        // Another request may have stored it since the handler looked for it.
        if !self.refresh
            && let Ok(Some(stored)) =
                self.database.summary_like(self.user, self.note.id, self.key.clone()).await
        {
            flight.begin();
            flight.push(&stored.text);
            return flight.finish(Ok(Arc::new(stored)));
        }
        let outcome = self.write(&flight).await;
        flight.finish(outcome.map(Arc::new));
    }

    async fn write(&self, flight: &Flight<FlightKey, Arc<Summary>, ApiError>) -> Result<Summary, ApiError> {
        let plan = self.engine.summarizer.plan(&self.note, self.key.options.clone());
        let mut cancelled = pin!(self.cancelled(flight));
        // No tokens are reserved while the job waits, so they are left to the jobs that run.
        let permit = tokio::select! {
            permit = self.engine.permit(self.user) => permit,
            () = &mut cancelled => return Err(self.failed(RunError::Cancelled)),
        };
        let reservation = self.reserve(plan.max_tokens(), self.engine.budget).await?;
        flight.begin();
        let outcome = plan.run(|text| flight.push(text), cancelled).await;
        drop(permit);
        self.store(outcome, reservation).await
    }

    /// Completes when the last waiter has left, or when the service is about to end.
    async fn cancelled(&self, flight: &Flight<FlightKey, Arc<Summary>, ApiError>) {
        let mut give_up = self.give_up.subscribe();
        tokio::select! {
            // Never an error, since the job holds the sender.
            _ = give_up.wait_for(|give_up| *give_up) => {}
            () = flight.abandoned() => {}
        }
    }

    async fn reserve(&self, tokens: i64, budget: Budget) -> Result<Reservation, ApiError> {
        if tokens > budget.per_user.min(budget.of_all) {
            return Err(OVER_DAILY_BUDGET.error());
        }
        let now = (self.clock)();
        let reserved = self.database.reserve_tokens(self.user, tokens, budget, now).await;
        match reserved.or_not_found(NOTE_NOT_FOUND)? {
            Ok(reservation) => Ok(reservation),
            Err(OverBudget::ForNow(quota)) => Err(ApiError::BudgetReserved { quota }),
            Err(OverBudget::Today(quota)) => {
                let resets_at = Day::of(now).next().begins();
                let seconds = resets_at.as_seconds().saturating_sub(now.as_seconds());
                let wait = Duration::from_secs(seconds.max(1).unsigned_abs());
                Err(ApiError::BudgetSpent { resets_at, wait, quota })
            }
        }
    }

    /// Stores the receipt, charges the tokens, and returns the summary or why there is none.
    async fn store(&self, outcome: Outcome, reservation: Reservation) -> Result<Summary, ApiError> {
        let (status, spent) = (outcome.status(), outcome.spent);
        let (text, failure) = match outcome.result {
            Ok(text) => (text, None),
            Err(error) => (String::new(), Some(self.failed(error))),
        };
        if spent.calls == 0
            && let Some(failure) = failure
        {
            // No model was reached, so there is nothing to keep a receipt of.
            self.settle(reservation, spent).await;
            return Err(failure);
        }
        let new = NewSummary {
            key: self.key.clone(),
            note_updated_at: self.note.updated_at,
            status,
            text,
            model: outcome.model,
            spent,
            latency_ms: i64::try_from(outcome.latency.as_millis()).unwrap_or(i64::MAX),
            response_id: outcome.response_id,
        };
        let now = (self.clock)();
        let stored = self.database.store_summary(self.user, self.note.id, new, Some(reservation), now).await;
        // A deleted note gets no receipt, but its tokens are charged. After any other error the
        // charge was rolled back, although the tokens were used, or its result was lost. In that
        // case the reservation is settled, so it is not charged again.
        let not_stored = stored.as_ref().err().filter(|error| !matches!(error, Error::NotFound));
        if not_stored.is_some() {
            self.settle(reservation, spent).await;
        }
        let Some(failure) = failure else { return stored.or_not_found(NOTE_NOT_FOUND) };
        if let Some(error) = not_stored {
            tracing::error!(%error, "the receipt of a summary may not be stored");
        }
        Err(failure)
    }

    async fn settle(&self, reservation: Reservation, spent: Spent) {
        if let Err(error) = self.database.settle_tokens(reservation, spent).await {
            tracing::error!(%error, "the tokens of a summary were not charged");
        }
    }

    fn failed(&self, error: RunError) -> ApiError {
        if matches!(error, RunError::Cancelled) && *self.give_up.borrow() {
            return ApiError::busy("the service ends");
        }
        error.into()
    }
}
