//! Sessions: a login opens one, and it ends or expires.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{SessionId, Timestamp};

/// A session that has neither ended nor expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When the session was last used, accurate to about a minute.
    pub last_used_at: Timestamp,
    /// When the session expires unless it is used again.
    pub expires_at: Timestamp,
    /// The client's address when the session last got tokens; null if it is not known.
    #[cfg_attr(feature = "utoipa", schema(required, example = "192.0.2.7"))]
    pub ip: Option<String>,
    /// The client's `User-Agent` when the session last got tokens; null if it sent none.
    #[cfg_attr(feature = "utoipa", schema(required, example = "Mozilla/5.0"))]
    pub user_agent: Option<String>,
}

impl Session {
    /// A session that has not been used since its login, from an unknown client.
    #[must_use]
    pub fn new(id: SessionId, created_at: Timestamp, expires_at: Timestamp) -> Self {
        Self { id, created_at, last_used_at: created_at, expires_at, ip: None, user_agent: None }
    }
}

/// How long sessions last, and how many of them a user can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Seconds without use after which a session expires.
    pub idle_seconds: i64,
    /// Seconds after the login at which a session expires, even if it is in use.
    pub lifetime_seconds: i64,
    /// The most sessions of one user. A login beyond this limit ends the least needed session.
    pub per_user: u32,
}

impl Default for SessionPolicy {
    /// 14 days idle, so a user returns from a holiday without a new login. 90 days in all, so no
    /// token is valid for ever. 50 sessions, so a script that logs in for each call does not fill
    /// the table.
    fn default() -> Self {
        const DAY: i64 = 24 * 60 * 60;
        Self { idle_seconds: 14 * DAY, lifetime_seconds: 90 * DAY, per_user: 50 }
    }
}

impl SessionPolicy {
    /// When a session expires that was opened at `created_at` and is used at `now`.
    #[must_use]
    pub fn expiry(&self, created_at: Timestamp, now: Timestamp) -> Timestamp {
        created_at.plus_seconds(self.lifetime_seconds).min(now.plus_seconds(self.idle_seconds))
    }
}

/// Why a session ended before it expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub enum EndReason {
    /// The user logged out.
    Logout,
    /// The user logged out of all sessions.
    LogoutAll,
    /// The user ended this session from another one.
    Revoked,
    /// The user changed the password in another session.
    PasswordChanged,
    /// A refresh token was used again after it had been replaced, so a second client has a copy.
    RefreshTokenReused,
    /// The user opened more sessions than the limit allows.
    TooManySessions,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_the_earlier_of_both_limits() {
        let policy = SessionPolicy { idle_seconds: 10, lifetime_seconds: 25, per_user: 1 };
        let login = Timestamp::from_micros(0).unwrap();
        let after = |seconds| login.plus_seconds(seconds);
        assert_eq!(policy.expiry(login, login), after(10));
        assert_eq!(policy.expiry(login, after(9)), after(19));
        assert_eq!(policy.expiry(login, after(18)), after(25));
    }
}
