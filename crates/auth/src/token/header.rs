use serde::Deserialize;

use super::{TokenError, claims::present, object};

/// All that a header may say. Whatever else there is or will be (`crit`, `jku`, `jwk`, `x5u`, `x5c`, `b64`, `zip`, `enc`, …)
/// would change what the token means, so it is refused before a key is touched.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
}

/// The id of the key that a token's header names, if it names one.
pub(super) fn read(json: &[u8]) -> Result<Option<String>, TokenError> {
    let header: Header = object(json).ok_or(TokenError::Invalid("not the header of an access token"))?;
    if header.alg != "HS256" {
        return Err(TokenError::Invalid("algorithm is not HS256"));
    }
    // Media types are compared without case (RFC 7519, section 5.1).
    if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(TokenError::Invalid("type is not JWT"));
    }
    Ok(header.kid)
}
