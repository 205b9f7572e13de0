//! `POST /auth/register`.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use daybook_api_macros::endpoint;
use daybook_auth::{Password, PasswordPolicy};
use daybook_domain::{Email, EventKind, User, UserId, Username};
use daybook_persistence::NewUser;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::endpoint::{Argument, Created, ErrorResponse, Located, Spec};
use crate::error::{ApiError, OrMissing};
use crate::extract::{Anyone, Body, ClientOrigin, ValidJson, password_rule};
use crate::password::{self, TOO_MANY_ATTEMPTS};
use crate::sessions::audit;
use crate::state::State;

/// A new account.
#[derive(Deserialize, Validate, ToSchema)]
#[garde(context(PasswordPolicy))]
#[garde(custom(passwords_match))]
pub(crate) struct Registration {
    /// Unique without regard to case.
    #[garde(skip)]
    #[schema(value_type = String, format = "email", max_length = 254, example = "ada@example.com")]
    email: Email,
    /// 3 to 50 visible characters, unique without regard to case.
    #[garde(skip)]
    #[schema(
        value_type = String,
        min_length = 3,
        max_length = 50,
        pattern = "^(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\
            \\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\
            \\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\
            \u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]*$",
        example = "ada"
    )]
    username: Username,
    /// 6 to 128 characters with a digit.
    #[garde(custom(password_rule))]
    #[schema(
        value_type = String,
        format = "password",
        min_length = 6,
        max_length = 128,
        pattern = "[0-9]",
        example = "correct horse 7 battery"
    )]
    password: Password,
    /// The password again. It is compared if it is sent.
    #[garde(skip)]
    #[schema(value_type = Option<String>, format = "password", example = "correct horse 7 battery")]
    confirm_password: Option<Password>,
}

impl Body for Registration {}

fn passwords_match(body: &Registration, _: &PasswordPolicy) -> garde::Result {
    match &body.confirm_password {
        Some(again) if again.expose() != body.password.expose() => {
            Err(garde::Error::new("Password and confirm_password must match"))
        }
        _ => Ok(()),
    }
}

/// A registered account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Registered {
    id: UserId,
    email: Email,
    username: Username,
}

impl From<User> for Registered {
    fn from(user: User) -> Self {
        Self { id: user.id, email: user.email, username: user.username }
    }
}

impl Located for Registered {
    fn location(&self) -> String {
        "/users/me".to_owned()
    }
}

pub(super) const TAKEN: ErrorResponse = ErrorResponse {
    name: "Taken",
    description: "The e-mail address or the username belongs to another account",
    error: || ApiError::Conflict("Email already registered"),
};

const CLOSED: ErrorResponse = ErrorResponse {
    name: "RegistrationClosed",
    description: "The operator has closed the registration",
    error: || ApiError::Forbidden("Registration is closed"),
};

/// The registration is open. As an argument before the body, it rejects the request without reading
/// the body.
pub(crate) struct OpenRegistration;

impl FromRequest for OpenRegistration {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let is_open = State::of(request).map(|state| state.registration_is_open);
        ready(is_open.and_then(|is_open| if is_open { Ok(Self) } else { Err(CLOSED.error()) }))
    }
}

impl Argument for OpenRegistration {
    fn describe(spec: &mut Spec) {
        spec.error(&CLOSED);
    }
}

/// Register an account
///
/// The e-mail address and the username must be unique without regard to case. The username must not
/// contain invisible characters.
#[endpoint(POST "/auth/register", errors(TAKEN, TOO_MANY_ATTEMPTS))]
pub(crate) async fn register(
    _: Anyone,
    _: OpenRegistration,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
    ValidJson(body): ValidJson<Registration>,
) -> Result<Created<Registered>, ApiError> {
    let Registration { email, username, password, .. } = body;
    password::reject_personal(&state.password_policy, &password, &email, &username, "password")?;
    let counted = state.attempts.registration(origin.ip, state.now().as_micros()).await;
    counted.map_err(ApiError::too_many_attempts)?;
    let password_hash = password::hash(&state, password, &origin).await?;
    let new = NewUser { email, username, password_hash };
    let user = state.database.register(new, origin.clone(), state.now()).await.or_account_gone()?;
    audit::log(EventKind::Register, Some(user.id), None, &origin);
    Ok(Created(user.into()))
}
