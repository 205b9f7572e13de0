//! The parser of all requests with its secret fields, and garde rules for passwords and grant
//! types.

use daybook_auth::{Password, PasswordPolicy};
use daybook_validation::{Parser, sentence};

/// Reads every request.
pub(crate) const PARSER: Parser = Parser::new()
    .secret_fields(&[
        "password",
        "confirm_password",
        "current_password",
        "new_password",
        "client_secret",
        "refresh_token",
    ])
    .email_fields(&["email"]);

/// Checks a new password by the configured policy, whose sentences for lengths are Pydantic's.
pub(crate) fn password_rule(password: &Password, policy: &PasswordPolicy) -> garde::Result {
    policy.check(password.expose(), &[]).map_err(garde::Error::new)
}

/// Accepts the only grant type of the login form (RFC 6749, section 4.3.2).
pub(crate) fn grant_type_rule<C>(grant_type: &Option<String>, _: &C) -> garde::Result {
    only("password", grant_type.as_deref())
}

/// Accepts the only grant type of a refresh (RFC 6749, section 6).
pub(crate) fn refresh_grant_type_rule<C>(grant_type: &Option<String>, _: &C) -> garde::Result {
    only("refresh_token", grant_type.as_deref())
}

/// A client may leave the grant type out or empty.
fn only(expected: &str, grant_type: Option<&str>) -> garde::Result {
    if grant_type.is_none_or(|sent| sent.is_empty() || sent == expected) {
        return Ok(());
    }
    Err(garde::Error::new(sentence::string_pattern_mismatch(&format!("^{expected}$"))))
}
