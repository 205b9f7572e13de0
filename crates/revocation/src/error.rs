//! Errors of the connection to Redis.

/// An error of [`Revocations::with_redis`](crate::Revocations::with_redis). No other method fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not a Redis URL, or it disables the verification of TLS certificates. The error
    /// does not repeat the URL, because the URL may contain a password.
    #[error("the Redis URL is not valid")]
    Url,
    /// The caller is outside a Tokio runtime, which the background task needs.
    #[error("a connection to Redis needs a Tokio runtime")]
    Runtime,
}
