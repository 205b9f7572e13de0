//! A password hash as a database stores it.

use std::fmt;

/// A stored password hash.
///
/// [`Hasher::hash`] makes PHC strings: `$argon2id$v=19$m=65536,t=3,p=4$salt$output`, with salt and
/// output in base64 without padding.
///
/// Hashes of older services are verified too, but never made:
///
/// - Werkzeug (Flask): `scrypt:N:r:p$salt$hex` and `pbkdf2:sha256:iterations$salt$hex`.
/// - bcrypt (Flask-Bcrypt, passlib): `$2a$`, `$2b$` and `$2y$`. bcrypt uses the first 72 bytes of a
///   password. A password with a NUL is always wrong.
///
/// For these a right password is [`Verdict::RightButOutdated`], so that the application can replace
/// the hash when its owner logs in. The exception is a bcrypt hash and a password over 72 bytes:
/// see [`Verdict::Right`].
///
/// `==` compares the stored texts. Use it for a compare-and-swap in a database, not to compare
/// passwords: two hashes of one password differ in their salts.
///
/// [`Hasher::hash`]: crate::Hasher::hash
/// [`Verdict::Right`]: crate::Verdict::Right
/// [`Verdict::RightButOutdated`]: crate::Verdict::RightButOutdated
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes the stored text. Its format is checked when a password is verified against it.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the text to store.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the text to store, by value.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

// Written by hand: `secrecy` has no `PartialEq`, and wiping the memory of a stored hash gains
// nothing.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::PasswordHash;

    #[test]
    fn into_string_returns_the_stored_text() {
        assert_eq!(PasswordHash::from_stored("$2b$04$".into()).into_string(), "$2b$04$");
    }

    #[test]
    fn debug_hides_the_hash() {
        assert_eq!(format!("{:?}", PasswordHash::from_stored("canary".into())), "PasswordHash(..)");
    }
}
