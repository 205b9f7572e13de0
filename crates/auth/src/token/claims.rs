//! The claims of an access token, and the rules that they must meet.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::error::TokenError;
use super::numeric_date::NumericDate;
use super::strict::not_null;

/// The lifetime of an access token in seconds.
pub const ACCESS_TOKEN_SECONDS: i64 = 1800;

/// In seconds: how far the clock of another instance may be ahead of this one.
const LEEWAY: i64 = 5;
/// In bytes.
const TOKEN_ID_LENGTH: usize = 16;

/// The claims of a verified token. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The user of the token. Positive.
    pub user_id: i64,
    /// The session of the token. Positive. `None` for a token of the FastAPI service.
    pub session_id: Option<i64>,
    /// When the token was issued: at most 5 seconds after the time it was verified at.
    pub issued_at: i64,
    /// The first second at which the token is expired.
    pub expires_at: i64,
    /// 128 random bits as base64url, unique to this token. `None` for a token of the FastAPI
    /// service.
    pub token_id: Option<String>,
}

/// The claims in their JSON form. Other claims are rejected.
///
/// Services share a secret more often than they should, and a token for another purpose must not be
/// accepted here. A new claim must therefore be read one release before it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireClaims {
    user_id: String,
    iat: NumericDate,
    exp: NumericDate,
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    nbf: Option<NumericDate>,
    #[serde(default, deserialize_with = "not_null")]
    sid: Option<i64>,
    #[serde(default, deserialize_with = "not_null")]
    jti: Option<String>,
}

impl WireClaims {
    /// Makes the claims of a new token with a random id.
    pub(super) fn new(user_id: i64, session_id: i64, now: i64) -> Result<Self, TokenError> {
        if user_id < 1 || session_id < 1 {
            return Err(TokenError::Invalid("ids must be positive"));
        }
        let exp = now
            .checked_add(ACCESS_TOKEN_SECONDS)
            .ok_or(TokenError::Invalid("the expiry time is out of range"))?;
        let mut id = [0; TOKEN_ID_LENGTH];
        getrandom::fill(&mut id).map_err(|error| TokenError::Internal(error.into()))?;
        Ok(Self {
            user_id: user_id.to_string(),
            iat: NumericDate::Whole(now),
            exp: NumericDate::Whole(exp),
            nbf: None,
            sid: Some(session_id),
            jti: Some(URL_SAFE_NO_PAD.encode(id)),
        })
    }

    /// Checks the claims of a token whose signature is right, at the time `now`.
    ///
    /// The times of a legacy token may have a fraction, as PyJWT writes them for a float. Such a
    /// token is issued at the second before its `iat`, and expires at the second after its `exp`.
    pub(super) fn check(self, now: i64, accept_legacy: bool) -> Result<Claims, TokenError> {
        let invalid = |reason| Err(TokenError::Invalid(reason));
        let Some(user_id) = parse_id(&self.user_id) else {
            return invalid("user_id is not a positive integer");
        };
        match (self.sid, &self.jti) {
            (Some(1..), Some(_)) => {}
            (None, None) if accept_legacy => {}
            (None, None) => return invalid("legacy tokens are not accepted"),
            _ => return invalid("sid must be positive, and sid and jti must both be present"),
        }
        let mut times = [self.iat, self.exp].into_iter().chain(self.nbf);
        if self.sid.is_some() && !times.all(NumericDate::is_whole) {
            return invalid("this service writes times without a fraction");
        }
        let (issued_at, expires_at) = (self.iat.floor(), self.exp.ceil());
        if expires_at <= issued_at {
            return invalid("expires before it is issued");
        }
        let latest_start = now.saturating_add(LEEWAY);
        if issued_at > latest_start || self.nbf.is_some_and(|nbf| nbf.ceil() > latest_start) {
            return invalid("not valid yet");
        }
        if expires_at <= now {
            return Err(TokenError::Expired);
        }
        Ok(Claims { user_id, session_id: self.sid, issued_at, expires_at, token_id: self.jti })
    }
}

/// Parses a positive decimal number in its only accepted spelling: ASCII, no sign, no leading zero.
fn parse_id(text: &str) -> Option<i64> {
    text.parse().ok().filter(|id: &i64| *id > 0 && id.to_string() == text)
}
