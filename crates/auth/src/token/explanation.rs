//! The parts of a token and the reason why it is accepted or rejected, for an operator.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::claims::Claims;
use super::error::TokenError;
use super::keys::{TOKEN_MAX, TokenKeys};
use super::strict::{decode_base64url, parse_object};

/// The parts of a token, and why it is accepted or rejected.
///
/// It contains what a reader of the token sees, but neither the signature nor a secret. The token
/// cannot be rebuilt from it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The header as it is written, also that of a forged token. Of a repeated name it has the last
    /// value.
    ///
    /// `None` if the header is not a JSON object in base64url, or the token is longer than 4 KiB.
    pub header: Option<Map<String, Value>>,
    /// The key that has signed the token with HS256, regardless of the header. `None` if none of
    /// the keys has.
    pub signed_by: Option<Signer>,
    /// The claims as they are written. They can be trusted only if the verdict is `Ok`.
    ///
    /// `None` in the same cases as for the header.
    pub claims: Option<Map<String, Value>>,
    /// The result of [`TokenKeys::verify`].
    pub verdict: Result<Claims, TokenError>,
}

/// The kind of key that has signed a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The key that signs new tokens.
    Current,
    /// A key that only verifies.
    Previous,
}

impl TokenKeys {
    /// Takes a token apart and explains why [`TokenKeys::verify`] accepts or rejects it.
    ///
    /// `now` is in seconds since 1970.
    #[must_use]
    pub fn explain(&self, token: &str, now: i64) -> Explanation {
        let readable = token.len() <= TOKEN_MAX;
        let mut parts = token.split('.').filter(|_| readable).map(parse_part);
        Explanation {
            header: parts.next().flatten(),
            signed_by: token.rsplit_once('.').filter(|_| readable).and_then(|parts| self.signer(parts)),
            claims: parts.next().flatten(),
            verdict: self.verify(token, now),
        }
    }

    fn signer(&self, (message, signature): (&str, &str)) -> Option<Signer> {
        if self.current.has_signed(message, signature) {
            return Some(Signer::Current);
        }
        let previous = self.previous.iter().any(|key| key.has_signed(message, signature));
        previous.then_some(Signer::Previous)
    }
}

fn parse_part<T: DeserializeOwned>(part: &str) -> Option<T> {
    parse_object(&decode_base64url(part).ok()?)
}
