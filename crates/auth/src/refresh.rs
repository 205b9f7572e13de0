//! Refresh tokens: random and opaque. A database stores only their digests.
//!
//! The bytes are in `Zeroizing`, because the boxed arrays of `secrecy` cannot be cloned.

mod digest;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Error;

pub use self::digest::{FamilyDigest, TokenDigest};

/// In bytes: 192 random bits. Both halves together are 64 characters of base64.
const HALF: usize = 24;

/// A refresh token (RFC 6749, section 1.5): 64 characters of base64url.
///
/// The first half names the *family*: all tokens that one session ever has share it. The second
/// half is new in each token. A service can therefore find the session of a token that was replaced
/// long ago, and only a client that once had a token of the family can present one.
///
/// A database stores [`RefreshToken::family`] and [`RefreshToken::digest`]. No token can be
/// computed from them.
///
/// `Debug` does not show the token, there is no `Serialize`, and the memory is wiped on drop.
#[derive(Clone)]
pub struct RefreshToken(Zeroizing<[u8; 2 * HALF]>);

/// The random input of a rotation, which turns a token into its successor.
///
/// A service that stores the salt for a grace period can compute the same successor again for a
/// client that lost the response. It never stores the successor itself.
pub type RotationSalt = [u8; 16];

impl RefreshToken {
    /// Generates the first token of a new family.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the operating system has no randomness.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; 2 * HALF]);
        getrandom::fill(bytes.as_mut_slice()).map_err(Error::internal)?;
        Ok(Self(bytes))
    }

    /// Parses the text that a client sent. Returns `None` if it does not have the form of a token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 2 * HALF]);
        // The length is checked first: for a longer text the decoder fills the buffer before it
        // fails.
        let length = (text.len() == 2 * HALF / 3 * 4)
            .then(|| URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()));
        matches!(length, Some(Ok(length)) if length == bytes.len()).then_some(Self(bytes))
    }

    /// Returns the text for the client.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_slice())
    }

    /// Returns the digest of the first half, which all tokens of one session share.
    #[must_use]
    pub fn family(&self) -> FamilyDigest {
        FamilyDigest::new(Sha256::digest(&self.0[..HALF]).into())
    }

    /// Returns the digest of the whole token.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::new(Sha256::digest(self.0.as_slice()).into())
    }

    /// Generates the salt of the next rotation.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the operating system has no randomness.
    pub fn draw_salt() -> Result<RotationSalt, Error> {
        let mut salt = RotationSalt::default();
        getrandom::fill(&mut salt).map_err(Error::internal)?;
        Ok(salt)
    }

    /// Returns the token that replaces this one.
    ///
    /// The new second half is HMAC-SHA-256 of the salt with this token as the key. The same token
    /// and salt always give the same successor. Without the token, the salt is useless.
    ///
    /// # Errors
    ///
    /// None in practice, because HMAC accepts a key of any length.
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
    fn parse_accepts_the_exposed_text_and_nothing_else() {
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
    fn successor_keeps_the_family_and_depends_on_the_token_and_the_salt() {
        let token = RefreshToken::generate().unwrap();
        let (salt, other) = (RefreshToken::draw_salt().unwrap(), RefreshToken::draw_salt().unwrap());
        let next = token.successor(&salt).unwrap();
        assert_eq!(next.digest(), token.successor(&salt).unwrap().digest());
        assert_eq!(next.family(), token.family());
        let all = [&token, &next, &token.successor(&other).unwrap(), &next.successor(&salt).unwrap()];
        let mut digests: Vec<_> = all.iter().map(|token| token.digest()).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 4, "all four tokens differ");
        assert_ne!(RefreshToken::generate().unwrap().family(), token.family());
    }

    #[test]
    fn debug_hides_the_token() {
        assert_eq!(format!("{:?}", RefreshToken::generate().unwrap()), "RefreshToken(..)");
    }
}
