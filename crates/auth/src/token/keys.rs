//! The keys that issue and verify access tokens.

use std::iter;

use super::claims::{Claims, WireClaims};
use super::error::TokenError;
use super::header;
use super::key::Key;
use super::strict::{decode_base64url, parse_object};
use crate::Secret;

/// In bytes. The tokens that this crate issues have about 250.
pub(super) const TOKEN_MAX: usize = 4096;

/// The keys of access tokens: one that signs and verifies, and previous ones that only verify.
///
/// `Debug` shows the ids of the keys. These are not secret: every token contains one.
#[derive(Debug, Clone)]
pub struct TokenKeys {
    pub(super) current: Key,
    pub(super) previous: Vec<Key>,
    pub(super) accept_legacy: bool,
}

impl TokenKeys {
    /// Makes a set of one key, which signs. Legacy tokens are not accepted.
    #[must_use]
    pub fn new(current: Secret) -> Self {
        Self { current: Key::new(&current), previous: Vec::new(), accept_legacy: false }
    }

    /// Sets the keys that verify but do not sign.
    ///
    /// Keep the key of before a rotation here until its last token has expired.
    #[must_use]
    pub fn with_previous(mut self, previous: Vec<Secret>) -> Self {
        self.previous = previous.iter().map(Key::new).collect();
        self
    }

    /// Sets whether tokens without a session are accepted.
    ///
    /// The FastAPI service issued such tokens. They hold `user_id`, `iat` and `exp` only.
    #[must_use]
    pub fn accept_legacy(mut self, accept: bool) -> Self {
        self.accept_legacy = accept;
        self
    }

    /// Returns the id of the key that signs: the `kid` of new tokens (RFC 7515, section 4.1.4).
    ///
    /// Instances with the same secret have the same id. The secret cannot be computed from it.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.current.id()
    }

    /// Issues a token for a session. It is valid from `now` for [`ACCESS_TOKEN_SECONDS`].
    ///
    /// `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// - [`TokenError::Invalid`] if an id is not positive, or the expiry time is out of range.
    /// - [`TokenError::Internal`] if the system has no randomness, or signing fails.
    ///
    /// [`ACCESS_TOKEN_SECONDS`]: crate::ACCESS_TOKEN_SECONDS
    pub fn issue(&self, user_id: i64, session_id: i64, now: i64) -> Result<String, TokenError> {
        self.current.sign(&WireClaims::new(user_id, session_id, now)?)
    }

    /// Verifies a token at the time `now`, in seconds since 1970, and returns its claims.
    ///
    /// # Errors
    ///
    /// - [`TokenError::Expired`] from the second of `exp` on.
    /// - [`TokenError::Invalid`] for every other reason. A token that none of the keys has signed
    ///   is always `Invalid`.
    pub fn verify(&self, token: &str, now: i64) -> Result<Claims, TokenError> {
        let wire: WireClaims = parse_object(&self.open(token)?)
            .ok_or(TokenError::Invalid("not the claims of an access token"))?;
        wire.check(now, self.accept_legacy)
    }

    /// Checks the header and the signature, and returns the payload.
    ///
    /// One of the keys has signed the payload, but it need not be valid claims.
    pub(super) fn open(&self, token: &str) -> Result<Vec<u8>, TokenError> {
        if token.len() > TOKEN_MAX {
            return Err(TokenError::Invalid("longer than 4 KiB"));
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid("not three parts"))?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Invalid("not three parts"))?;
        // If there is a fourth part, `claims` contains a dot and is rejected as base64url.
        let kid = header::read(&decode_base64url(header)?)?;
        if !self.has_signed(kid.as_deref(), message, signature)? {
            return Err(TokenError::Invalid("signature does not match"));
        }
        decode_base64url(claims)
    }

    /// Returns true if the key with this id has signed the message. Legacy tokens have no key id,
    /// so all keys are tried.
    fn has_signed(&self, kid: Option<&str>, message: &str, signature: &str) -> Result<bool, TokenError> {
        let mut keys = iter::once(&self.current).chain(&self.previous);
        match kid {
            None => Ok(keys.any(|key| key.has_signed(message, signature))),
            Some(kid) => match keys.find(|key| key.id() == kid) {
                Some(key) => Ok(key.has_signed(message, signature)),
                None => Err(TokenError::Invalid("unknown key id")),
            },
        }
    }
}
