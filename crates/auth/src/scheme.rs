//! The kinds of stored hashes. A new one is a module beside [`argon2id`] and a line in each `match` here.
//!
//! Only Argon2id is made. The others came with the users of older services: they are verified until their owners log in once,
//! within limits that keep one verification to the memory of an Argon2id hash and, but for bcrypt's highest costs, to the time of
//! a few.

pub(crate) mod argon2id;
mod bcrypt;
mod pbkdf2;
mod scrypt;
mod werkzeug;

use self::{argon2id::Argon2id, bcrypt::Bcrypt, pbkdf2::Pbkdf2, scrypt::Scrypt};
use crate::{Error, HashParameters, PasswordHash, memory::Memory};

/// A stored hash, read and within the limits of what is worked on.
pub(crate) enum Scheme {
    Argon2id(Argon2id),
    Bcrypt(Bcrypt),
    Pbkdf2(Pbkdf2),
    Scrypt(Scrypt),
}

impl Scheme {
    /// Reads a stored hash without doing any work on it yet.
    pub(crate) fn read(stored: &PasswordHash) -> Result<Self, Error> {
        let text = stored.expose();
        // `$name$…`, or `name:…` as Werkzeug has it.
        match text.split(['$', ':']).find(|part| !part.is_empty()) {
            Some(argon2id::NAME) => Argon2id::read(text).map(Self::Argon2id),
            Some(name) if bcrypt::NAMES.contains(&name) => Bcrypt::read(text).map(Self::Bcrypt),
            Some(pbkdf2::NAME) => Pbkdf2::read(text).map(Self::Pbkdf2),
            Some(scrypt::NAME) => Scrypt::read(text).map(Self::Scrypt),
            _ => Err(Error::UnsupportedHash),
        }
    }

    /// Whether the password is the one that was hashed, compared in constant time.
    pub(crate) fn verify(&self, password: &[u8], memory: &mut Memory) -> Result<bool, Error> {
        match self {
            Self::Argon2id(hash) => hash.verify(password, memory),
            Self::Bcrypt(hash) => hash.verify(password),
            Self::Pbkdf2(hash) => hash.verify(password),
            Self::Scrypt(hash) => hash.verify(password, memory),
        }
    }

    /// Whether the hash tells this password from all others. If not, it must not be replaced: what is left out may have been mistyped.
    pub(crate) fn covers(&self, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt(_) => Bcrypt::covers(password),
            Self::Argon2id(_) | Self::Pbkdf2(_) | Self::Scrypt(_) => true,
        }
    }

    /// Whether a hash made today would be of the same kind.
    pub(crate) fn is_current(&self, parameters: HashParameters) -> bool {
        match self {
            Self::Argon2id(hash) => hash.is_current(parameters),
            Self::Bcrypt(_) | Self::Pbkdf2(_) | Self::Scrypt(_) => false,
        }
    }
}
