//! `POST /auth/login`.

use std::time::Duration;

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_attempts::{Attempt, Subject};
use daybook_auth::{Password, RefreshToken, Verdict};
use daybook_domain::{Actor, EventKind, LoginName, Origin, Proof, SessionId, UserId};
use daybook_persistence::{Credentials, FamilyDigest, Login, TokenDigest};
use daybook_throttle::{Refusal, subnet_of};
use garde::Validate;
use serde::Deserialize;
use tokio::time::{Instant, sleep, sleep_until};
use utoipa::ToSchema;

use super::token::{self, Token};
use crate::endpoint::{ErrorResponse, Json};
use crate::error::{ApiError, OrMissing};
use crate::extract::{Anyone, Body, ClientOrigin, ValidForm, grant_type_rule};
use crate::password::{self, TOO_MANY_ATTEMPTS};
use crate::sessions::{audit, log_and_revoke};
use crate::state::State;

/// The password form of OAuth 2.0 (RFC 6749, section 4.3.2). Fields that daybook does not use are
/// ignored.
#[derive(Deserialize, Validate, ToSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct LoginForm {
    /// `password`, or empty.
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
    /// A refresh token of the account, current or not. With it, a client can still log in while
    /// other clients have used up the attempts of the account.
    #[schema(example = "")]
    refresh_token: Option<String>,
}

impl Body for LoginForm {}

const INCORRECT_LOGIN: ErrorResponse = ErrorResponse {
    name: "IncorrectLogin",
    description: "There is no such account, or the password is wrong",
    error: || ApiError::BadLogin,
};

/// Ids start at 1, so this is the id of no account.
const NO_ACCOUNT: UserId = UserId(0);

/// A login continues when this time has passed. The queries before take less with a database
/// nearby, and a little longer if they find rows, which would show in many measurements that there
/// is an account. If they take more, the delay of the network hides that.
const LOOKUP_TIME: Duration = Duration::from_millis(3);

/// Log in
///
/// Takes the form of OAuth 2.0's password grant, url-encoded or multipart. A wrong password and an
/// unknown user have the same response, after the same time. After too many wrong passwords for an
/// account or from an address, further attempts are rejected for a while.
#[endpoint(POST "/auth/login", errors(INCORRECT_LOGIN, TOO_MANY_ATTEMPTS))]
pub(crate) async fn login(
    _: Anyone,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
    ValidForm(form): ValidForm<LoginForm>,
) -> Result<Json<Token>, ApiError> {
    let looked_up = Instant::now() + LOOKUP_TIME;
    let name = LoginName::new(&form.username);
    let found = state.database.credentials(&name).await.or_account_gone()?;
    let known = known_client(&state, &form, found.as_ref(), &origin).await?;
    sleep_until(looked_up).await;
    let Attempted { attempt, refusal } = attempt(&state, &name, known, found.as_ref(), &origin).await?;
    let verdict = match password::verify(&state, form.password.clone(), found.as_ref(), &origin).await {
        Ok(verdict) => verdict,
        Err(error) => {
            // Nothing was verified, so the client has not guessed.
            state.attempts.undo(&attempt, state.now().as_micros()).await;
            let Some(refusal) = refusal else { return Err(error) };
            // An unknown name has the same response.
            tracing::warn!(%error, "the password of a known client was not verified");
            return Err(refuse(&state, refusal).await);
        }
    };
    let (Some(found), Verdict::Right | Verdict::RightButOutdated) = (found.as_ref(), &verdict) else {
        record_failure(&state, EventKind::LoginFailed, found.as_ref(), origin);
        return Err(refusal.map_or(ApiError::BadLogin, ApiError::too_many_attempts));
    };
    state.attempts.succeeded(&attempt, state.now().as_micros()).await;
    let new_hash = match verdict {
        // A login must not fail because its hash could not be renewed. The next login tries again.
        Verdict::RightButOutdated => password::hash(&state, form.password, &origin).await.ok(),
        _ => None,
    };
    open_session(&state, found, new_hash, origin).await.map(Json)
}

