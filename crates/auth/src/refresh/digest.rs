//! Digests of refresh tokens: what a database stores instead of the tokens.
//!
//! Both are plain SHA-256. Tokens are random, so a digest needs neither a salt nor many rounds.

macro_rules! digest {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            pub(super) const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Returns the bytes to compare with a stored digest.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Returns the bytes to store, by value.
            #[must_use]
            pub const fn into_bytes(self) -> [u8; 32] {
                self.0
            }
        }
    };
}

digest! {
    /// The digest of a token's family: the same for all refresh tokens of one session.
    FamilyDigest
}

digest! {
    /// The digest of one refresh token.
    TokenDigest
}
