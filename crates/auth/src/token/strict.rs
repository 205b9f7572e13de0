//! Readers of base64url and JSON objects that accept fewer spellings than those of the libraries.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::error::TokenError;

/// Decodes base64url as RFC 7515 defines it.
///
/// Rejects padding, whitespace and non-zero bits after the last byte.
pub(super) fn decode_base64url(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Invalid("not base64url"))
}

/// Parses a JSON object.
///
/// serde would also accept an array for a struct, and whitespace before the object. The derived
/// `Deserialize` of a struct rejects repeated names.
pub(super) fn parse_object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    json.starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}

/// Reads the value of a field that is given. `null` is an error and does not count as absent.
pub(super) fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}
