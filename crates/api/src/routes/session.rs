//! `/auth/sessions`, `/auth/logout` and `/auth/logout-all`.

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_domain::{Actor, EndReason, EventKind, Session, SessionId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::endpoint::{List, NoContent};
use crate::error::{ApiError, OrMissing};
use crate::extract::{CurrentUser, Id, PathId};
use crate::sessions::{audit, log_and_revoke};
use crate::state::State;

/// A session of the user.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedSession {
    #[serde(flatten)]
    session: Session,
    /// True for the session of this request.
    current: bool,
}

/// List the sessions
///
/// Newest first, without ended and expired ones.
#[endpoint(GET "/auth/sessions")]
pub(crate) async fn list_sessions(
    user: CurrentUser,
    state: Data<State>,
) -> Result<List<ListedSession>, ApiError> {
    let sessions = state.database.sessions(user.id, state.now()).await.or_account_gone()?;
    let listed = |session: Session| ListedSession { current: user.session == Some(session.id), session };
    Ok(List(sessions.into_iter().map(listed).collect()))
}

/// End a session
///
/// Its access and refresh tokens are revoked at once.
#[endpoint(DELETE "/auth/sessions/{session_id}")]
pub(crate) async fn end_session(
    actor: Actor,
    state: Data<State>,
    Id(session): Id<SessionId>,
) -> Result<NoContent, ApiError> {
    // A client that sends many ids, or the same one again, costs reads and no transactions.
    let live = state.database.live_session(actor.user, session, actor.now).await;
    live.or_account_gone()?.ok_or(ApiError::NotFound(SessionId::NOT_FOUND))?;
    let end = state.database.end_session(&actor, session, EndReason::Revoked);
    let ended = end.await.or_not_found(SessionId::NOT_FOUND)?;
    log_and_revoke(&state.revocations, ended, &actor.origin, actor.now);
    Ok(NoContent)
}

/// Log out
///
/// The access and refresh tokens of this session are revoked at once.
#[endpoint(POST "/auth/logout")]
pub(crate) async fn logout(actor: Actor, state: Data<State>) -> Result<NoContent, ApiError> {
    let Some(session) = actor.session() else {
        state.database.end_legacy_tokens(&actor).await.or_account_gone()?;
        audit::log_actor(EventKind::Logout, &actor);
        return Ok(NoContent);
    };
    let end = state.database.end_session(&actor, session, EndReason::Logout);
    let ended = end.await.or_account_gone()?;
    log_and_revoke(&state.revocations, ended, &actor.origin, actor.now);
    Ok(NoContent)
}

/// Log out everywhere
///
/// Every session of the user ends, this one included.
#[endpoint(POST "/auth/logout-all")]
pub(crate) async fn logout_all(actor: Actor, state: Data<State>) -> Result<NoContent, ApiError> {
    let ended = state.database.end_all_sessions(&actor).await.or_account_gone()?;
    audit::log_actor(EventKind::Logout, &actor);
    log_and_revoke(&state.revocations, ended, &actor.origin, actor.now);
    Ok(NoContent)
}
