//! One key of access tokens.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, crypto, encode};
use sha2::{Digest, Sha256};

use super::claims::WireClaims;
use super::error::TokenError;
use crate::Secret;

/// The only accepted algorithm.
const ALGORITHM: Algorithm = Algorithm::HS256;
/// Hashed before the secret to make the key id, so that no other use of the secret gives the same
/// hash.
const ID_DOMAIN: &[u8] = b"daybook access token key id\0";
/// In bytes: enough to distinguish the few keys of a service.
const ID_LENGTH: usize = 8;

/// A key that signs and verifies. Both halves are wiped on drop.
#[derive(Clone)]
pub(super) struct Key {
    id: String,
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl Key {
    /// Makes a key whose id is computed from the secret.
    pub(super) fn new(secret: &Secret) -> Self {
        let secret = secret.expose().as_bytes();
        let digest = Sha256::new().chain_update(ID_DOMAIN).chain_update(secret).finalize();
        Self::with_id(URL_SAFE_NO_PAD.encode(&digest[..ID_LENGTH]), secret)
    }

    /// Makes a key with a given id.
    pub(super) fn with_id(id: String, secret: &[u8]) -> Self {
        Self { id, signing: EncodingKey::from_secret(secret), verifying: DecodingKey::from_secret(secret) }
    }

    /// Returns the `kid` of the key's tokens. All instances with the same secret have the same id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Signs the claims and returns the token.
    pub(super) fn sign(&self, claims: &WireClaims) -> Result<String, TokenError> {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(ALGORITHM) };
        encode(&header, claims, &self.signing).map_err(|error| TokenError::Internal(error.into()))
    }

    /// Returns true if this key has signed the message. The signatures are compared in constant
    /// time. A signature that is not canonical base64url does not match.
    pub(super) fn has_signed(&self, message: &str, signature: &str) -> bool {
        crypto::verify(signature, message.as_bytes(), &self.verifying, ALGORITHM).unwrap_or(false)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}
