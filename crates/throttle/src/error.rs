//! Errors of the connection to Redis.

/// An error of [`Throttle::with_redis`](crate::Throttle::with_redis). Counting never fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not one of a Redis server, or asks for TLS without verification. The error does
    /// not repeat the URL, because it may contain a password.
    #[error("the Redis URL is not valid")]
    Url,
    /// The caller is outside a Tokio runtime, which the connection needs.
    #[error("a connection to Redis needs a Tokio runtime")]
    Runtime,
}
