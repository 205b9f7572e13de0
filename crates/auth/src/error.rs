/// Why there is no answer about a password. A wrong password is an answer, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The threads are busy and the queue before them is full. Nothing was done; the same call may succeed a second later.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// The stored hash is none that this crate reads, or its parameters ask for more work than is done for anybody.
    #[error("the stored password hash is not supported")]
    UnsupportedHash,
    /// The machine failed: no thread, no memory, no randomness, or a panic. The source says which.
    #[error("the machine failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Wraps what went wrong below, so that the types of dependencies stay out of the public API.
    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}
