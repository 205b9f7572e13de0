//! Parses stored password hashes of every supported scheme and verifies passwords against them.
//!
//! Only Argon2id hashes are made. The others come from older services and are replaced when their
//! owner logs in. Their limits keep one verification to the memory of an Argon2id hash. They also
//! keep it to the time of a few Argon2id hashes, except for the highest costs of bcrypt.

pub(crate) mod argon2id;
mod bcrypt;
mod pbkdf2;
mod scrypt;
mod werkzeug;

use argon2::Block;

use self::argon2id::Argon2id;
use self::bcrypt::Bcrypt;
use self::pbkdf2::Pbkdf2;
use self::scrypt::Scrypt;
use crate::budget::Need;
use crate::{Error, HashParameters, PasswordHash};

/// A stored hash, parsed and within the limits.
pub(crate) enum Scheme {
    Argon2id(Argon2id),
    Bcrypt(Bcrypt),
    Pbkdf2(Pbkdf2),
    Scrypt(Scrypt),
}

impl Scheme {
    /// Reads a stored hash. No hashing happens here.
    ///
    /// # Errors
    ///
    /// [`Error::UnsupportedHash`] if the format is unknown or a parameter is over its limit.
    pub(crate) fn read(stored: &PasswordHash) -> Result<Self, Error> {
        let text = stored.expose();
        // Argon2id and bcrypt hashes begin with `$name$`, those of Werkzeug with `name:`.
        match text.split(['$', ':']).find(|part| !part.is_empty()) {
            Some(argon2id::NAME) => Argon2id::read(text).map(Self::Argon2id),
            Some(name) if bcrypt::NAMES.contains(&name) => Bcrypt::read(text).map(Self::Bcrypt),
            Some(pbkdf2::NAME) => Pbkdf2::read(text).map(Self::Pbkdf2),
            Some(scrypt::NAME) => Scrypt::read(text).map(Self::Scrypt),
            _ => Err(Error::UnsupportedHash),
        }
    }

    /// Returns true if the password is right. The outputs are compared in constant time.
    ///
    /// There must be as many blocks as [`Scheme::need`] names.
    pub(crate) fn verify(&self, password: &[u8], blocks: &mut [Block]) -> Result<bool, Error> {
        match self {
            Self::Argon2id(hash) => hash.verify(password, blocks),
            Self::Bcrypt(hash) => hash.verify(password),
            Self::Pbkdf2(hash) => hash.verify(password),
            Self::Scrypt(hash) => hash.verify(password),
        }
    }

    /// Returns the memory that verifying takes.
    pub(crate) fn need(&self) -> Need {
        match self {
            Self::Argon2id(hash) => Need::Blocks(hash.memory_kib()),
            Self::Scrypt(hash) => Need::Heap(hash.memory_kib()),
            // At most 4 KiB.
            Self::Bcrypt(_) | Self::Pbkdf2(_) => Need::Heap(0),
        }
    }

    /// Returns true if the whole password goes into the hash. bcrypt drops all after 72 bytes.
    ///
    /// If false, the hash must not be replaced, because the dropped part may be mistyped.
    pub(crate) fn covers(&self, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt(_) => Bcrypt::covers(password),
            Self::Argon2id(_) | Self::Pbkdf2(_) | Self::Scrypt(_) => true,
        }
    }

    /// Returns true if a new hash would have the same scheme, parameters and lengths.
    pub(crate) fn is_current(&self, parameters: HashParameters) -> bool {
        match self {
            Self::Argon2id(hash) => hash.is_current(parameters),
            Self::Bcrypt(_) | Self::Pbkdf2(_) | Self::Scrypt(_) => false,
        }
    }
}
