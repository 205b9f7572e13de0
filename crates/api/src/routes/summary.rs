//! `POST /notes/{id}/summarize` and `GET /notes/{id}/summaries`.

mod stream;
mod watch;

use std::sync::Arc;

use actix_web::web::Data;
use daybook_ai_client::Error;
use daybook_api_macros::endpoint;
use daybook_domain::{LanguageTag, Note, NoteId, Summary, SummaryLength, SummaryOptions};
use daybook_persistence::Access;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use self::watch::SessionWatch;
use crate::endpoint::{ErrorResponse, JsonOrEvents, Paged};
use crate::error::{ApiError, OrMissing};
use crate::extract::{Body, CurrentUser, Id, OptionalJson, Paging, PathId, WantsEvents};
use crate::quotas::{ACCOUNT_FULL, Addition};
use crate::state::State;
use crate::summaries::OVER_DAILY_BUDGET;

/// How a note is summarized.
#[derive(Default, Deserialize, Validate, ToSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct SummaryRequest {
    /// The language of the summary as a BCP 47 tag. The default is the language of the note.
    #[schema(
        value_type = Option<String>,
        pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$",
        example = "pt-BR"
    )]
    language: Option<LanguageTag>,
    /// The length of the summary: `short`, `medium` or `long`. The default is `medium`.
    #[schema(value_type = Option<String>, pattern = "^(short|medium|long)$", example = "short")]
    length: Option<SummaryLength>,
    /// True to make a new summary even if an equal one is stored.
    #[schema(example = false)]
    refresh: Option<bool>,
}

impl Body for SummaryRequest {}

const SUMMARY_LIMIT: ErrorResponse = ErrorResponse {
    name: "SummaryLimit",
    description: "The budget is used up, or too many summaries are in progress; see `Retry-After`",
    error: || ApiError::BudgetReserved { quota: 0 },
};

const PROVIDER_FAILED: ErrorResponse = ErrorResponse {
    name: "ProviderFailed",
    description: "The AI provider answered without a summary",
    error: || ApiError::of_provider(&Error::Empty { usage: None, request_id: None }),
};

const PROVIDER_TIMEOUT: ErrorResponse = ErrorResponse {
    name: "ProviderTimeout",
    description: "The AI provider did not answer in time",
    error: || ApiError::of_provider(&Error::Timeout),
};

/// Summarize a note
///
/// The stored summary is returned if the content, language and length are the same and `refresh` is
/// not true. Concurrent requests for the same summary share it.
///
/// With `Accept: text/event-stream` the summary is sent while it is written: events `delta` with
/// the next piece of the text (`{"text": "…"}`), then `done` with the stored summary, or `error`
/// with `{"status": 502, "detail": "…"}`.
#[endpoint(
    POST "/notes/{note_id}/summarize",
    errors(OVER_DAILY_BUDGET, ACCOUNT_FULL, SUMMARY_LIMIT, PROVIDER_FAILED, PROVIDER_TIMEOUT)
)]
pub(crate) async fn summarize_note(
    user: CurrentUser,
    state: Data<State>,
    Id(id): Id<NoteId>,
    OptionalJson(asked): OptionalJson<SummaryRequest>,
    WantsEvents(wants_events): WantsEvents,
) -> Result<JsonOrEvents<Summary>, ApiError> {
    let SummaryRequest { language, length, refresh } = asked.unwrap_or_default();
    let options = SummaryOptions { language, length: length.unwrap_or_default() };
    let refresh = refresh == Some(true);
    // The body took time. No model is called for a session that has ended meanwhile.
    let access = user.access(state.now());
    let note = state.database.note(access, id).await.or_not_found(NoteId::NOT_FOUND)?;
    let key = state.summaries.key(&note, options)?;
    if !refresh
        && let Some(stored) = state.database.summary_like(user.id, id, key.clone()).await.or_account_gone()?
    {
        if note.summary.as_ref().is_none_or(|shown| shown.id != stored.id) {
            show(&state, access, &note, &stored).await?;
        }
        return Ok(match wants_events {
            true => JsonOrEvents::Events(stream::send_stored(&stored)),
            false => JsonOrEvents::Json(Arc::new(stored)),
        });
    }
    let counted = state.user_limits.summary(user.id, state.now()).await;
    counted.map_err(ApiError::too_many_requests)?;
    let storage = state.quotas.reserve(&state.database, user.id, Addition::summary()).await?;
    let _waiting = state.metrics.count_waiting()?;
    let mut waiter = state.summaries.join(&state.database, user.id, note, key, refresh, storage)?;
    let watch = SessionWatch::new(state, user);
    Ok(match wants_events {
        true => JsonOrEvents::Events(stream::send_live(waiter, watch).await?),
        false => JsonOrEvents::Json(watch.wait_to_the_end(waiter.summary.outcome()).await??),
    })
}

/// List a note's summaries
///
/// Newest first, with those that were not completed. Each has its model, its tokens and its cost.
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

/// Makes a stored summary the one that its note shows, which is a change of the note.
async fn show(state: &State, access: Access, note: &Note, stored: &Summary) -> Result<(), ApiError> {
    let counted = state.user_limits.write(access.user(), state.now()).await;
    counted.map_err(ApiError::too_many_requests)?;
    state.database.show_summary(access, note.id, stored.id).await.or_not_found(NoteId::NOT_FOUND)
}
