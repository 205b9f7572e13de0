//! Errors of the connection to Redis.

/// An error of [`Throttle::with_redis`](crate::Throttle::with_redis). No other method returns it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not a Redis URL, or it disables the verification of TLS certificates. The error
    /// does not repeat the URL, because the URL may contain a password.
    #[error("the Redis URL is not valid")]
    Url,
    /// The caller is outside a Tokio runtime, which the connection needs.
    #[error("a connection to Redis needs a Tokio runtime")]
    Runtime,
}
