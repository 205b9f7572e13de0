//! The error of this crate.

use std::fmt;
use std::time::Duration;

use crate::{Status, Usage};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The reason why there is no response. Each variant needs a different reaction from the caller.
///
/// These fields mean the same in every variant:
///
/// - `code` and `message` are the provider's own text, truncated to 500 characters. They contain
///   neither control characters nor the key. They are meant for a log and may quote the input.
///   `message` is empty if the provider sent none.
/// - `request_id` is the provider's id of the request. The provider's support asks for it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "fields are described once, above, or with their variant")]
#[non_exhaustive]
pub enum Error {
    /// A setting of the client is invalid, or a request cannot be written as JSON. Nothing was
    /// sent.
    #[error("the AI client is misconfigured: {reason}")]
    Config { reason: String, source: Option<Source> },

    /// 401 or 403: the provider rejects the key, or the key may not use this model or country.
    #[error("the AI provider rejected the key with status {status}{}", suffix(.code.as_deref(), .message))]
    Unauthorized { status: u16, code: Option<String>, message: String, request_id: Option<String> },

    /// 429: the rate limit for requests or tokens is reached.
    ///
    /// `retry_after` is the time to wait, if the provider sent one. A stream that has begun can end
    /// with this error too.
    #[error("the rate limit of the AI provider is reached{}", suffix(.code.as_deref(), .message))]
    RateLimited {
        retry_after: Option<Duration>,
        code: Option<String>,
        message: String,
        request_id: Option<String>,
    },

    /// 402, or 429 with a code such as `insufficient_quota`: the account has no credit. Waiting
    /// does not help.
    #[error("the quota at the AI provider is used up{}", suffix(None, .message))]
    QuotaExceeded { message: String, request_id: Option<String> },

    /// Any other 4xx: the request is invalid. Examples are an unknown model and a text that is too
    /// long for the model.
    #[error(
        "the AI provider rejected the request with status {status}{}",
        suffix(.code.as_deref(), .message)
    )]
    InvalidRequest { status: u16, code: Option<String>, message: String, request_id: Option<String> },

    /// 5xx or 408: the provider is unavailable or overloaded.
    #[error("the AI provider is unavailable with status {status}{}", suffix(.code.as_deref(), .message))]
    Unavailable {
        status: u16,
        retry_after: Option<Duration>,
        code: Option<String>,
        message: String,
        request_id: Option<String>,
    },

    /// A timeout expired before the response was complete. The provider may have begun to work.
    #[error("the AI provider did not answer in time")]
    Timeout,

    /// There is no connection: DNS, TCP or TLS failed, or the connect timeout expired. Nothing was
    /// sent.
    #[error("cannot connect to the AI provider")]
    Connect { source: Source },

    /// The connection was lost after the request was sent, or the server does not speak HTTP.
    #[error("the connection to the AI provider was lost")]
    Transport { source: Source },

    /// 3xx: the client does not follow redirects. Most likely the base URL is wrong.
    #[error("the AI provider sent a redirect with status {status}, which is not followed")]
    Redirected { status: u16, request_id: Option<String> },

    /// The response is longer than `limit` bytes. The rest was not read.
    #[error("the response of the AI provider is longer than {limit} bytes")]
    TooLarge { limit: usize, request_id: Option<String> },

    /// The response does not match the Responses API. `reason` contains the position of the first
    /// error and does not quote the response.
    #[error("the response of the AI provider is malformed: {reason}")]
    Malformed { reason: String, request_id: Option<String> },

    /// The response was cut off. `text` is the part that arrived. The provider charges for `usage`.
    #[error("the response of the AI provider is incomplete: {reason}")]
    Incomplete { reason: IncompleteReason, text: String, usage: Option<Usage>, request_id: Option<String> },

    /// The model refused to answer; `message` is its explanation. The provider charges for `usage`.
    #[error("the model refused to answer{}", suffix(None, .message))]
    Refused { message: String, usage: Option<Usage>, request_id: Option<String> },

    /// The provider accepted the request and then failed, or left it in a `status` that is not
    /// final.
    #[error("the AI provider left the response {status}{}", suffix(.code.as_deref(), .message))]
    Failed { status: Status, code: Option<String>, message: String, request_id: Option<String> },

    /// The response is complete but has no text. The provider charges for `usage`.
    #[error("the response of the AI provider has no text")]
    Empty { usage: Option<Usage>, request_id: Option<String> },
}

/// The reason why a response was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IncompleteReason {
    /// The response reached [`Request::max_output_tokens`](crate::Request::max_output_tokens) or
    /// the limit of the model.
    MaxOutputTokens,
    /// The provider's content filter stopped the response.
    ContentFilter,
    /// The provider gave another reason, or none.
    Unknown,
}

impl fmt::Display for IncompleteReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxOutputTokens => "it reached the token limit",
            Self::ContentFilter => "a content filter stopped it",
            Self::Unknown => "no reason is known",
        })
    }
}

impl Error {
    /// Returns true if the same request may succeed later, and a retry is never charged twice.
    ///
    /// [`Client::create`](crate::Client::create) retries these errors itself. If it returns one of
    /// them, wait before the next call.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::RateLimited { .. } => true,
            // 520 to 530 are those of proxies. The other 5xx, such as 501 and 505, are permanent.
            Self::Unavailable { status, .. } => {
                matches!(status, 408 | 500 | 502 | 503 | 504 | 520..=524 | 529 | 530)
            }
            _ => false,
        }
    }

    /// Returns how long the provider asks the client to wait, at most one day.
    ///
    /// Returns `None` if the response had no valid `retry-after-ms` or `Retry-After` header.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Returns the provider's id of the request, from the response header `x-request-id`.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Unauthorized { request_id, .. }
            | Self::RateLimited { request_id, .. }
            | Self::QuotaExceeded { request_id, .. }
            | Self::InvalidRequest { request_id, .. }
            | Self::Unavailable { request_id, .. }
            | Self::Redirected { request_id, .. }
            | Self::TooLarge { request_id, .. }
            | Self::Malformed { request_id, .. }
            | Self::Incomplete { request_id, .. }
            | Self::Refused { request_id, .. }
            | Self::Failed { request_id, .. }
            | Self::Empty { request_id, .. } => request_id.as_deref(),
            Self::Config { .. } | Self::Timeout | Self::Connect { .. } | Self::Transport { .. } => None,
        }
    }

    pub(crate) fn config(reason: impl Into<String>) -> Self {
        Self::Config { reason: reason.into(), source: None }
    }

    pub(crate) fn from_http(error: reqwest::Error) -> Self {
        // The query of the base URL may contain a secret.
        let error = error.without_url();
        // Checked first: a connect timeout is also a timeout, but then nothing was sent.
        if error.is_connect() {
            Self::Connect { source: error.into() }
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_builder() {
            Self::Config { reason: "the HTTP client cannot be set up".to_owned(), source: Some(error.into()) }
        } else {
            Self::Transport { source: error.into() }
        }
    }
}

/// Formats the provider's code and message as the end of a sentence.
fn suffix(code: Option<&str>, message: &str) -> String {
    let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    if message.is_empty() { code } else { format!("{code}: {message}") }
}
