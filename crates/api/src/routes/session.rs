//! `/auth/sessions`, `/auth/logout` and `/auth/logout-all`.

use actix_web::{HttpResponse, web};
use daybook_domain::{EndReason, EventKind, Session, SessionId};
use daybook_persistence::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit;
use crate::error::{ApiError, OrNotFound};
use crate::extract::{ClientOrigin, CurrentUser, Id};
use crate::state::State;

/// A session of the user.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedSession {
    #[serde(flatten)]
    session: Session,
    /// Whether it is the one that asks.
    current: bool,
}

/// List the sessions
///
/// Those that have neither ended nor expired, newest first.
#[utoipa::path(
    get,
    path = "/auth/sessions",
    operation_id = "list_sessions",
    tag = "sessions",
    security(("OAuth2PasswordBearer" = [])),
    responses((status = 200, description = "The sessions", body = [ListedSession]))
)]
pub(crate) async fn list(state: web::Data<State>, user: CurrentUser) -> Result<HttpResponse, ApiError> {
    let sessions = state.database.sessions(user.id, state.now()).await?;
    let listed = sessions.into_iter().map(|session| {
        let current = user.session == Some(session.id);
        ListedSession { session, current }
    });
    Ok(HttpResponse::Ok().json(listed.collect::<Vec<_>>()))
}

/// End a session
///
/// Its access and refresh tokens are dead at once.
#[utoipa::path(
    delete,
    path = "/auth/sessions/{session_id}",
    operation_id = "end_session",
    tag = "sessions",
    params(("session_id" = SessionId, Path, description = "The session")),
    security(("OAuth2PasswordBearer" = [])),
    responses(
        (status = 204, description = "Ended"),
        (status = 404, description = "`Session not found`", body = crate::error::Detail)
    )
)]
pub(crate) async fn end(
    state: web::Data<State>,
    user: CurrentUser,
    ClientOrigin(origin): ClientOrigin,
    Id(session): Id<SessionId>,
) -> Result<HttpResponse, ApiError> {
    let end = state.database.end_session(user.id, session, EndReason::Revoked, origin.clone(), state.now());
    end.await.or_not_found("Session not found")?;
    state.revocations.announce(vec![session]);
    audit::tell_ended(user.id, &[session], &origin);
    Ok(HttpResponse::NoContent().finish())
}

/// Log out
///
/// This session's access and refresh tokens are dead at once.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = "sessions",
    security(("OAuth2PasswordBearer" = [])),
    responses((status = 204, description = "Logged out"))
)]
pub(crate) async fn logout(
    state: web::Data<State>,
    user: CurrentUser,
    ClientOrigin(origin): ClientOrigin,
) -> Result<HttpResponse, ApiError> {
    let (database, now) = (&state.database, state.now());
    if let Some(session) = user.session {
        match database.end_session(user.id, session, EndReason::Logout, origin.clone(), now).await {
            // Somebody was faster, and that is just as well.
            Ok(()) | Err(Error::NotFound) => state.revocations.announce(vec![session]),
            Err(error) => return Err(error.into()),
        }
    } else {
        database.end_legacy_tokens(user.id, origin.clone(), now).await?;
    }
    audit::tell(EventKind::Logout, Some(user.id), user.session, &origin);
    Ok(HttpResponse::NoContent().finish())
}

/// Log out everywhere
///
/// Every session of the user ends, this one too.
#[utoipa::path(
    post,
    path = "/auth/logout-all",
    tag = "sessions",
    security(("OAuth2PasswordBearer" = [])),
    responses((status = 204, description = "Logged out everywhere"))
)]
pub(crate) async fn logout_all(
    state: web::Data<State>,
    user: CurrentUser,
    ClientOrigin(origin): ClientOrigin,
) -> Result<HttpResponse, ApiError> {
    let end = state.database.end_all_sessions(user.id, user.session, origin.clone(), state.now());
    let ended = end.await?;
    audit::tell(EventKind::Logout, Some(user.id), user.session, &origin);
    audit::tell_ended(user.id, &ended, &origin);
    state.revocations.announce(ended);
    Ok(HttpResponse::NoContent().finish())
}
