//! The header of an access token.

use serde::Deserialize;

use super::error::TokenError;
use super::strict::{not_null, parse_object};

/// The accepted header parameters.
///
/// Other parameters (`crit`, `jku`, `jwk`, `x5u`, `x5c`, `b64`, `zip`, `enc`, …) would change the
/// meaning of the token. They are rejected before a key is used.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    #[serde(default, deserialize_with = "not_null")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    kid: Option<String>,
}

/// Reads a header and returns the key id, if it has one.
///
/// # Errors
///
/// [`TokenError::Invalid`] if the header is not one of an access token, or the algorithm is not
/// HS256.
pub(super) fn read(json: &[u8]) -> Result<Option<String>, TokenError> {
    let header: Header =
        parse_object(json).ok_or(TokenError::Invalid("not the header of an access token"))?;
    if header.alg != "HS256" {
        return Err(TokenError::Invalid("algorithm is not HS256"));
    }
    // Media types are case-insensitive (RFC 7519, section 5.1).
    if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(TokenError::Invalid("type is not JWT"));
    }
    Ok(header.kid)
}
