#![doc = include_str!("../README.md")]

mod budget;
mod error;
mod hash;
mod hasher;
mod heap;
mod memory;
mod parameters;
mod password;
mod pattern;
mod policy;
mod pool;
mod refresh;
mod scheme;
mod secret;
mod secret_file;
mod token;

pub use error::Error;
pub use hash::PasswordHash;
pub use hasher::{Hasher, HasherOptions, Verdict};
pub use parameters::{HashParameters, ParametersError};
pub use password::Password;
pub use policy::{PasswordPolicy, PolicyViolation, UnknownPolicy};
pub use refresh::{FamilyDigest, RefreshToken, RotationSalt, TokenDigest};
pub use secret::{Secret, WeakSecret};
pub use secret_file::SecretFileError;
pub use token::{ACCESS_TOKEN_SECONDS, Claims, Explanation, Signer, TokenError, TokenKeys};
