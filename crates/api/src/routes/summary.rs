//! `POST /notes/{id}/summarize` and `GET /notes/{id}/summaries`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use daybook_domain::{Note, NoteId, Summary, SummaryLength, SummaryOptions, language_rule};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::note::NOT_FOUND;
use super::{page, summary_stream};
use crate::error::{ApiError, OrNotFound};
use crate::extract::{Body, CurrentUser, Id, OptionalJson, Paging};
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
#[utoipa::path(
    post,
    path = "/notes/{note_id}/summarize",
    tag = "notes",
    operation_id = "summarize_note",
    security(("OAuth2PasswordBearer" = [])),
    params(("note_id" = NoteId, Path)),
    request_body = Option<SummaryRequest>,
    responses(
        (status = 200, description = "The stored summary", content((Summary = "application/json"), (String = "text/event-stream"))),
        (status = 403, description = "The note may take more than the budget of a whole day", body = crate::error::Detail),
        (status = 404, description = "`Note not found`", body = crate::error::Detail),
        (status = 429, description = "The budget is used up, or too many are being made at once; `Retry-After` says when to come back", body = crate::error::Detail),
        (status = 502, description = "The AI provider answered without a summary", body = crate::error::Detail),
        (status = 504, description = "The AI provider did not answer in time", body = crate::error::Detail)
    )
)]
pub(crate) async fn summarize(
    state: web::Data<State>,
    user: CurrentUser,
    Id(id): Id<NoteId>,
    OptionalJson(asked): OptionalJson<SummaryRequest>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let asked = asked.unwrap_or_default();
    let note = state.database.note(user.id, id).await.or_not_found(NOT_FOUND)?;
    let key = state.summaries.key(&note, asked.options())?;
    let refresh = asked.refresh == Some(true);
    if !refresh && let Some(stored) = state.database.summary_like(user.id, id, key.clone()).await? {
        show(&state, user, &note, &stored).await?;
        return Ok(if wants_events(&request) {
            summary_stream::stored(&stored)
        } else {
            HttpResponse::Ok().json(stored)
        });
    }
    let _waiting = state.metrics.waiting()?;
    let waiter = state.summaries.join(&state, user.id, note, key, refresh)?;
    if wants_events(&request) {
        summary_stream::answer(waiter, state, user).await
    } else {
        whole(waiter).await
    }
}

/// List a note's summaries
///
/// Newest first, with those that were not completed: what was asked, and what it took.
#[utoipa::path(
    get,
    path = "/notes/{note_id}/summaries",
    tag = "notes",
    operation_id = "list_summaries",
    security(("OAuth2PasswordBearer" = [])),
    params(("note_id" = NoteId, Path), crate::extract::PageQuery),
    responses(
        (status = 200, description = "A page of summaries", body = Vec<Summary>, headers(("Link" = Option<String>))),
        (status = 404, description = "`Note not found`", body = crate::error::Detail)
    )
)]
pub(crate) async fn list(
    state: web::Data<State>,
    user: CurrentUser,
    Id(id): Id<NoteId>,
    Paging(asked): Paging,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let summaries = state.database.summaries(user.id, id, asked).await.or_not_found(NOT_FOUND)?;
    page::answer(&request, asked, &summaries)
}

/// A note shows the summary that was asked for last.
async fn show(state: &State, user: CurrentUser, note: &Note, stored: &Summary) -> Result<(), ApiError> {
    if note.summary.as_ref().is_some_and(|shown| shown.id == stored.id) {
        return Ok(());
    }
    state.database.show_summary(user.id, note.id, stored.id).await.or_not_found(NOT_FOUND)
}

async fn whole(mut waiter: Waiter) -> Result<HttpResponse, ApiError> {
    let ended = waiter.watch.wait_for(|progress| progress.outcome.is_some()).await;
    match ended.ok().and_then(|progress| progress.outcome.clone()) {
        Some(Ok(summary)) => Ok(HttpResponse::Ok().json(&*summary)),
        Some(Err(failure)) => Err(failure.into()),
        None => Err(ApiError::internal("a summary was dropped")),
    }
}

/// Whether the client asks for server-sent events; anything else is answered in one piece.
fn wants_events(request: &HttpRequest) -> bool {
    let accept = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    accept.flat_map(|value| value.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_events = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/event-stream"));
        // `q=0` means that it must not be (RFC 9110, section 12.4.2).
        is_events
            && !parts.any(|part| {
                let (name, weight) = part.split_once('=').unwrap_or((part, ""));
                name.eq_ignore_ascii_case("q") && weight.parse() == Ok(0.0)
            })
    })
}
