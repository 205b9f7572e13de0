//! `POST /auth/register`.

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_auth::{Password, PasswordPolicy};
use daybook_domain::{Email, EventKind, User, UserId, Username, email_rule, username_rule};
use daybook_persistence::NewUser;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account::{TAKEN, TOO_MANY_ATTEMPTS};
use super::password;
use crate::audit;
use crate::endpoint::{Created, Located};
use crate::error::{ApiError, RowResult};
use crate::extract::{Anyone, Body, ClientOrigin, ValidJson};
use crate::state::State;
use crate::validation::{Issue, password_rule};

/// An account to be opened.
#[derive(Deserialize, Validate, ToSchema)]
#[garde(context(PasswordPolicy))]
#[garde(custom(passwords_match))]
pub(crate) struct Registration {
    /// Where the owner is reached; compared without case.
    #[garde(custom(email_rule))]
    #[schema(format = "email", max_length = 254, example = "ada@example.com")]
    email: String,
    /// 3 to 50 characters; compared without case.
    #[garde(length(chars, min = Username::MIN, max = Username::MAX), custom(username_rule))]
    #[schema(min_length = 3, max_length = 50, pattern = "^[^\\u0000]*$", example = "ada")]
    username: String,
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
    /// The password again: checked when it is sent.
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

/// A new account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Registered {
    id: UserId,
    email: Email,
    username: Username,
}

impl Located for Registered {
    fn location(&self) -> String {
        "/users/me".to_owned()
    }
}

impl From<User> for Registered {
    fn from(user: User) -> Self {
        Self { id: user.id, email: user.email, username: user.username }
    }
}

/// Open an account
///
/// The e-mail address and the username must not be taken; both are compared without case.
#[endpoint(POST "/auth/register", errors(TAKEN, TOO_MANY_ATTEMPTS))]
pub(crate) async fn register(
    _: Anyone,
    state: Data<State>,
    ClientOrigin(origin): ClientOrigin,
    ValidJson(body): ValidJson<Registration>,
) -> Result<Created<Registered>, ApiError> {
    let email = Email::parse(&body.email)?;
    let username = Username::parse(&body.username)?;
    refuse_telling(&state.password_policy, &body.password, &email, &username, "password")?;
    state.limiter.registration(&origin, state.now()).await?;
    let password_hash = password::hash(&state, body.password, &origin).await?;
    let new = NewUser { email, username, password_hash };
    let user = state.database.register(new, origin.clone(), state.now()).await.or_account_gone()?;
    audit::tell(EventKind::Register, Some(user.id), None, &origin);
    Ok(Created(Registered::from(user)))
}

/// Refuses a password that is made of what everybody knows about its owner, where the policy asks for that.
pub(crate) fn refuse_telling(
    policy: &PasswordPolicy,
    password: &Password,
    email: &Email,
    username: &Username,
    field: &str,
) -> Result<(), ApiError> {
    policy.check(password.expose(), &[email.as_str(), username.as_str()]).map_err(|violation| {
        let sentence = format!("Value error, {violation}");
        let issue = Issue::of_field("body", field, "value_error", sentence);
        ApiError::Invalid(vec![issue.with_ctx(serde_json::json!({ "error": {} }))])
    })
}
