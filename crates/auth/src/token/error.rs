//! The error of issuing and verifying access tokens.

/// Why an access token was rejected or could not be issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The token was valid, and has expired.
    #[error("the token has expired")]
    Expired,
    /// The token is not one that these keys have issued, or its ids or times are not valid.
    ///
    /// The reason is for a log. It contains no part of the token.
    #[error("the token is not valid: {0}")]
    Invalid(&'static str),
    /// The system had no randomness, or signing failed.
    #[error("the token could not be made")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}
