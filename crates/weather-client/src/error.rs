//! The errors of the client. There is one variant for each case that a caller may handle
//! differently.

use std::sync::Arc;
use std::time::Duration;

/// Shared, because all callers that wait for one response get the same error.
type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// The reason why there is no place or no forecast.
///
/// `Display` is one sentence that a program can show to its users. It contains no address, no place
/// and no cause. The cause, if there is one, is the `source`. It is meant for a log and contains no
/// address either.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The geocoder does not know the place, the name is not valid, or a coordinate is out of
    /// range.
    #[error("No place of that name is known")]
    UnknownPlace,

    /// The response was not complete at the deadline.
    #[error("The weather service did not answer in time")]
    Timeout,

    /// The service responded with 4xx or 5xx. A 5xx means that it is down, 429 that its rate limit
    /// is exceeded, and another 4xx that it rejects the request.
    #[error("The weather service is not available (status {status})")]
    Unavailable {
        /// The HTTP status, 400 to 599.
        status: u16,
        /// The `Retry-After` header, if it is a number of seconds.
        retry_after: Option<Duration>,
    },

    /// No request was sent, because the service failed several times in a row or its rate limit is
    /// exceeded. This is not cached.
    #[error("The weather service is not available")]
    Paused {
        /// The time until the next request is sent. At most an hour.
        retry_after: Duration,
    },

    /// The connection could not be established, or it broke before the response was complete.
    #[error("The weather service could not be reached")]
    Transport {
        /// The error of the connection.
        source: Cause,
    },

    /// The response is not JSON, or it contains not a single value that the client can use.
    #[error("The weather service gave an answer that makes no sense")]
    Malformed {
        /// The fault.
        source: Cause,
    },

    /// The response is longer than 256 KiB, about ten times the longest correct one.
    #[error("The weather service gave an answer that is too large")]
    TooLarge,

    /// The response is a redirect. The client does not follow it, because a redirect could lead
    /// into a private network.
    #[error("The weather service redirected the request")]
    Redirected,

    /// A setting of the [`ClientBuilder`](crate::ClientBuilder) is not valid, or TLS is not
    /// available. Only [`build`](crate::ClientBuilder::build) returns this.
    #[error("The weather client cannot be built: {problem}")]
    Config {
        /// The setting or the part that failed.
        problem: &'static str,
        /// The underlying error, if there is one.
        source: Option<Cause>,
    },
}

impl Error {
    pub(crate) fn config(problem: &'static str) -> Self {
        Self::Config { problem, source: None }
    }

    pub(crate) fn malformed(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Malformed { source: Arc::new(cause) }
    }

    pub(crate) fn unusable(what: &'static str) -> Self {
        Self::malformed(Unusable(what))
    }

    /// Converts an error of reqwest. Removes the URL, which contains the place that a user
    /// requested.
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Transport { source: Arc::new(error.without_url()) }
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no usable {0}")]
struct Unusable(&'static str);
