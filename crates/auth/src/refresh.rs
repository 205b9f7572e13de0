//! Refresh tokens: opaque, random, and kept only as digests.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Error;

/// In bytes: 192 random bits, and 64 characters of base64 for both halves.
const HALF: usize = 24;

/// The token that a session is given new tokens for (RFC 6749, section 1.5): 64 characters of base64url.
///
/// Its first half names the *family*, all tokens that a session ever has; its second half is new in each of them (a split token).
/// So a token that was replaced long ago still tells whose session it was, and nobody without one of the family can. A database
/// keeps [`RefreshToken::family`] and [`RefreshToken::digest`], of which neither is a token.
///
/// It cannot be printed or serialised, and its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct RefreshToken(Zeroizing<[u8; 2 * HALF]>);

/// A SHA-256 digest. Tokens are random, so it needs neither a salt nor many rounds.
pub type TokenDigest = [u8; 32];

/// What a rotation adds to a token to make its successor. Whoever keeps it for a while can give a client that lost the answer the
/// very same successor, without ever keeping one.
pub type RotationSalt = [u8; 16];

impl RefreshToken {
    /// Makes the first token of a new family.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] when the operating system has no randomness.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; 2 * HALF]);
        getrandom::fill(bytes.as_mut_slice()).map_err(Error::internal)?;
        Ok(Self(bytes))
    }

    /// Takes what a client sent; `None` for what is no such token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 2 * HALF]);
        // The length first: the decoder writes to the end of what it was given.
        let length = (text.len() == 2 * HALF / 3 * 4)
            .then(|| URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()));
        matches!(length, Some(Ok(length)) if length == bytes.len()).then_some(Self(bytes))
    }

    /// The text for the client.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_slice())
    }

    /// What all tokens of one session have in common, as a digest.
    #[must_use]
    pub fn family(&self) -> TokenDigest {
        Sha256::digest(&self.0[..HALF]).into()
    }

    /// This very token, as a digest.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        Sha256::digest(self.0.as_slice()).into()
    }

    /// Draws what the next rotation adds.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] when the operating system has no randomness.
    pub fn draw_salt() -> Result<RotationSalt, Error> {
        let mut salt = RotationSalt::default();
        getrandom::fill(&mut salt).map_err(Error::internal)?;
        Ok(salt)
    }

    /// The token that takes this one's place: HMAC-SHA-256 of the salt, keyed with this token. Only who has the token can make it,
    /// and with the same salt it is the same.
    ///
    /// # Errors
    ///
    /// None in practice: HMAC takes a key of any length.
    pub fn successor(&self, salt: &RotationSalt) -> Result<Self, Error> {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).map_err(Error::internal)?;
        let code = mac.chain_update(salt).finalize().into_bytes();
        let mut next = self.clone();
        next.0[HALF..].copy_from_slice(&code[..HALF]);
        Ok(next)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::RefreshToken;

    #[test]
    fn what_is_parsed_is_what_was_shown() {
        let token = RefreshToken::generate().unwrap();
        let text = token.expose();
        assert_eq!(text.len(), 64);
        assert_eq!(RefreshToken::parse(&text).unwrap().digest(), token.digest());
        for other in
            ["", "a", &text[1..], &format!("{text}A"), &text.replace(&text[..1], "+"), &"ä".repeat(32)]
        {
            assert!(RefreshToken::parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_successor_is_of_the_family_and_follows_from_the_salt() {
        let token = RefreshToken::generate().unwrap();
        let (salt, other) = (RefreshToken::draw_salt().unwrap(), RefreshToken::draw_salt().unwrap());
        let next = token.successor(&salt).unwrap();
        assert_eq!(next.digest(), token.successor(&salt).unwrap().digest());
        assert_eq!(next.family(), token.family());
        let all = [&token, &next, &token.successor(&other).unwrap(), &next.successor(&salt).unwrap()];
        let mut digests: Vec<_> = all.iter().map(|token| token.digest()).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 4, "no two are alike");
        assert_ne!(RefreshToken::generate().unwrap().family(), token.family());
    }

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", RefreshToken::generate().unwrap()), "RefreshToken(..)");
    }
}
