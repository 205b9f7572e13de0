//! Access tokens: JWTs (RFC 7519) that are signed with HS256.
//!
//! `jsonwebtoken` signs and compares signatures. Its `decode` is not used: it reads the system's
//! clock, ignores `crit`, accepts any `typ` and cannot require `iat`.

mod claims;
mod error;
mod explanation;
mod header;
mod key;
mod keys;
mod numeric_date;
mod strict;
#[cfg(test)]
mod wycheproof;

pub use self::claims::{ACCESS_TOKEN_SECONDS, Claims};
pub use self::error::TokenError;
pub use self::explanation::{Explanation, Signer};
pub use self::keys::TokenKeys;
