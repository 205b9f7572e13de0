//! Events: what happened to an account, for its owner to read.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{Cursor, EndReason, EventId, Listed, SessionId, Timestamp};

/// Something that happened to an account. It never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Event {
    /// The event's id.
    pub id: EventId,
    /// What happened.
    pub event: EventKind,
    /// Why a session ended; `logout_all` if the user logged out of all sessions.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub reason: Option<EndReason>,
    /// When it happened.
    pub created_at: Timestamp,
    /// The session in which it happened or to which it happened; null if there was none.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub session_id: Option<SessionId>,
    /// The client's address; null if it is not known.
    #[cfg_attr(feature = "utoipa", schema(required, example = "192.0.2.7"))]
    pub ip: Option<String>,
    /// The client's `User-Agent`; null if it sent none.
    #[cfg_attr(feature = "utoipa", schema(required, example = "Mozilla/5.0"))]
    pub user_agent: Option<String>,
}

impl Event {
    /// An event outside any session, caused by an unknown client.
    #[must_use]
    pub fn new(id: EventId, event: EventKind, created_at: Timestamp) -> Self {
        Self { id, event, reason: None, created_at, session_id: None, ip: None, user_agent: None }
    }
}

impl Listed for Event {
    fn cursor(&self) -> Cursor {
        Cursor::after(self.id.0)
    }
}

/// What can happen to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub enum EventKind {
    /// The account was opened.
    Register,
    /// A login succeeded.
    Login,
    /// A login failed because the password was wrong.
    LoginFailed,
    /// Logins were rejected after too many attempts. Recorded once each time the limit is reached.
    LoginThrottled,
    /// A session got new tokens.
    Refresh,
    /// A refresh token was used again shortly after it had been replaced, and got the same
    /// successor.
    RefreshRepeated,
    /// A refresh token was used again after it had been replaced.
    RefreshTokenReused,
    /// The user logged out.
    Logout,
    /// The user was logged in and had to repeat the password, and it was wrong.
    ConfirmationFailed,
    /// The e-mail address or the username was changed.
    AccountChanged,
    /// The password was changed.
    PasswordChanged,
    /// A session ended in another way than by its own logout.
    SessionEnded,
}

impl EventKind {
    /// All kinds.
    pub const ALL: &[Self] = Self::VARIANTS;
}
