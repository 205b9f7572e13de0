//! The error of a URL.

/// The reason why a text is not a database URL. It continues the name of the setting that has the
/// URL. It never contains the user name, the password or another value of a PostgreSQL URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(pub(super) String);

/// Returns an error with this sentence.
pub(super) fn fail<T>(sentence: impl Into<String>) -> Result<T, UrlError> {
    Err(UrlError(sentence.into()))
}
