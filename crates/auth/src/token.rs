//! Access tokens: the one place that signs and reads them.
//!
//! `jsonwebtoken` signs and compares. Its own `decode` is not used: it reads the system's clock, lets `crit` and any `typ`
//! pass, and cannot ask for `iat`.

mod claims;
mod explanation;
mod header;
mod key;
#[cfg(test)]
mod wycheproof;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
pub use claims::Claims;
use claims::WireClaims;
pub use explanation::{Explanation, Signer};
use key::Key;
use serde::de::DeserializeOwned;

use crate::Secret;

/// How long an access token is good for, in seconds.
pub const ACCESS_TOKEN_SECONDS: i64 = 1800;

/// In bytes. Ours have some 250.
const TOKEN_MAX: usize = 4096;

/// Why a token is not accepted, or could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It was good once.
    #[error("the token has expired")]
    Expired,
    /// It is no token of ours. The reason is for the log; it holds nothing of the token.
    #[error("the token is not valid: {0}")]
    Invalid(&'static str),
    /// The system had no randomness, or signing failed.
    #[error("the token could not be made")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The keys that sign (one) and verify (that one and those before it) access tokens: JWTs (RFC 7519) with HS256.
///
/// `Debug` shows the ids of the keys, which are no secret: they stand in every token.
#[derive(Debug, Clone)]
pub struct TokenKeys {
    current: Key,
    previous: Vec<Key>,
    accept_legacy: bool,
}

impl TokenKeys {
    /// One key, and no tokens but ours.
    #[must_use]
    pub fn new(current: Secret) -> Self {
        Self { current: Key::new(&current), previous: Vec::new(), accept_legacy: false }
    }

    /// Keys that verify and do not sign: those of before a rotation, until their last token has expired.
    #[must_use]
    pub fn with_previous(mut self, previous: Vec<Secret>) -> Self {
        self.previous = previous.iter().map(Key::new).collect();
        self
    }

    /// Whether to accept tokens without a session: `user_id`, `iat` and `exp` alone, as the FastAPI service made them.
    #[must_use]
    pub fn accept_legacy(mut self, accept: bool) -> Self {
        self.accept_legacy = accept;
        self
    }

    /// The id of the key that signs, as it stands in the header of each token (`kid`; RFC 7515, section 4.1.4): the same wherever
    /// the secret is the same, and no help in finding it.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.current.id()
    }

    /// Makes a token for a session, good from `now` (in seconds since 1970) for [`ACCESS_TOKEN_SECONDS`].
    ///
    /// # Errors
    ///
    /// [`TokenError::Invalid`] for ids that are not positive and a time without a future, [`TokenError::Internal`] when the
    /// system fails.
    pub fn issue(&self, user_id: i64, session_id: i64, now: i64) -> Result<String, TokenError> {
        self.current.sign(&WireClaims::new(user_id, session_id, now)?)
    }

    /// Verifies a token at the time `now` (in seconds since 1970) and says what stands in it.
    ///
    /// # Errors
    ///
    /// [`TokenError::Expired`] from the second of `exp` on; [`TokenError::Invalid`] for everything else, and always for a
    /// token that none of the keys has signed.
    pub fn verify(&self, token: &str, now: i64) -> Result<Claims, TokenError> {
        let wire: WireClaims =
            object(&self.open(token)?).ok_or(TokenError::Invalid("not the claims of an access token"))?;
        wire.check(now, self.accept_legacy)
    }

    /// What one of the keys has signed: bytes that nobody else can have written, which are not yet claims.
    fn open(&self, token: &str) -> Result<Vec<u8>, TokenError> {
        if token.len() > TOKEN_MAX {
            return Err(TokenError::Invalid("longer than 4 KiB"));
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid("not three parts"))?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Invalid("not three parts"))?;
        // A fourth part would hold a dot, which is no base64.
        let kid = header::read(&decode(header)?)?;
        if !self.has_signed(kid.as_deref(), message, signature)? {
            return Err(TokenError::Invalid("signature does not match"));
        }
        decode(claims)
    }

    /// Legacy tokens name no key: for them, any will do.
    fn has_signed(&self, kid: Option<&str>, message: &str, signature: &str) -> Result<bool, TokenError> {
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        match kid {
            None => Ok(keys.any(|key| key.has_signed(message, signature))),
            Some(kid) => match keys.find(|key| key.id() == kid) {
                Some(key) => Ok(key.has_signed(message, signature)),
                None => Err(TokenError::Invalid("unknown key id")),
            },
        }
    }
}

/// Base64url as RFC 7515 has it: no padding, no blanks, and no bits beyond the last byte, so that there is one way to write it.
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Invalid("not base64url"))
}

/// A JSON object; serde would take an array for a struct as well. Names that stand twice are refused by the derived code.
fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    json.starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}
