//! `/auth/sessions`, `/auth/logout` and `/auth/logout-all`.

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_domain::{EndReason, EventKind, Session, SessionId};
use daybook_persistence::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit;
use crate::endpoint::{List, NoContent};
use crate::error::{ApiError, RowResult};
use crate::extract::{ClientOrigin, CurrentUser, Id, PathId};
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
#[endpoint(GET "/auth/sessions")]
pub(crate) async fn list_sessions(
    user: CurrentUser,
    state: Data<State>,
) -> Result<List<ListedSession>, ApiError> {
    let sessions = state.database.sessions(user.id, state.now()).await.or_account_gone()?;
    let listed = sessions.into_iter().map(|session| {
        let current = user.session == Some(session.id);
        ListedSession { session, current }
    });
    Ok(List(listed.collect()))
}

/// End a session
///
/// Its access and refresh tokens are dead at once.
#[endpoint(DELETE "/auth/sessions/{session_id}")]
pub(crate) async fn end_session(
    user: CurrentUser,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
    Id(session): Id<SessionId>,
) -> Result<NoContent, ApiError> {
    let end = state.database.end_session(user.id, session, EndReason::Revoked, origin.clone(), state.now());
    end.await.or_not_found(SessionId::NOT_FOUND)?;
    state.revocations.announce(vec![session]);
    audit::tell_ended(user.id, &[session], &origin);
    Ok(NoContent)
}

/// Log out
///
/// This session's access and refresh tokens are dead at once.
#[endpoint(POST "/auth/logout")]
pub(crate) async fn logout(
    user: CurrentUser,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
) -> Result<NoContent, ApiError> {
    let (database, now) = (&state.database, state.now());
    if let Some(session) = user.session {
        match database.end_session(user.id, session, EndReason::Logout, origin.clone(), now).await {
            // Somebody was faster, and that is just as well.
            Ok(()) | Err(Error::NotFound) => state.revocations.announce(vec![session]),
            Err(error) => return Err(error).or_account_gone(),
        }
    } else {
        database.end_legacy_tokens(user.id, origin.clone(), now).await.or_account_gone()?;
    }
    audit::tell(EventKind::Logout, Some(user.id), user.session, &origin);
    Ok(NoContent)
}

/// Log out everywhere
///
/// Every session of the user ends, this one too.
#[endpoint(POST "/auth/logout-all")]
pub(crate) async fn logout_all(
    user: CurrentUser,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
) -> Result<NoContent, ApiError> {
    let end = state.database.end_all_sessions(user.id, user.session, origin.clone(), state.now());
    let ended = end.await.or_account_gone()?;
    audit::tell(EventKind::Logout, Some(user.id), user.session, &origin);
    audit::tell_ended(user.id, &ended, &origin);
    state.revocations.announce(ended);
    Ok(NoContent)
}
