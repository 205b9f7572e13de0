//! `/users/me` and `POST /auth/password`.

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_attempts::Subject;
use daybook_auth::{Password, PasswordPolicy, Verdict};
use daybook_domain::{Actor, Email, EventKind, User, Username};
use daybook_persistence::{Access, Credentials};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::registration::TAKEN;
use crate::endpoint::{ErrorResponse, Json, NoContent};
use crate::error::{ApiError, OrMissing};
use crate::extract::{Body, ValidJson, password_rule};
use crate::password::{self, TOO_MANY_ATTEMPTS};
use crate::sessions::{audit, log_and_revoke};
use crate::state::State;

/// The changes of an account. A field that is absent or null keeps its value.
///
/// `current_password` is needed if the e-mail address or the username changes by more than case.
#[derive(Deserialize, Validate, ToSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct AccountPatch {
    #[schema(value_type = Option<String>, format = "email", max_length = 254, example = "ada@example.com")]
    email: Option<Email>,
    #[schema(
        value_type = Option<String>,
        min_length = 3,
        max_length = 50,
        pattern = "^(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\
            \\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\
            \\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\
            \u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]*$",
        example = "countess"
    )]
    username: Option<Username>,
    #[schema(value_type = Option<String>, format = "password", example = "correct horse 7 battery")]
    current_password: Option<Password>,
}

impl AccountPatch {
    /// True if a value differs from the present one.
    fn changes(&self, account: &User) -> bool {
        self.email.as_ref().is_some_and(|email| *email != account.email)
            || self.username.as_ref().is_some_and(|username| *username != account.username)
    }

    /// True if the account can be found by another name afterwards.
    fn renames(&self, account: &User) -> bool {
        self.email.as_ref().is_some_and(|email| email.key() != account.email.key())
            || self.username.as_ref().is_some_and(|username| username.key() != account.username.key())
    }
}

impl Body for AccountPatch {}

/// The password again, before a critical change.
#[derive(Deserialize, Validate, ToSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct Confirmation {
    #[schema(value_type = String, format = "password", example = "correct horse 7 battery")]
    current_password: Password,
}

impl Body for Confirmation {}

/// A new password.
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

const INCORRECT_PASSWORD: ErrorResponse = ErrorResponse {
    name: "IncorrectPassword",
    description: "`current_password` is not the password",
    error: || ApiError::Forbidden("Incorrect password"),
};

/// Get the account
#[endpoint(GET "/users/me")]
pub(crate) async fn me(access: Access, state: Data<State>) -> Result<Json<User>, ApiError> {
    state.database.user(access).await.or_account_gone().map(Json)
}

/// Change the e-mail address or the username
///
/// `current_password` is needed if the e-mail address or the username changes by more than case.
/// Changes are limited like registrations.
#[endpoint(PATCH "/users/me", errors(TAKEN, INCORRECT_PASSWORD, TOO_MANY_ATTEMPTS))]
pub(crate) async fn update_me(
    actor: Actor,
    state: Data<State>,
    ValidJson(patch): ValidJson<AccountPatch>,
) -> Result<Json<User>, ApiError> {
    let account = state.database.user(&actor).await.or_account_gone()?;
    if !patch.changes(&account) {
        return Ok(Json(account));
    }
    let verified = confirm_rename(&state, &actor, &patch, &account).await?;
    let AccountPatch { email, username, .. } = patch;
    let actor = Actor { now: state.now(), ..actor };
    // Another request may have changed the verified password meanwhile.
    let update = state.database.update_user(&actor, email, username, verified).await;
    let account = update.or_missing(INCORRECT_PASSWORD.error())?;
    audit::log_actor(EventKind::AccountChanged, &actor);
    Ok(Json(account))
}

