//! `POST /notes/{id}/summarize` and `GET /notes/{id}/summaries`.

use std::sync::Arc;

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_domain::{Note, NoteId, Summary, SummaryLength, SummaryOptions, language_rule};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::summary_stream;
use crate::endpoint::{ErrorResponse, JsonOrEvents, Paged};
use crate::error::{ApiError, RowResult};
use crate::extract::{Body, CurrentUser, Id, OptionalJson, Paging, PathId, WantsEvents};
use crate::state::State;
use crate::summaries::Waiter;
use crate::validation::length_rule;

/// How a note is summarised.
#[derive(Default, Deserialize, Validate, ToSchema)]
pub(crate) struct SummaryRequest {
    /// The language to write in, as a tag (BCP 47); the language of the note unless said otherwise.
    #[garde(custom(language_rule))]
    #[schema(pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", example = "pt-BR")]
    language: Option<String>,
    /// How long the summary is to be: `short`, `medium` or `long`; `medium` unless said otherwise.
    #[garde(custom(length_rule))]
    #[schema(pattern = "^(short|medium|long)$", example = "short")]
    length: Option<String>,
    /// Whether to make a new summary though there is one already.
    #[garde(skip)]
    #[schema(example = false)]
    refresh: Option<bool>,
}

impl Body for SummaryRequest {}

const OVER_DAILY_BUDGET: ErrorResponse = ErrorResponse {
    name: "OverDailyBudget",
    status: 403,
    description: "The note may need more tokens than the budget of a whole day",
    detail: "The budget for summaries is too small for this note",
};

const SUMMARY_LIMIT: ErrorResponse = ErrorResponse {
    name: "SummaryLimit",
    status: 429,
    description: "The budget is used up, or too many summaries are in progress; `Retry-After` has the seconds to wait",
    detail: "Too many of your summaries are being made at once",
};

const PROVIDER_FAILED: ErrorResponse = ErrorResponse {
    name: "ProviderFailed",
    status: 502,
    description: "The AI provider answered without a summary",
    detail: "The AI provider did not give a summary",
};

const PROVIDER_TIMEOUT: ErrorResponse = ErrorResponse {
    name: "ProviderTimeout",
    status: 504,
    description: "The AI provider did not answer in time",
    detail: "The AI provider did not answer in time",
};

impl SummaryRequest {
    fn options(&self) -> SummaryOptions {
        SummaryOptions {
            // Tags are compared without case.
            language: self.language.as_ref().map(|tag| tag.to_ascii_lowercase()),
            length: self.length.as_deref().and_then(SummaryLength::from_name).unwrap_or_default(),
        }
    }
}

/// Summarise a note
///
/// A summary of the same content, asked for in the same way, is answered from the store, unless `refresh` is true. Requests for the same summary
/// that come at once share it.
///
/// With `Accept: text/event-stream` the summary is answered as it is written: events `delta` with the next piece of the text (`{"text": "…"}`), then `done`
/// with the stored summary, or `error` with `{"status": 502, "detail": "…"}`.
#[endpoint(
    POST "/notes/{note_id}/summarize",
    errors(OVER_DAILY_BUDGET, SUMMARY_LIMIT, PROVIDER_FAILED, PROVIDER_TIMEOUT)
)]
pub(crate) async fn summarize_note(
    user: CurrentUser,
    state: Data<State>,
    Id(id): Id<NoteId>,
    OptionalJson(asked): OptionalJson<SummaryRequest>,
    WantsEvents(wants_events): WantsEvents,
) -> Result<JsonOrEvents<Summary>, ApiError> {
    let asked = asked.unwrap_or_default();
    let note = state.database.note(user.id, id).await.or_not_found(NoteId::NOT_FOUND)?;
    let key = state.summaries.key(&note, asked.options())?;
    let refresh = asked.refresh == Some(true);
    if !refresh
        && let Some(stored) = state.database.summary_like(user.id, id, key.clone()).await.or_account_gone()?
    {
        show(&state, user, &note, &stored).await?;
        return Ok(if wants_events {
            JsonOrEvents::Events(summary_stream::stored(&stored))
        } else {
            JsonOrEvents::Json(Arc::new(stored))
        });
    }
    let _waiting = state.metrics.waiting()?;
    let waiter = state.summaries.join(&state, user.id, note, key, refresh)?;
    if wants_events {
        summary_stream::answer(waiter, state, user).await.map(JsonOrEvents::Events)
    } else {
        whole(waiter).await.map(JsonOrEvents::Json)
    }
}

/// List a note's summaries
///
/// Newest first, with those that were not completed: what was asked, and what it took.
#[endpoint(GET "/notes/{note_id}/summaries")]
pub(crate) async fn list_summaries(
    user: CurrentUser,
    state: Data<State>,
    Id(id): Id<NoteId>,
    Paging(asked): Paging,
) -> Result<Paged<Summary>, ApiError> {
    let page = state.database.summaries(user.id, id, asked).await.or_not_found(NoteId::NOT_FOUND)?;
    Ok(Paged { asked, page })
}

/// A note shows the summary that was asked for last.
async fn show(state: &State, user: CurrentUser, note: &Note, stored: &Summary) -> Result<(), ApiError> {
    if note.summary.as_ref().is_some_and(|shown| shown.id == stored.id) {
        return Ok(());
    }
    state.database.show_summary(user.id, note.id, stored.id).await.or_not_found(NoteId::NOT_FOUND)
}

async fn whole(mut waiter: Waiter) -> Result<Arc<Summary>, ApiError> {
    let ended = waiter.watch.wait_for(|progress| progress.outcome.is_some()).await;
    match ended.ok().and_then(|progress| progress.outcome.clone()) {
        Some(Ok(summary)) => Ok(summary),
        Some(Err(failure)) => Err(failure.into()),
        None => Err(ApiError::internal("a summary was dropped")),
    }
}
