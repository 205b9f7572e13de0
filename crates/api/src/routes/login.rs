//! `POST /auth/login`.

use actix_web::{HttpResponse, web};
use daybook_auth::{ACCESS_TOKEN_SECONDS, Password, PasswordHash, Verdict};
use daybook_persistence::{Error, Login};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::extract::{Body, ValidForm};
use crate::state::State;
use crate::validation::grant_type_rule;

/// The password form of OAuth 2.0 (RFC 6749, section 4.3.2). What it says beside the name and the password is ignored.
#[derive(Deserialize, Validate, ToSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct LoginForm {
    /// `password`, if anything.
    #[garde(custom(grant_type_rule))]
    #[schema(pattern = "^(password)?$", example = "password")]
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
}

impl Body for LoginForm {}

/// What a login gives (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
pub(crate) struct Token {
    /// A JWT for the header `Authorization: Bearer …`.
    access_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 1800)]
    expires_in: i64,
}

/// Log in
///
/// Takes the form of OAuth 2.0's password grant, url-encoded or multipart. The answer to a wrong password and to an unknown
/// user is the same, and takes as long.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "accounts",
    request_body(content = LoginForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "An access token", body = Token),
        (status = 401, description = "`Incorrect username or password`", body = crate::error::Detail,
         headers(("WWW-Authenticate" = String)))
    )
)]
pub(crate) async fn login(
    state: web::Data<State>,
    ValidForm(form): ValidForm<LoginForm>,
) -> Result<HttpResponse, ApiError> {
    let Some(found) = state.database.credentials(&form.username).await? else {
        state.hasher.verify_absent(form.password).await?;
        return Err(ApiError::BadLogin);
    };
    let stored = PasswordHash::from_stored(found.password_hash.clone());
    let new_hash = match state.hasher.verify(form.password.clone(), stored).await? {
        Verdict::Wrong => return Err(ApiError::BadLogin),
        Verdict::Right => None,
        // A login must not fail because its hash could not be renewed; the next one tries again.
        Verdict::RightButOutdated => {
            state.hasher.hash(form.password).await.ok().map(PasswordHash::into_string)
        }
    };
    let now = state.now();
    let login = Login {
        user: found.user,
        verified_hash: found.password_hash,
        new_hash,
        expires_at: now.plus_seconds(ACCESS_TOKEN_SECONDS),
    };
    let session = state.database.open_session(login, now).await.map_err(|error| match error {
        // The account or its password changed while the old one was being verified.
        Error::NotFound => ApiError::BadLogin,
        other => other.into(),
    })?;
    let access_token = state.tokens.issue(found.user.0, session.0, now.as_seconds())?;
    Ok(HttpResponse::Ok().json(Token {
        access_token,
        token_type: "bearer",
        expires_in: ACCESS_TOKEN_SECONDS,
    }))
}
