//! `/notes`.

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_domain::{Note, NoteDraft, NoteId, NotePatch};
use daybook_persistence::Access;

use crate::endpoint::{Created, Json, Located, NoContent, Paged};
use crate::error::{ApiError, OrMissing};
use crate::extract::{Body, Id, LONG_BODY_MAX, Paging, PathId, ValidJson};
use crate::quotas::{ACCOUNT_FULL, Addition};
use crate::state::State;

impl Body for NoteDraft {
    const MAX: usize = LONG_BODY_MAX;
}

impl Body for NotePatch {
    const MAX: usize = LONG_BODY_MAX;
}

impl Located for Note {
    fn location(&self) -> String {
        format!("/notes/{}", self.id)
    }
}

/// Create a note
#[endpoint(POST "/notes", errors(ACCOUNT_FULL))]
pub(crate) async fn create_note(
    access: Access,
    state: Data<State>,
    ValidJson(draft): ValidJson<NoteDraft>,
) -> Result<Created<Note>, ApiError> {
    let addition = Addition::note(&draft);
    let write = async || state.database.create_note(access, draft, state.now()).await;
    let note = state.quotas.store(&state.database, access.user(), addition, write).await?;
    note.or_account_gone().map(Created)
}

/// List notes
///
/// Newest first. The header `Link` leads to the next page.
#[endpoint(GET "/notes")]
pub(crate) async fn list_notes(
    access: Access,
    state: Data<State>,
    Paging(asked): Paging,
) -> Result<Paged<Note>, ApiError> {
    let page = state.database.notes(access, asked).await.or_account_gone()?;
    Ok(Paged { asked, page })
}

/// Get a note
#[endpoint(GET "/notes/{note_id}")]
pub(crate) async fn get_note(
    access: Access,
    state: Data<State>,
    Id(id): Id<NoteId>,
) -> Result<Json<Note>, ApiError> {
    state.database.note(access, id).await.or_not_found(NoteId::NOT_FOUND).map(Json)
}

/// Replace a note
#[endpoint(PUT "/notes/{note_id}", errors(ACCOUNT_FULL))]
pub(crate) async fn replace_note(
    access: Access,
    state: Data<State>,
    Id(id): Id<NoteId>,
    ValidJson(draft): ValidJson<NoteDraft>,
) -> Result<Json<Note>, ApiError> {
    change(&state, access, id, draft.into()).await.map(Json)
}

/// Update a note
///
/// A field that is absent or null keeps its value.
#[endpoint(PATCH "/notes/{note_id}", errors(ACCOUNT_FULL))]
pub(crate) async fn update_note(
    access: Access,
    state: Data<State>,
    Id(id): Id<NoteId>,
    ValidJson(patch): ValidJson<NotePatch>,
) -> Result<Json<Note>, ApiError> {
    change(&state, access, id, patch).await.map(Json)
}

/// Delete a note
///
/// Its summaries are deleted as well.
#[endpoint(DELETE "/notes/{note_id}")]
pub(crate) async fn delete_note(
    access: Access,
    state: Data<State>,
    Id(id): Id<NoteId>,
) -> Result<NoContent, ApiError> {
    state.database.delete_note(access, id).await.or_not_found(NoteId::NOT_FOUND)?;
    state.quotas.invalidate(access.user());
    Ok(NoContent)
}

async fn change(state: &State, access: Access, id: NoteId, patch: NotePatch) -> Result<Note, ApiError> {
    let addition = Addition::note_change(id, &patch);
    let write = async || state.database.update_note(access, id, patch, state.now()).await;
    let note = state.quotas.store(&state.database, access.user(), addition, write).await?;
    note.or_not_found(NoteId::NOT_FOUND)
}
