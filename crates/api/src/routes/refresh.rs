//! `POST /auth/refresh`.

use std::collections::HashMap;

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_auth::RefreshToken;
use daybook_domain::{Actor, EndReason, EventKind, Proof};
use daybook_persistence::{FamilyDigest, Refresh, RefreshPreview, Refreshed, Rotation, TokenDigest};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::token::{self, Token};
use crate::endpoint::{ErrorResponse, Json, TOO_MANY_REQUESTS};
use crate::error::{ApiError, OrMissing};
use crate::extract::{Anyone, Body, ClientOrigin, JsonOrForm, refresh_grant_type_rule};
use crate::sessions::{audit, log_and_revoke};
use crate::state::State;

/// The refresh request of OAuth 2.0 (RFC 6749, section 6).
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct RefreshRequest {
    /// `refresh_token`, or empty.
    #[garde(custom(refresh_grant_type_rule))]
    #[schema(
        value_type = String,
        required = false,
        pattern = "^(refresh_token)?$",
        example = "refresh_token"
    )]
    grant_type: Option<String>,
    /// The refresh token of the last login or refresh.
    #[garde(length(chars, min = 1))]
    #[schema(min_length = 1, example = "AbC3dEf6GhI9jKl2MnO5pQr8StU1vWx4YzA7bCd0EfG3hIj6KlM9nOp2QrS5tUvW")]
    refresh_token: String,
}

impl Body for RefreshRequest {}

const INVALID: ApiError = ApiError::BadToken("The refresh token is invalid");

const REFRESH_REJECTED: ErrorResponse = ErrorResponse {
    name: "RefreshRejected",
    description: "The refresh token is invalid, or its session has ended; see `WWW-Authenticate`",
    error: || INVALID,
};

/// Refresh the tokens
///
/// Each refresh token can be used once. A client that lost the response, or a second browser tab,
/// may resend it within 30 seconds and gets the same successor. A token that is resent later was
/// copied, so its session ends.
#[endpoint(POST "/auth/refresh", errors(REFRESH_REJECTED, TOO_MANY_REQUESTS))]
pub(crate) async fn refresh(
    _: Anyone,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
    JsonOrForm(body): JsonOrForm<RefreshRequest>,
) -> Result<Json<Token>, ApiError> {
    let presented = RefreshToken::parse(&body.refresh_token).ok_or(INVALID)?;
    let family = FamilyDigest(presented.family().into_bytes());
    let refresh_token = TokenDigest(presented.digest().into_bytes());
    // Invalid and repeated tokens cost some reads. A refresh is a transaction.
    let preview = state.database.preview_refresh(family, refresh_token, state.now()).await;
    let preview = preview.or_account_gone()?;
    match &preview {
        RefreshPreview::Rotation { user, session }
        | RefreshPreview::Unchanged(Refreshed::Repeated { user, session, .. }) => {
            let counted = state.user_limits.refresh(*user, *session, state.now()).await;
            counted.map_err(ApiError::too_many_requests)?;
        }
        // Reuse has no limit, or a thief who uses up the refreshes would keep a stolen session. It
        // ends the session, so only the requests that are in flight then cost a transaction.
        RefreshPreview::Reuse => {}
        RefreshPreview::Unchanged(outcome) => return Err(rejection(outcome)),
    }
    let salt = RefreshToken::draw_salt()?;
    let successor = presented.successor(&salt)?;
    let refresh = Refresh {
        family,
        refresh_token,
        successor: TokenDigest(successor.digest().into_bytes()),
        salt,
        origin: origin.clone(),
        policy: state.session_policy,
    };
    let now = state.now();
    let refreshed = match preview {
        RefreshPreview::Unchanged(repeated) => repeated,
        _ => state.database.refresh_session(refresh, now).await.or_account_gone()?,
    };
    match refreshed {
        Refreshed::Rotated { user, session } => {
            audit::log(EventKind::Refresh, Some(user), Some(session), &origin);
            token::issue(&state, user, session, &successor).map(Json)
        }
        Refreshed::Repeated { user, session, rotations } => {
            let actor = Actor { user, proof: Proof::Session(session), origin, now };
            audit::log_and_store(&state.delayed_events, EventKind::RefreshRepeated, actor);
            token::issue(&state, user, session, &newest(presented, &rotations)?).map(Json)
        }
        Refreshed::Reused { session, ended } => {
            audit::log(EventKind::RefreshTokenReused, Some(ended.user), Some(session), &origin);
            log_and_revoke(&state.revocations, ended, &origin, now);
            Err(ApiError::BadToken("The refresh token was used before, so its session has ended"))
        }
        outcome => Err(rejection(&outcome)),
    }
}

/// The response to a token without a live session.
fn rejection(outcome: &Refreshed) -> ApiError {
    match outcome {
        Refreshed::Ended(reason) => ApiError::BadToken(sentence(*reason)),
        Refreshed::Expired => ApiError::BadToken("The session expired"),
        _ => INVALID,
    }
}

/// Follows the rotations from a token to its newest successor.
fn newest(mut token: RefreshToken, rotations: &[Rotation]) -> Result<RefreshToken, daybook_auth::Error> {
    let salts: HashMap<_, _> =
        rotations.iter().map(|rotation| (rotation.refresh_token.0, rotation.salt)).collect();
    // No token occurs twice, so there are at most as many steps as rotations.
    for _ in rotations {
        let Some(salt) = salts.get(token.digest().as_bytes()) else { break };
        token = token.successor(salt)?;
    }
    Ok(token)
}

/// Why a session has ended, for its client.
fn sentence(reason: Option<EndReason>) -> &'static str {
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
