//! The kinds of stored hashes. A new one is a module beside [`argon2id`] and a line in each `match` here.

pub(crate) mod argon2id;

use argon2id::Argon2id;

use crate::{Error, HashParameters, PasswordHash, memory::Memory};

/// A stored hash, read and within the limits of what is worked on.
pub(crate) enum Scheme {
    Argon2id(Argon2id),
}

impl Scheme {
    /// Reads a stored hash without doing any work on it yet.
    pub(crate) fn read(stored: &PasswordHash) -> Result<Self, Error> {
        let text = stored.expose();
        match text.split('$').nth(1) {
            Some(argon2id::NAME) => Argon2id::read(text).map(Self::Argon2id),
            _ => Err(Error::UnsupportedHash),
        }
    }

    /// Whether the password is the one that was hashed, compared in constant time.
    pub(crate) fn verify(&self, password: &[u8], memory: &mut Memory) -> Result<bool, Error> {
        match self {
            Self::Argon2id(hash) => hash.verify(password, memory),
        }
    }

    /// Whether a hash made today would be of the same kind.
    pub(crate) fn is_current(&self, parameters: HashParameters) -> bool {
        match self {
            Self::Argon2id(hash) => hash.is_current(parameters),
        }
    }
}
