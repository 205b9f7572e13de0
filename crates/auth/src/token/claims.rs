use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize};

use super::{ACCESS_TOKEN_SECONDS, TokenError};

/// How far, in seconds, another instance's clock may be ahead of ours.
const LEEWAY: i64 = 5;
/// In bytes.
const TOKEN_ID_LENGTH: usize = 16;

/// What an accepted token says. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose it is; positive.
    pub user_id: i64,
    /// The session that it belongs to; positive. `None` for a token of the FastAPI service.
    pub session_id: Option<i64>,
    /// When it was made: up to 5 seconds ahead of the clock it was verified with.
    pub issued_at: i64,
    /// The first second in which it is no longer good.
    pub expires_at: i64,
    /// 128 random bits as base64url, unlike any other token's. `None` for a token of the FastAPI service.
    pub token_id: Option<String>,
}

/// The claims as they stand in a token, and no others: a secret is shared more often than it should be, and a token that was
/// made for something else must not open a door here. A new claim is therefore read one release before it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireClaims {
    user_id: String,
    iat: i64,
    exp: i64,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    sid: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    jti: Option<String>,
}

impl WireClaims {
    pub(super) fn new(user_id: i64, session_id: i64, now: i64) -> Result<Self, TokenError> {
        if user_id < 1 || session_id < 1 {
            return Err(TokenError::Invalid("ids are positive"));
        }
        let exp = now.checked_add(ACCESS_TOKEN_SECONDS).ok_or(TokenError::Invalid("no such time"))?;
        let mut id = [0; TOKEN_ID_LENGTH];
        getrandom::fill(&mut id).map_err(|error| TokenError::Internal(error.into()))?;
        Ok(Self {
            user_id: user_id.to_string(),
            iat: now,
            exp,
            nbf: None,
            sid: Some(session_id),
            jti: Some(URL_SAFE_NO_PAD.encode(id)),
        })
    }

    /// The claims of a token whose signature is right, if they hold at the time `now`.
    pub(super) fn check(self, now: i64, accept_legacy: bool) -> Result<Claims, TokenError> {
        let invalid = |reason| Err(TokenError::Invalid(reason));
        let Some(user_id) = id(&self.user_id) else {
            return invalid("user_id is no id");
        };
        match (self.sid, &self.jti) {
            (Some(1..), Some(_)) => {}
            (None, None) if accept_legacy => {}
            (None, None) => return invalid("legacy tokens are not accepted"),
            _ => return invalid("sid and jti do not make a session"),
        }
        if self.exp <= self.iat {
            return invalid("expires before it is issued");
        }
        let soon = now.saturating_add(LEEWAY);
        if self.iat > soon || self.nbf.is_some_and(|nbf| nbf > soon) {
            return invalid("not valid yet");
        }
        if self.exp <= now {
            return Err(TokenError::Expired);
        }
        Ok(Claims {
            user_id,
            session_id: self.sid,
            issued_at: self.iat,
            expires_at: self.exp,
            token_id: self.jti,
        })
    }
}

/// A positive number in decimal, written the one way it can be: no sign, no leading zero, ASCII.
fn id(text: &str) -> Option<i64> {
    text.parse().ok().filter(|id: &i64| *id > 0 && id.to_string() == text)
}

/// Reads a value that is there, so that `null` is not taken for one that is not.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}
