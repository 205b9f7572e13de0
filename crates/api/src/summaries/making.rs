//! How a summary is made: tokens are reserved, the provider is called, and what was used is recorded with the text.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daybook_ai_client::Error;
use daybook_domain::{Day, Summary, SummaryStatus};
use daybook_persistence::{NewSummary, NoRoom, Reservation, Spent};
use tokio::time::timeout;

use super::flight::Flight;
use super::prompt::Plan;
use super::talk::{Talk, Written};
use super::{DEADLINE, Failure, Job, Model, Way, extract};
use crate::state::State;

/// Makes a summary and tells all who wait for it.
pub(super) async fn make(way: Way, state: &State, job: Job, flight: Flight) {
    // It may have been stored since this request looked for it.
    if !job.refresh
        && let Ok(Some(stored)) = state.database.summary_like(job.user, job.note.id, job.key.clone()).await
    {
        flight.begin();
        flight.push(&stored.text);
        return flight.finish(Ok(Arc::new(stored)));
    }
    let outcome = match way {
        Way::Provider(model) => ask(&model, state, job, &flight).await,
        Way::Extractive => pick(state, job, &flight).await,
        Way::Off => Err(Failure::Interrupted),
    };
    flight.finish(outcome.map(Arc::new));
}

/// Picks sentences of the note itself.
async fn pick(state: &State, job: Job, flight: &Flight) -> Result<Summary, Failure> {
    flight.begin();
    let receipt = Receipt::begin(None);
    let (note, length) = (job.note.clone(), job.key.options.length);
    let text = tokio::task::spawn_blocking(move || extract::summarize(&note, length)).await;
    let text = text.map_err(|_| Failure::Interrupted)?;
    flight.push(&text);
    let written = Written { text, model: extract::MODEL.to_owned(), response_id: None };
    let free = Spent { cost_micros: Some(0), ..Spent::default() };
    Ok(receipt.store(state, job, Ok(written), free).await?)
}

/// Asks the provider.
async fn ask(model: &Model, state: &State, job: Job, flight: &Flight) -> Result<Summary, Failure> {
    let (plan, now) = (Plan::new(&job.note, model.window), state.now());
    let most = plan.tokens(&job.note);
    if most > model.budget.per_user.min(model.budget.of_all) {
        return Err(Failure::NeverFits);
    }
    let reservation = match state.database.reserve_tokens(job.user, most, model.budget, now).await? {
        Ok(reservation) => reservation,
        Err(NoRoom::ForNow) => return Err(Failure::BudgetReserved),
        Err(_) => {
            let resets_at = Day::of(now).next().begins();
            let seconds = resets_at.as_seconds().saturating_sub(now.as_seconds());
            return Err(Failure::BudgetSpent(resets_at, Duration::from_secs(seconds.max(1).unsigned_abs())));
        }
    };
    flight.begin();
    let receipt = Receipt::begin(Some(reservation));
    let mut talk = Talk::new(model);
    let (status, failure) = tokio::select! {
        // What is there already is not thrown away because nobody waits for it.
        biased;
        outcome = timeout(DEADLINE, talk.about(&job, &plan, flight)) => match outcome {
            Ok(Ok(written)) => {
                let spent = talk.bill(&written.model);
                let stored = receipt.store(state, job, Ok(written), spent).await;
                if stored.as_ref().is_err_and(|error| !matches!(error, daybook_persistence::Error::NotFound)) {
                    // What cannot be stored has been paid for all the same.
                    settle(state, reservation, spent).await;
                }
                return Ok(stored?);
            }
            Ok(Err(error)) => (status_of(&error), Failure::from(error)),
            Err(_) => (SummaryStatus::Failed, Failure::TimedOut),
        },
        () = state.summaries.given_up() => (SummaryStatus::Cancelled, Failure::Stopping),
        () = flight.abandoned() => (SummaryStatus::Cancelled, Failure::Interrupted),
    };
    let spent = talk.bill(&model.name);
    // Of what did not reach a model there is nothing to keep. A note that is gone has no receipts; what it took is booked all the same.
    if spent.calls == 0 {
        settle(state, reservation, spent).await;
    } else if let Err(error) = receipt.store(state, job, Err((status, model.name.clone())), spent).await
        && !matches!(error, daybook_persistence::Error::NotFound)
    {
        tracing::error!(%error, "a receipt was not kept");
        settle(state, reservation, spent).await;
    }
    Err(failure)
}

async fn settle(state: &State, reservation: Reservation, spent: Spent) {
    if let Err(error) = state.database.settle_tokens(reservation, spent).await {
        tracing::error!(%error, "what a summary took was not booked");
    }
}

fn status_of(error: &Error) -> SummaryStatus {
    match error {
        Error::Incomplete { .. } => SummaryStatus::Incomplete,
        Error::Refused { .. } => SummaryStatus::Refused,
        _ => SummaryStatus::Failed,
    }
}

/// What is kept of a summary beside its text.
struct Receipt {
    reservation: Option<Reservation>,
    started: Instant,
}

impl Receipt {
    fn begin(reservation: Option<Reservation>) -> Self {
        Self { reservation, started: Instant::now() }
    }

    async fn store(
        self,
        state: &State,
        job: Job,
        outcome: Result<Written, (SummaryStatus, String)>,
        spent: Spent,
    ) -> Result<Summary, daybook_persistence::Error> {
        let (status, written) = match outcome {
            Ok(written) => (SummaryStatus::Completed, written),
            Err((status, model)) => (status, Written { text: String::new(), model, response_id: None }),
        };
        let new = NewSummary {
            key: job.key,
            note_updated_at: job.note.updated_at,
            status,
            text: written.text,
            model: written.model,
            spent,
            latency_ms: i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX),
            response_id: written.response_id,
        };
        state.database.store_summary(job.user, job.note.id, new, self.reservation, state.now()).await
    }
}
