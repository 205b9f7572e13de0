use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, crypto, encode};
use sha2::{Digest, Sha256};

use super::{TokenError, claims::WireClaims};
use crate::Secret;

/// The only algorithm there is.
const ALGORITHM: Algorithm = Algorithm::HS256;
/// Before the secret when its id is made, so that the id is of no use as anything else.
const ID_DOMAIN: &[u8] = b"daybook access token key id\0";
/// In bytes: enough to tell apart the handful of keys of a service.
const ID_LENGTH: usize = 8;

/// A secret, ready to sign and verify. Both halves are wiped when they are dropped.
#[derive(Clone)]
pub(super) struct Key {
    id: String,
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl Key {
    pub(super) fn new(secret: &Secret) -> Self {
        let secret = secret.expose().as_bytes();
        let digest = Sha256::new().chain_update(ID_DOMAIN).chain_update(secret).finalize();
        Self::named(URL_SAFE_NO_PAD.encode(&digest[..ID_LENGTH]), secret)
    }

    pub(super) fn named(id: String, secret: &[u8]) -> Self {
        Self { id, signing: EncodingKey::from_secret(secret), verifying: DecodingKey::from_secret(secret) }
    }

    /// The `kid` of its tokens. It follows from the secret, so every instance knows it without being told.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn sign(&self, claims: &WireClaims) -> Result<String, TokenError> {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(ALGORITHM) };
        encode(&header, claims, &self.signing).map_err(|error| TokenError::Internal(error.into()))
    }

    /// Compares in constant time; a signature that is not canonical base64url does not match.
    pub(super) fn has_signed(&self, message: &str, signature: &str) -> bool {
        crypto::verify(signature, message.as_bytes(), &self.verifying, ALGORITHM).unwrap_or(false)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}
