//! Hashing and verifying passwords that clients bring.

use daybook_auth::{Error, Password, PasswordHash, Verdict};
use daybook_domain::Origin;
use daybook_persistence::Credentials;

use crate::error::ApiError;
use crate::state::State;

/// In characters. New passwords have 128 at the most; those that were brought along from elsewhere may have more, within reason.
const MAX: usize = 1_024;

/// The PHC string of a new password.
pub(super) async fn hash(state: &State, password: Password, origin: &Origin) -> Result<String, ApiError> {
    let _place = state.places.take(origin)?;
    Ok(state.hasher.hash(password).await?.into_string())
}

/// Whether it is the password of this account; of no account, none is, and finding that out takes as long.
pub(super) async fn verify(
    state: &State,
    password: Password,
    found: Option<&Credentials>,
    origin: &Origin,
) -> Result<Verdict, ApiError> {
    if password.expose().chars().count() > MAX {
        return Ok(Verdict::Wrong);
    }
    let _place = state.places.take(origin)?;
    let Some(found) = found else {
        state.hasher.verify_absent(password).await?;
        return Ok(Verdict::Wrong);
    };
    let stored = PasswordHash::from_stored(found.password_hash.clone());
    match state.hasher.verify(password.clone(), stored).await {
        Err(Error::UnsupportedHash) => {
            // Only the operator can do something about it, and nobody else is to learn that there is such an account.
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