/// Opens a session for verified credentials.
async fn open_session(
    state: &State,
    verified: &Credentials,
    new_hash: Option<String>,
    origin: Origin,
) -> Result<Token, ApiError> {
    let refresh_token = RefreshToken::generate()?;
    let login = Login {
        verified: verified.clone(),
        new_hash,
        family: FamilyDigest(refresh_token.family().into_bytes()),
        refresh_token: TokenDigest(refresh_token.digest().into_bytes()),
        origin: origin.clone(),
        policy: state.session_policy,
    };
    let now = state.now();
    // Another request may have changed the verified password, or deleted the account.
    let opened = state.database.open_session(login, now).await.or_missing(ApiError::BadLogin)?;
    audit::log(EventKind::Login, Some(verified.user), Some(opened.session), &origin);
    log_and_revoke(&state.revocations, opened.ended, &origin, now);
    token::issue(state, verified.user, opened.session, &refresh_token)
}

/// How an account knows a client.
enum KnownClient {
    /// By a refresh token of this session.
    Device(SessionId),
    /// By its address.
    Address,
}

/// An attempt that was admitted.
struct Attempted {
    attempt: Attempt,
    /// Why the client would have been refused if the account did not know it. A wrong password then
    /// has the response of a refusal, so a client at the same address cannot find out whether the
    /// account exists.
    refusal: Option<Refusal>,
}

/// Takes an attempt from the quotas of the name and of the client's network. A client that the
/// account knows then still has another quota: that of its session, or that of its address. So
/// attackers elsewhere cannot lock it out.
async fn attempt(
    state: &State,
    name: &LoginName,
    known: Option<KnownClient>,
    found: Option<&Credentials>,
    origin: &Origin,
) -> Result<Attempted, ApiError> {
    let (name, now) = (name.counted(), state.now().as_micros());
    let refusal = match state.attempts.attempt(Subject::Login(&name), origin.ip, now).await {
        Ok(attempt) => return Ok(Attempted { attempt, refusal: None }),
        Err(refusal) => refusal,
    };
    if refusal.first {
        record_failure(state, EventKind::LoginThrottled, found, origin.clone());
    }
    let known = known.map(|known| match known {
        KnownClient::Device(session) => Subject::KnownDevice(session.0),
        KnownClient::Address => Subject::KnownAddress(&name),
    });
    if let Some(known) = known
        && let Ok(attempt) = state.attempts.attempt(known, origin.ip, now).await
    {
        return Ok(Attempted { attempt, refusal: Some(refusal) });
    }
    Err(refuse(state, refusal).await)
}

/// Returns the response at a used-up limit, after the time of a wrong password of a known client.
async fn refuse(state: &State, refusal: Refusal) -> ApiError {
    match state.metrics.count_waiting() {
        Ok(_waiting) => {
            sleep(state.verify_time.recent()).await;
            ApiError::too_many_attempts(refusal)
        }
        Err(busy) => busy,
    }
}

/// Returns how the account knows the client, if it does. The same queries run for a name without an
/// account.
async fn known_client(
    state: &State,
    form: &LoginForm,
    found: Option<&Credentials>,
    origin: &Origin,
) -> Result<Option<KnownClient>, ApiError> {
    if password::is_too_long(&form.password) {
        // The time of a refusal would show that nothing is hashed.
        return Ok(None);
    }
    let user = found.map_or(NO_ACCOUNT, |found| found.user);
    let device = known_device(state, user, form).await?.map(KnownClient::Device);
    let address = is_known_address(state, user, origin).await?.then_some(KnownClient::Address);
    Ok(device.or(address))
}

/// Returns the session of the refresh token that the form has, if it is one of the user's.
async fn known_device(state: &State, user: UserId, form: &LoginForm) -> Result<Option<SessionId>, ApiError> {
    let Some(token) = form.refresh_token.as_deref().and_then(RefreshToken::parse) else { return Ok(None) };
    let family = FamilyDigest(token.family().into_bytes());
    state.database.session_of_family(user, family).await.or_account_gone()
}

/// True if the account was registered from the client's subnet, or logged in from it recently.
async fn is_known_address(state: &State, user: UserId, origin: &Origin) -> Result<bool, ApiError> {
    let addresses = state.database.login_addresses(user).await.or_account_gone()?;
    let subnet = origin.ip.map(subnet_of);
    Ok(addresses.into_iter().any(|address| Some(subnet_of(address)) == subnet))
}

/// Logs a failed login, and stores it if there is an account that can have it in its list.
fn record_failure(state: &State, kind: EventKind, found: Option<&Credentials>, origin: Origin) {
    let user = found.map(|found| found.user);
    audit::log(kind, user, None, &origin);
    let now = state.now();
    let actor = user.map(|user| Actor { user, proof: Proof::Unchecked, origin, now });
    state.delayed_events.store(kind, actor);
}
