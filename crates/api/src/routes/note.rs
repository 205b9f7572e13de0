//! `/notes`.

use actix_web::{HttpRequest, HttpResponse, web};
use daybook_domain::{Note, NoteDraft, NoteId, NotePatch};

use super::page;
use crate::error::{ApiError, OrNotFound};
use crate::extract::{Body, CurrentReader, CurrentUser, Id, Paging, ValidJson};
use crate::state::State;

/// A content of 100,000 characters, each written as a pair of `\u` escapes, and a title.
pub(super) const TEXT_MAX: usize = 1_250_000;

pub(crate) const NOT_FOUND: &str = "Note not found";

impl Body for NoteDraft {
    const MAX: usize = TEXT_MAX;
}

impl Body for NotePatch {
    const MAX: usize = TEXT_MAX;
}

/// Write a note
#[utoipa::path(
    post,
    path = "/notes",
    tag = "notes",
    operation_id = "create_note",
    security(("OAuth2PasswordBearer" = [])),
    request_body = NoteDraft,
    responses((status = 201, description = "The note", body = Note, headers(("Location" = String))))
)]
pub(crate) async fn create(
    state: web::Data<State>,
    user: CurrentUser,
    ValidJson(draft): ValidJson<NoteDraft>,
) -> Result<HttpResponse, ApiError> {
    let note = state.database.create_note(user.id, draft, state.now()).await?;
    Ok(HttpResponse::Created().insert_header(("Location", format!("/notes/{}", note.id))).json(note))
}

/// List notes
///
/// Newest first. The header `Link` leads to the next page.
#[utoipa::path(
    get,
    path = "/notes",
    tag = "notes",
    operation_id = "list_notes",
    security(("OAuth2PasswordBearer" = [])),
    params(crate::extract::PageQuery),
    responses((status = 200, description = "A page of notes", body = Vec<Note>, headers(("Link" = Option<String>))))
)]
pub(crate) async fn list(
    state: web::Data<State>,
    reader: CurrentReader,
    Paging(asked): Paging,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    page::answer(&request, asked, &state.database.notes(reader.0, asked).await?)
}

/// Read a note
#[utoipa::path(
    get,
    path = "/notes/{note_id}",
    tag = "notes",
    operation_id = "get_note",
    security(("OAuth2PasswordBearer" = [])),
    params(("note_id" = NoteId, Path)),
    responses(
        (status = 200, description = "The note", body = Note),
        (status = 404, description = "`Note not found`: there is none, or it is somebody else's", body = crate::error::Detail)
    )
)]
pub(crate) async fn find(
    state: web::Data<State>,
    reader: CurrentReader,
    Id(id): Id<NoteId>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(state.database.note(reader.0, id).await.or_not_found(NOT_FOUND)?))
}

/// Replace a note
#[utoipa::path(
    put,
    path = "/notes/{note_id}",
    tag = "notes",
    operation_id = "replace_note",
    security(("OAuth2PasswordBearer" = [])),
    params(("note_id" = NoteId, Path)),
    request_body = NoteDraft,
    responses(
        (status = 200, description = "The note as it is now", body = Note),
        (status = 404, description = "`Note not found`", body = crate::error::Detail)
    )
)]
pub(crate) async fn replace(
    state: web::Data<State>,
    user: CurrentUser,
    Id(id): Id<NoteId>,
    ValidJson(draft): ValidJson<NoteDraft>,
) -> Result<HttpResponse, ApiError> {
    let note = state.database.update_note(user.id, id, draft.into(), state.now()).await;
    Ok(HttpResponse::Ok().json(note.or_not_found(NOT_FOUND)?))
}

/// Change a note
#[utoipa::path(
    patch,
    path = "/notes/{note_id}",
    tag = "notes",
    operation_id = "update_note",
    security(("OAuth2PasswordBearer" = [])),
    params(("note_id" = NoteId, Path)),
    request_body = NotePatch,
    responses(
        (status = 200, description = "The note as it is now", body = Note),
        (status = 404, description = "`Note not found`", body = crate::error::Detail)
    )
)]
pub(crate) async fn update(
    state: web::Data<State>,
    user: CurrentUser,
    Id(id): Id<NoteId>,
    ValidJson(patch): ValidJson<NotePatch>,
) -> Result<HttpResponse, ApiError> {
    let note = state.database.update_note(user.id, id, patch, state.now()).await;
    Ok(HttpResponse::Ok().json(note.or_not_found(NOT_FOUND)?))
}

/// Delete a note
#[utoipa::path(
    delete,
    path = "/notes/{note_id}",
    tag = "notes",
    operation_id = "delete_note",
    security(("OAuth2PasswordBearer" = [])),
    params(("note_id" = NoteId, Path)),
    responses(
        (status = 204, description = "Gone"),
        (status = 404, description = "`Note not found`", body = crate::error::Detail)
    )
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    user: CurrentUser,
    Id(id): Id<NoteId>,
) -> Result<HttpResponse, ApiError> {
    state.database.delete_note(user.id, id).await.or_not_found(NOT_FOUND)?;
    Ok(HttpResponse::NoContent().finish())
}
