//! Events: what happened to an account, for its owner to read.

use serde::Serialize;

use crate::{EndReason, EventId, SessionId, Timestamp};

/// Something that happened to an account. There is never a secret in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Event {
    /// The event's id.
    pub id: EventId,
    /// What happened.
    pub event: EventKind,
    /// Why a session ended; `logout_all` at a logout everywhere.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub reason: Option<EndReason>,
    /// When it happened.
    pub created_at: Timestamp,
    /// The session that it happened in or to, if there was one.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub session_id: Option<SessionId>,
    /// The address of the client that did it, if it is known.
    #[cfg_attr(feature = "utoipa", schema(required, example = "192.0.2.7"))]
    pub ip: Option<String>,
    /// What that client called itself, if it did.
    #[cfg_attr(feature = "utoipa", schema(required, example = "Mozilla/5.0"))]
    pub user_agent: Option<String>,
}

/// What can happen to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub enum EventKind {
    /// It was opened.
    Register,
    /// Somebody logged in.
    Login,
    /// Somebody gave a wrong password.
    LoginFailed,
    /// Somebody tried so often that further tries were refused; told once for each time that it begins.
    LoginThrottled,
    /// A session got new tokens.
    Refresh,
    /// A refresh token was used again after it had been replaced.
    RefreshTokenReused,
    /// Somebody logged out.
    Logout,
    /// Somebody who was logged in gave a wrong password where the right one was asked for again.
    ConfirmationFailed,
    /// The e-mail address or the username was changed.
    AccountChanged,
    /// The password was changed.
    PasswordChanged,
    /// A session ended in another way than by its own logout.
    SessionEnded,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Register,
        Self::Login,
        Self::LoginFailed,
        Self::LoginThrottled,
        Self::Refresh,
        Self::RefreshTokenReused,
        Self::Logout,
        Self::ConfirmationFailed,
        Self::AccountChanged,
        Self::PasswordChanged,
        Self::SessionEnded,
    ];

    /// The name under which it is stored and shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
            Self::LoginFailed => "login_failed",
            Self::LoginThrottled => "login_throttled",
            Self::Refresh => "refresh",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::Logout => "logout",
            Self::ConfirmationFailed => "confirmation_failed",
            Self::AccountChanged => "account_changed",
            Self::PasswordChanged => "password_changed",
            Self::SessionEnded => "session_ended",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::EventKind;

    #[test]
    fn kinds_are_shown_as_they_are_stored() {
        for kind in EventKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(EventKind::from_name(kind.name()), Some(kind));
        }
    }
}
