//! `POST /notes/{id}/summarize`.

use actix_web::{HttpResponse, web};
use daybook_domain::{NoteId, Summary};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::note::NOT_FOUND;
use crate::error::{ApiError, OrNotFound};
use crate::extract::{Body, CurrentUser, Id, OptionalJson};
use crate::state::State;

const SWITCHED_OFF: &str =
    "Summaries are switched off: the operator must set OPENAI_SECRET_KEY, and DAYBOOK_SUMMARIZER not to off";

/// How a note is summarised. There is nothing to choose yet; fields that are sent are ignored.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct SummaryRequest {}

impl Body for SummaryRequest {}

/// Summarise a note
///
/// Asks the AI provider, stores its summary and answers it.
#[utoipa::path(
    post,
    path = "/notes/{note_id}/summarize",
    tag = "notes",
    operation_id = "summarize_note",
    security(("OAuth2PasswordBearer" = [])),
    params(("note_id" = NoteId, Path)),
    request_body = Option<SummaryRequest>,
    responses(
        (status = 200, description = "The stored summary", body = Summary),
        (status = 404, description = "`Note not found`", body = crate::error::Detail),
        (status = 502, description = "The AI provider answered without a summary", body = crate::error::Detail),
        (status = 504, description = "The AI provider did not answer in time", body = crate::error::Detail)
    )
)]
pub(crate) async fn summarize(
    state: web::Data<State>,
    user: CurrentUser,
    Id(id): Id<NoteId>,
    OptionalJson(_): OptionalJson<SummaryRequest>,
) -> Result<HttpResponse, ApiError> {
    let note = state.database.note(user.id, id).await.or_not_found(NOT_FOUND)?;
    let Some(summarizer) = &state.summarizer else {
        return Err(ApiError::Disabled(SWITCHED_OFF));
    };
    let new = summarizer.summarize(&note).await?;
    let now = state.now();
    let summary = Summary {
        text: new.text.clone(),
        model: new.model.clone(),
        input_tokens: new.input_tokens,
        output_tokens: new.output_tokens,
        content_hash: new.content_hash.clone(),
        created_at: now,
        stale: false,
    };
    state.database.store_summary(user.id, id, new, now).await.or_not_found(NOT_FOUND)?;
    Ok(HttpResponse::Ok().json(summary))
}
