//! `POST /auth/refresh`.

use std::collections::HashMap;

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_auth::RefreshToken;
use daybook_domain::{EndReason, EventKind};
use daybook_persistence::{Refresh, Refreshed, Rotation};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::token::{self, Token};
use crate::audit;
use crate::endpoint::{ErrorResponse, Json};
use crate::error::{ApiError, RowResult};
use crate::extract::{Anyone, Body, ClientOrigin, JsonOrForm};
use crate::state::State;
use crate::validation::refresh_grant_type_rule;

/// The refresh request of OAuth 2.0 (RFC 6749, section 6).
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct RefreshRequest {
    /// `refresh_token`, if anything.
    #[garde(custom(refresh_grant_type_rule))]
    #[schema(value_type = String, required = false, pattern = "^(refresh_token)?$", example = "refresh_token")]
    grant_type: Option<String>,
    /// The one that the last login or refresh gave.
    #[garde(length(chars, min = 1))]
    #[schema(min_length = 1, example = "AbC3dEf6GhI9jKl2MnO5pQr8StU1vWx4YzA7bCd0EfG3hIj6KlM9nOp2QrS5tUvW")]
    refresh_token: String,
}

impl Body for RefreshRequest {}

const REFRESH_REJECTED: ErrorResponse = ErrorResponse {
    name: "RefreshRejected",
    status: 401,
    description: "The refresh token is not valid, or its session has ended; `WWW-Authenticate` has the reason",
    detail: "Could not validate credentials",
};

const INVALID: ApiError = ApiError::BadToken("The refresh token is invalid");

/// Get new tokens
///
/// Each refresh token is good once. Sent again within 30 seconds, by a client that lost the answer or by another tab, it gives the
/// very same successor; sent again later, it ends the session, since somebody has a copy of it.
#[endpoint(POST "/auth/refresh", errors(REFRESH_REJECTED))]
pub(crate) async fn refresh(
    _: Anyone,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
    JsonOrForm(body): JsonOrForm<RefreshRequest>,
) -> Result<Json<Token>, ApiError> {
    let presented = RefreshToken::parse(&body.refresh_token).ok_or(INVALID)?;
    let salt = RefreshToken::draw_salt()?;
    let successor = presented.successor(&salt)?;
    let refresh = Refresh {
        family: presented.family(),
        refresh_token: presented.digest(),
        successor: successor.digest(),
        salt,
        origin: origin.clone(),
        policy: state.sessions,
    };
    match state.database.refresh_session(refresh, state.now()).await.or_account_gone()? {
        Refreshed::Rotated { user, session } => {
            audit::tell(EventKind::Refresh, Some(user), Some(session), &origin);
            token::issue(&state, user, session, &successor).map(Json)
        }
        Refreshed::Repeated { user, session, rotations } => {
            token::issue(&state, user, session, &newest(presented, &rotations)?).map(Json)
        }
        Refreshed::Reused { user, session } => {
            state.revocations.announce(vec![session]);
            audit::tell(EventKind::RefreshTokenReused, Some(user), Some(session), &origin);
            audit::tell_ended(user, &[session], &origin);
            Err(ApiError::BadToken("The refresh token was used before, so its session has ended"))
        }
        Refreshed::Ended(reason) => Err(ApiError::BadToken(ended(reason))),
        Refreshed::Expired => Err(ApiError::BadToken("The session expired")),
        Refreshed::Unknown => Err(INVALID),
    }
}

/// The token that a token has become, over any number of rotations.
fn newest(mut token: RefreshToken, rotations: &[Rotation]) -> Result<RefreshToken, daybook_auth::Error> {
    let salts: HashMap<_, _> =
        rotations.iter().map(|rotation| (rotation.refresh_token, rotation.salt)).collect();
    // No token comes twice, so there are no more steps than rotations.
    for _ in rotations {
        let Some(salt) = salts.get(&token.digest()) else { break };
        token = token.successor(salt)?;
    }
    Ok(token)
}

fn ended(reason: Option<EndReason>) -> &'static str {
    match reason {
        Some(EndReason::Logout) => "The session was logged out",
        Some(EndReason::LogoutAll | EndReason::Revoked) => "The session was ended by its user",
        Some(EndReason::PasswordChanged) => "The session ended when the password was changed",
        Some(EndReason::RefreshTokenReused) => {
            "The session ended because one of its refresh tokens was used twice"
        }
        Some(EndReason::TooManySessions) => "The session ended to make room for a newer one",
        None => "The session has ended",
    }
}
