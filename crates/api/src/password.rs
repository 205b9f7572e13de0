//! Hashes and verifies the passwords of requests, within the limits of their networks.

use std::time::Instant;

use daybook_auth::{Error, Password, PasswordHash, PasswordPolicy, Verdict};
use daybook_domain::{Email, Origin, Username};
use daybook_persistence::Credentials;
use daybook_validation::Issue;

use crate::endpoint::ErrorResponse;
use crate::error::ApiError;
use crate::state::State;

/// In characters. New passwords have at most 128. Passwords from another service may be longer,
/// within reason.
const MAX: usize = 1_024;

pub(crate) const TOO_MANY_ATTEMPTS: ErrorResponse = ErrorResponse {
    name: "TooManyAttempts",
    description: "Too many attempts; `Retry-After` has the seconds to wait",
    error: || ApiError::too_many_attempts(None),
};

/// Returns the PHC string of a new password.
///
/// # Errors
///
/// [`ApiError::Busy`] when too many hashes are in progress.
pub(crate) async fn hash(state: &State, password: Password, origin: &Origin) -> Result<String, ApiError> {
    let _permit = state.network_limits.permit_hash(origin.ip)?;
    Ok(state.hasher.hash(password).await?.into_string())
}

/// True if the password is wrong in any case, and is not hashed.
pub(crate) fn is_too_long(password: &Password) -> bool {
    password.expose().chars().count() > MAX
}

/// Verifies the password of an account. Without an account it takes as long and is wrong.
///
/// # Errors
///
/// [`ApiError::Busy`] when too many hashes are in progress.
pub(crate) async fn verify(
    state: &State,
    password: Password,
    found: Option<&Credentials>,
    origin: &Origin,
) -> Result<Verdict, ApiError> {
    if is_too_long(&password) {
        return Ok(Verdict::Wrong);
    }
    let _permit = state.network_limits.permit_hash(origin.ip)?;
    let began = Instant::now();
    let verdict = verify_stored(state, password, found).await?;
    // A full queue fails at once, and is not recorded.
    state.verify_time.record(began.elapsed());
    Ok(verdict)
}

async fn verify_stored(
    state: &State,
    password: Password,
    found: Option<&Credentials>,
) -> Result<Verdict, ApiError> {
    let Some(found) = found else {
        state.hasher.verify_absent(password).await?;
        return Ok(Verdict::Wrong);
    };
    let stored = PasswordHash::from_stored(found.password_hash.clone());
    match state.hasher.verify(password.clone(), stored).await {
        Err(Error::UnsupportedHash) => {
            // Only the operator can mend this. The client must not learn that the account exists.
            tracing::error!(
                user_id = found.user.0,
                "the stored password hash is of a kind or a cost that is not verified"
            );
            state.hasher.verify_absent(password).await?;
            Ok(Verdict::Wrong)
        }
        verdict => Ok(verdict?),
    }
}

/// Rejects a password that has the e-mail address or the username in it, if the policy forbids
/// that.
///
/// # Errors
///
/// [`ApiError::Invalid`] for the field.
pub(crate) fn reject_personal(
    policy: &PasswordPolicy,
    password: &Password,
    email: &Email,
    username: &Username,
    field: &'static str,
) -> Result<(), ApiError> {
    policy
        .check(password.expose(), &[email.as_str(), username.as_str()])
        .map_err(|violation| ApiError::Invalid(vec![Issue::value_error("body", field, violation)]))
}
