//! `/users/me` and `POST /auth/password`.

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_auth::{Password, PasswordPolicy, Verdict};
use daybook_domain::{Email, EventKind, Origin, User, Username, email_rule, username_rule};
use daybook_persistence::Credentials;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::password;
use super::registration::refuse_telling;
use crate::audit;
use crate::endpoint::{ErrorResponse, Json, NoContent};
use crate::error::{ApiError, RowResult};
use crate::extract::{Body, ClientOrigin, CurrentUser, ValidJson};
use crate::limiter::Account;
use crate::state::State;
use crate::validation::password_rule;

pub(super) const TOO_MANY_ATTEMPTS: ErrorResponse = ErrorResponse {
    name: "TooManyAttempts",
    status: 429,
    description: "Too many attempts; `Retry-After` has the seconds to wait",
    detail: "Too many attempts, try again later",
};

pub(super) const TAKEN: ErrorResponse = ErrorResponse {
    name: "Taken",
    status: 409,
    description: "The e-mail address or the username belongs to another account",
    detail: "Email already registered",
};

const INCORRECT_PASSWORD: ErrorResponse = ErrorResponse {
    name: "IncorrectPassword",
    status: 403,
    description: "`current_password` is not the password",
    detail: "Incorrect password",
};

/// What changes in an account; a field that is absent or null stays as it is.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct AccountPatch {
    #[garde(inner(custom(email_text_rule)))]
    #[schema(format = "email", max_length = 254, example = "ada@example.com")]
    email: Option<String>,
    #[garde(length(chars, min = Username::MIN, max = Username::MAX), inner(custom(username_text_rule)))]
    #[schema(min_length = 3, max_length = 50, pattern = "^[^\\u0000]*$", example = "countess")]
    username: Option<String>,
}

impl Body for AccountPatch {}

fn email_text_rule(text: &str, context: &()) -> garde::Result {
    email_rule(text, context)
}

fn username_text_rule(text: &str, context: &()) -> garde::Result {
    username_rule(text, context)
}

/// Proof that it is the owner who asks.
#[derive(Deserialize, Validate, ToSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct Confirmation {
    #[schema(value_type = String, format = "password", example = "correct horse 7 battery")]
    current_password: Password,
}

impl Body for Confirmation {}

/// A change of the password.
#[derive(Deserialize, Validate, ToSchema)]
#[garde(context(PasswordPolicy))]
pub(crate) struct PasswordChange {
    #[garde(skip)]
    #[schema(value_type = String, format = "password", example = "correct horse 7 battery")]
    current_password: Password,
    /// 6 to 128 characters with a digit.
    #[garde(custom(password_rule))]
    #[schema(
        value_type = String,
        format = "password",
        min_length = 6,
        max_length = 128,
        pattern = "[0-9]",
        example = "another 8 letter word"
    )]
    new_password: Password,
}

impl Body for PasswordChange {}

/// Show the account
#[endpoint(GET "/users/me")]
pub(crate) async fn me(user: CurrentUser, state: Data<State>) -> Result<Json<User>, ApiError> {
    state.database.user(user.id).await.or_account_gone().map(Json)
}

/// Change the e-mail address or the username
#[endpoint(PATCH "/users/me", errors(TAKEN))]
pub(crate) async fn update_me(
    user: CurrentUser,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
    ValidJson(body): ValidJson<AccountPatch>,
) -> Result<Json<User>, ApiError> {
    let email = body.email.as_deref().map(Email::parse).transpose()?;
    let username = body.username.as_deref().map(Username::parse).transpose()?;
    let is_change = email.is_some() || username.is_some();
    let update =
        state.database.update_user(user.id, user.session, email, username, origin.clone(), state.now());
    let account = update.await.or_account_gone()?;
    if is_change {
        audit::tell(EventKind::AccountChanged, Some(user.id), user.session, &origin);
    }
    Ok(Json(account))
}

/// Delete the account
///
/// With everything that it owns.
#[endpoint(DELETE "/users/me", errors(INCORRECT_PASSWORD, TOO_MANY_ATTEMPTS))]
pub(crate) async fn delete_me(
    user: CurrentUser,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
    ValidJson(body): ValidJson<Confirmation>,
) -> Result<NoContent, ApiError> {
    let verified = verify(&state, user, body.current_password, &origin).await?;
    let delete = state.database.delete_user(verified, state.now());
    let ended = delete.await.map_err(changed_meanwhile)?;
    audit::tell_ended(user.id, &ended, &origin);
    state.revocations.announce(ended);
    Ok(NoContent)
}

/// Change the password
///
/// Ends every other session of the account.
#[endpoint(POST "/auth/password", errors(INCORRECT_PASSWORD, TOO_MANY_ATTEMPTS))]
pub(crate) async fn change_password(
    user: CurrentUser,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
    ValidJson(body): ValidJson<PasswordChange>,
) -> Result<NoContent, ApiError> {
    let account = state.database.user(user.id).await.or_account_gone()?;
    let policy = &state.password_policy;
    refuse_telling(policy, &body.new_password, &account.email, &account.username, "new_password")?;
    let verified = verify(&state, user, body.current_password, &origin).await?;
    let new_hash = password::hash(&state, body.new_password, &origin).await?;
    let (keep, now) = (user.session, state.now());
    let change = state.database.change_password(verified, new_hash, keep, origin.clone(), now);
    let ended = change.await.map_err(changed_meanwhile)?;
    audit::tell(EventKind::PasswordChanged, Some(user.id), keep, &origin);
    audit::tell_ended(user.id, &ended, &origin);
    state.revocations.announce(ended);
    Ok(NoContent)
}

/// The password was right a moment ago, and somebody has changed it since.
fn changed_meanwhile(error: daybook_persistence::Error) -> ApiError {
    match error {
        daybook_persistence::Error::NotFound => ApiError::Forbidden(INCORRECT_PASSWORD.detail),
        other => ApiError::of_database(other),
    }
}

/// The credentials that this password is right for. Whoever has stolen an access token must not find the password with it.
async fn verify(
    state: &State,
    user: CurrentUser,
    password: Password,
    origin: &Origin,
) -> Result<Credentials, ApiError> {
    let found = state.database.credentials_of(user.id).await.or_account_gone()?;
    let attempt = state.limiter.attempt(Account::Confirmation(user.id), origin, state.now()).await?;
    match password::verify(state, password, Some(&found), origin).await {
        Ok(Verdict::Wrong) => {
            audit::record(state, EventKind::ConfirmationFailed, Some(user.id), user.session, origin.clone());
            Err(ApiError::Forbidden(INCORRECT_PASSWORD.detail))
        }
        Ok(Verdict::Right | Verdict::RightButOutdated) => {
            state.limiter.succeeded(&attempt, state.now()).await;
            Ok(found)
        }
        Err(error) => {
            state.limiter.undone(&attempt, state.now()).await;
            Err(error)
        }
    }
}
