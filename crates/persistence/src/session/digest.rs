//! The digests of refresh tokens. `daybook-auth` has the same types, since the crates do not depend
//! on each other.

/// The SHA-256 digest of the part that all refresh tokens of a session share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FamilyDigest(pub [u8; 32]);

/// The SHA-256 digest of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);
