//! The error of hashing, of reading stored hashes, and of generating secrets.

/// Why a password could not be hashed or verified, or a secret could not be generated.
///
/// A wrong password is not an error: it is [`Verdict::Wrong`](crate::Verdict::Wrong).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// All threads are busy and the queue is full. No work was done. The same call may succeed a
    /// second later.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// This crate does not read the format of the stored hash, or its parameters exceed the limits.
    #[error("the stored password hash is not supported")]
    UnsupportedHash,
    /// The system had no thread, memory or randomness, or hashing panicked. The source says which.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Boxes the cause, so that the error types of dependencies stay out of the public API.
    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}
