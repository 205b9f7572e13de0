//! Sessions: what a login opens, and how long it lasts.

use std::net::IpAddr;

use serde::Serialize;

use crate::{SessionId, Timestamp};

/// Where a request came from, as its user is shown it: never a proof of anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, as far as it is known.
    pub ip: Option<IpAddr>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

/// A session that has neither ended nor expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// When its login was.
    pub created_at: Timestamp,
    /// When it was last used, give or take a minute.
    pub last_used_at: Timestamp,
    /// When it ends if it is not used again.
    pub expires_at: Timestamp,
    /// Where it was last used from when it was given tokens; null if that is not known.
    #[cfg_attr(feature = "utoipa", schema(required, example = "192.0.2.7"))]
    pub ip: Option<String>,
    /// What its client called itself then; null if it said nothing.
    #[cfg_attr(feature = "utoipa", schema(required, example = "Mozilla/5.0"))]
    pub user_agent: Option<String>,
}

/// How long sessions last and how many of them a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Seconds without any use after which a session expires.
    pub idle_seconds: i64,
    /// Seconds after its login at which a session expires however much it is used.
    pub lifetime_seconds: i64,
    /// Sessions that a user has at the most; a login beyond ends the one that is needed least.
    pub per_user: u32,
}

impl Default for SessionPolicy {
    /// A fortnight unused, 90 days in all, 50 for each user: a person comes back after a holiday without a new login, no token is
    /// good for ever, and no script that logs in for each of its calls fills the table.
    fn default() -> Self {
        const DAY: i64 = 24 * 60 * 60;
        Self { idle_seconds: 14 * DAY, lifetime_seconds: 90 * DAY, per_user: 50 }
    }
}

impl SessionPolicy {
    /// When a session that was opened then and is used now expires.
    #[must_use]
    pub fn expiry(&self, created_at: Timestamp, now: Timestamp) -> Timestamp {
        created_at.plus_seconds(self.lifetime_seconds).min(now.plus_seconds(self.idle_seconds))
    }
}

/// Why a session ended before it expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub enum EndReason {
    /// Its user logged out.
    Logout,
    /// Its user logged out everywhere.
    LogoutAll,
    /// Its user ended it from another session.
    Revoked,
    /// The password was changed in another session.
    PasswordChanged,
    /// A refresh token was used again after it had been replaced: somebody has a copy of it.
    RefreshTokenReused,
    /// Its user opened more sessions than there may be.
    TooManySessions,
}

impl EndReason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Logout,
        Self::LogoutAll,
        Self::Revoked,
        Self::PasswordChanged,
        Self::RefreshTokenReused,
        Self::TooManySessions,
    ];

    /// The name under which it is stored and shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::TooManySessions => "too_many_sessions",
        }
    }

    /// The reason with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_of_both_limits_counts() {
        let policy = SessionPolicy { idle_seconds: 10, lifetime_seconds: 25, per_user: 1 };
        let login = Timestamp::from_micros(0).unwrap();
        let after = |seconds| login.plus_seconds(seconds);
        assert_eq!(policy.expiry(login, login), after(10));
        assert_eq!(policy.expiry(login, after(9)), after(19));
        assert_eq!(policy.expiry(login, after(18)), after(25));
    }

    #[test]
    fn reasons_are_shown_as_they_are_stored() {
        for reason in EndReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
            assert_eq!(EndReason::from_name(reason.name()), Some(reason));
        }
    }
}
