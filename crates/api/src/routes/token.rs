//! The tokens that a login and a refresh return.

use daybook_auth::{ACCESS_TOKEN_SECONDS, RefreshToken};
use daybook_domain::{SessionId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::state::State;

/// New tokens (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
pub(crate) struct Token {
    /// A JWT for the header `Authorization: Bearer …`.
    access_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 1800)]
    expires_in: i64,
    /// For one `POST /auth/refresh`, which returns the next one.
    #[schema(min_length = 64, max_length = 64)]
    refresh_token: String,
}

/// Issues an access token of the session, beside this refresh token.
///
/// # Errors
///
/// [`ApiError::Internal`] if the token cannot be signed.
pub(super) fn issue(
    state: &State,
    user: UserId,
    session: SessionId,
    refresh_token: &RefreshToken,
) -> Result<Token, ApiError> {
    let access_token = state.tokens.issue(user.0, session.0, state.now().as_seconds())?;
    Ok(Token {
        access_token,
        token_type: "bearer",
        expires_in: ACCESS_TOKEN_SECONDS,
        refresh_token: refresh_token.expose(),
    })
}