/// Delete the account
///
/// All of its sessions, notes, tasks and summaries are deleted as well.
#[endpoint(DELETE "/users/me", errors(INCORRECT_PASSWORD, TOO_MANY_ATTEMPTS))]
pub(crate) async fn delete_me(
    actor: Actor,
    state: Data<State>,
    ValidJson(body): ValidJson<Confirmation>,
) -> Result<NoContent, ApiError> {
    let verified = verify(&state, &actor, body.current_password).await?;
    let actor = Actor { now: state.now(), ..actor };
    // Another request may have changed the verified password meanwhile.
    let delete = state.database.delete_user(&actor, verified).await;
    let ended = delete.or_missing(INCORRECT_PASSWORD.error())?;
    log_and_revoke(&state.revocations, ended, &actor.origin, actor.now);
    state.jobs.account_closed();
    Ok(NoContent)
}

/// Change the password
///
/// Every other session of the account ends.
#[endpoint(POST "/auth/password", errors(INCORRECT_PASSWORD, TOO_MANY_ATTEMPTS))]
pub(crate) async fn change_password(
    actor: Actor,
    state: Data<State>,
    ValidJson(body): ValidJson<PasswordChange>,
) -> Result<NoContent, ApiError> {
    let User { email, username, .. } = state.database.user(&actor).await.or_account_gone()?;
    let policy = &state.password_policy;
    password::reject_personal(policy, &body.new_password, &email, &username, "new_password")?;
    let verified = verify(&state, &actor, body.current_password).await?;
    let new_hash = password::hash(&state, body.new_password, &actor.origin).await?;
    // Hashing takes time, and the change must not be stamped before a login that came meanwhile.
    let actor = Actor { now: state.now(), ..actor };
    let change = state.database.change_password(&actor, verified, new_hash);
    let ended = change.await.or_missing(INCORRECT_PASSWORD.error())?;
    audit::log_actor(EventKind::PasswordChanged, &actor);
    log_and_revoke(&state.revocations, ended, &actor.origin, actor.now);
    Ok(NoContent)
}

/// Verifies the password, if the patch changes a name by more than case. Otherwise returns `None`.
///
/// Each change counts like a registration, because a conflict shows that an account has the name.
/// It also counts like a change of a note, because clients with many addresses could otherwise fill
/// the account's list of events by changes of case.
async fn confirm_rename(
    state: &State,
    actor: &Actor,
    patch: &AccountPatch,
    account: &User,
) -> Result<Option<Credentials>, ApiError> {
    let counted = state.user_limits.write(actor.user, state.now()).await;
    counted.map_err(ApiError::too_many_requests)?;
    let verified = if patch.renames(account) {
        let password = patch.current_password.clone().ok_or_else(|| INCORRECT_PASSWORD.error())?;
        Some(verify(state, actor, password).await?)
    } else {
        None
    };
    let counted = state.attempts.registration(actor.origin.ip, state.now().as_micros()).await;
    counted.map_err(ApiError::too_many_attempts)?;
    Ok(verified)
}

/// Returns the credentials that this password is right for. The limit keeps the thief of an access
/// token from guessing the password.
async fn verify(state: &State, actor: &Actor, password: Password) -> Result<Credentials, ApiError> {
    let origin = &actor.origin;
    let found = state.database.credentials_of(actor).await.or_account_gone()?;
    let session = actor.session().map(|session| session.0);
    let subject = Subject::Confirmation { user: actor.user.0, session };
    let attempt = state.attempts.attempt(subject, origin.ip, state.now().as_micros()).await;
    let attempt = attempt.map_err(ApiError::too_many_attempts)?;
    match password::verify(state, password, Some(&found), origin).await {
        Ok(Verdict::Wrong) => {
            let actor = Actor { now: state.now(), ..actor.clone() };
            audit::log_and_store(&state.delayed_events, EventKind::ConfirmationFailed, actor);
            Err(INCORRECT_PASSWORD.error())
        }
        Ok(Verdict::Right | Verdict::RightButOutdated) => {
            state.attempts.succeeded(&attempt, state.now().as_micros()).await;
            Ok(found)
        }
        Err(error) => {
            state.attempts.undo(&attempt, state.now().as_micros()).await;
            Err(error)
        }
    }
}
