//! `POST /auth/login`.

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_auth::{Password, RefreshToken, Verdict};
use daybook_domain::{EventKind, Origin, UserId, Username};
use daybook_persistence::{Credentials, Error, Login};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::account::TOO_MANY_ATTEMPTS;
use super::password;
use super::token::{self, Token};
use crate::audit;
use crate::client_address::network_of;
use crate::endpoint::{ErrorResponse, Json};
use crate::error::{ApiError, RowResult};
use crate::extract::{Anyone, Body, ClientOrigin, ValidForm};
use crate::limiter::{Account, Attempt, is_about_account};
use crate::state::State;
use crate::validation::grant_type_rule;

/// The password form of OAuth 2.0 (RFC 6749, section 4.3.2). What it says beside the name and the password is ignored.
#[derive(Deserialize, Validate, ToSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct LoginForm {
    /// `password`, if anything.
    #[garde(custom(grant_type_rule))]
    #[schema(value_type = String, required = false, pattern = "^(password)?$", example = "password")]
    grant_type: Option<String>,
    /// The e-mail address or the username.
    #[schema(min_length = 1, example = "ada@example.com")]
    username: String,
    #[schema(value_type = String, format = "password", min_length = 1, example = "correct horse 7 battery")]
    password: Password,
    /// Not used.
    #[schema(example = "")]
    #[expect(dead_code, reason = "part of the form, so part of its documentation")]
    scope: Option<String>,
    /// Not used.
    #[schema(example = "")]
    #[expect(dead_code, reason = "part of the form, so part of its documentation")]
    client_id: Option<String>,
    /// Not used.
    #[schema(format = "password", example = "")]
    #[expect(dead_code, reason = "part of the form, so part of its documentation")]
    client_secret: Option<String>,
    /// A refresh token of the account, from this login or an earlier one: a client that has one is still heard when others have tried
    /// too many passwords.
    #[schema(example = "")]
    refresh_token: Option<String>,
}

impl Body for LoginForm {}

const INCORRECT_LOGIN: ErrorResponse = ErrorResponse {
    name: "IncorrectLogin",
    status: 401,
    description: "There is no such account, or the password is wrong",
    detail: "Incorrect username or password",
};

/// Ids begin at 1, so this is nobody's.
const NOBODY: UserId = UserId(0);

/// Log in
///
/// Takes the form of OAuth 2.0's password grant, url-encoded or multipart. The answer to a wrong password and to an unknown
/// user is the same, and takes as long. Too many wrong ones for an account or from an address are refused for a while.
#[endpoint(POST "/auth/login", errors(INCORRECT_LOGIN, TOO_MANY_ATTEMPTS))]
pub(crate) async fn login(
    _: Anyone,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
    ValidForm(form): ValidForm<LoginForm>,
) -> Result<Json<Token>, ApiError> {
    let found = state.database.credentials(&form.username).await.or_account_gone()?;
    let attempt = attempt(&state, &form, found.as_ref(), &origin).await?;
    let verdict = match password::verify(&state, form.password.clone(), found.as_ref(), &origin).await {
        Ok(verdict) => verdict,
        Err(error) => {
            // Busy, most likely: whoever was not even heard has not guessed.
            state.limiter.undone(&attempt, state.now()).await;
            return Err(error);
        }
    };
    let (Some(found), Verdict::Right | Verdict::RightButOutdated) = (found.as_ref(), &verdict) else {
        audit::record(&state, EventKind::LoginFailed, found.as_ref().map(|found| found.user), None, origin);
        return Err(ApiError::BadLogin);
    };
    state.limiter.succeeded(&attempt, state.now()).await;
    let new_hash = match verdict {
        // A login must not fail because its hash could not be renewed; the next one tries again.
        Verdict::RightButOutdated => password::hash(&state, form.password, &origin).await.ok(),
        _ => None,
    };
    open(&state, found, new_hash, origin).await.map(Json)
}

/// Opens a session for whoever has given the right password.
async fn open(
    state: &State,
    verified: &Credentials,
    new_hash: Option<String>,
    origin: Origin,
) -> Result<Token, ApiError> {
    let refresh_token = RefreshToken::generate()?;
    let login = Login {
        verified: verified.clone(),
        new_hash,
        family: refresh_token.family(),
        refresh_token: refresh_token.digest(),
        origin: origin.clone(),
        policy: state.sessions,
    };
    let opened = state.database.open_session(login, state.now()).await.map_err(|error| match error {
        // The account or its password changed while the old one was being verified.
        Error::NotFound => ApiError::BadLogin,
        other => ApiError::of_database(other),
    })?;
    audit::tell(EventKind::Login, Some(verified.user), Some(opened.session), &origin);
    audit::tell_ended(verified.user, &opened.ended, &origin);
    state.revocations.announce(opened.ended);
    token::issue(state, verified.user, opened.session, &refresh_token)
}

/// Takes the try from what this client may try. Whoever has locked an account for strangers has not locked it for a client that it
/// knows, by its address or by a refresh token.
async fn attempt(
    state: &State,
    form: &LoginForm,
    found: Option<&Credentials>,
    origin: &Origin,
) -> Result<Attempt, ApiError> {
    let name = Username::key_of(&form.username);
    let account = found.map_or(Account::Nobody(&name), |found| Account::Login(found.user));
    let mut refusal = match state.limiter.attempt(account, origin, state.now()).await {
        Ok(attempt) => return Ok(attempt),
        Err(refusal) => refusal,
    };
    if is_about_account(&refusal)
        && let Some(account) = known(state, form, found, origin).await?
    {
        refusal = match state.limiter.attempt(account, origin, state.now()).await {
            Ok(attempt) => return Ok(attempt),
            Err(refusal) => refusal,
        };
    }
    if refusal.first {
        audit::record(state, EventKind::LoginThrottled, found.map(|found| found.user), None, origin.clone());
    }
    Err(ApiError::TooManyAttempts(refusal))
}

/// Whether the account knows the client. For a name that nobody has, the database is asked as much, in vain.
async fn known(
    state: &State,
    form: &LoginForm,
    found: Option<&Credentials>,
    origin: &Origin,
) -> Result<Option<Account<'static>>, ApiError> {
    let user = found.map_or(NOBODY, |found| found.user);
    if let Some(token) = form.refresh_token.as_deref().and_then(RefreshToken::parse)
        && let Some(session) =
            state.database.session_of_family(user, token.family()).await.or_account_gone()?
    {
        return Ok(Some(Account::KnownDevice(session)));
    }
    let addresses = state.database.login_addresses(user).await.or_account_gone()?;
    let here = origin.ip.map(network_of);
    let is_known = addresses.into_iter().any(|address| Some(network_of(address)) == here);
    Ok(is_known.then_some(Account::KnownAddress(user)))
}
