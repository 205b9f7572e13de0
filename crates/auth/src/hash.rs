use std::fmt;

/// A password hash as a database keeps it.
///
/// [`Hasher::hash`](crate::Hasher::hash) makes PHC strings: `$argon2id$v=19$m=65536,t=3,p=4$salt$output`, salt and output in
/// base64 without padding. What a stored text is shows when a password is verified with it.
///
/// Hashes of older services are verified too, and are never made: `scrypt:N:r:p$salt$hex` and `pbkdf2:sha256:iterations$salt$hex`
/// of Werkzeug (Flask), and bcrypt's `$2a$`, `$2b$` and `$2y$` (Flask-Bcrypt, passlib). bcrypt goes by the first 72 bytes of a
/// password, and one with a NUL is wrong to it. A right password is then
/// [`Verdict::RightButOutdated`](crate::Verdict::RightButOutdated), so that such a hash lasts until its owner logs in.
///
/// Two are equal when their texts are: good for a compare-and-swap, no way to compare passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes what was stored, whatever it is.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text to store, by value.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::PasswordHash;

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", PasswordHash::from_stored("canary".into())), "PasswordHash(..)");
    }
}
