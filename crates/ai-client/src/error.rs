use std::time::Duration;

use crate::{Status, Usage};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no answer: one variant for each thing a caller can do about it.
///
/// `code` and `message` are the provider's own words, `message` empty where it said nothing readable. Both are cut to 500 characters
/// and hold neither control characters nor the key; they are for a log, and may quote the input. `request_id` is the provider's
/// name for the request, which its support asks for.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "fields are described once, above, or with their variant")]
#[non_exhaustive]
pub enum Error {
    /// The client cannot be built as asked, or a request cannot be written down. Nothing was sent.
    #[error("the AI client is misconfigured: {reason}")]
    Config { reason: String, source: Option<Source> },

    /// 401 or 403: the provider does not accept the key, or not for this model or country.
    #[error("the AI provider refused the key with status {status}{}", said(.code.as_deref(), .message))]
    Unauthorized { status: u16, code: Option<String>, message: String, request_id: Option<String> },

    /// 429: too many requests or tokens in a span of time. `retry_after` is how long to wait, if the provider said.
    #[error("the AI provider is limiting requests{}", said(.code.as_deref(), .message))]
    RateLimited {
        retry_after: Option<Duration>,
        code: Option<String>,
        message: String,
        request_id: Option<String>,
    },

    /// 429 with the code `insufficient_quota`: the account has no credit left. Waiting does not help, paying does.
    #[error("the account at the AI provider is used up{}", said(None, .message))]
    QuotaExceeded { message: String, request_id: Option<String> },

    /// Any other 4xx: the provider will not take this request, such as an unknown model or a text too long for it.
    #[error("the AI provider rejected the request with status {status}{}", said(.code.as_deref(), .message))]
    InvalidRequest { status: u16, code: Option<String>, message: String, request_id: Option<String> },

    /// 5xx or 408: the provider is out of order or overloaded.
    #[error("the AI provider is unavailable with status {status}{}", said(.code.as_deref(), .message))]
    Unavailable {
        status: u16,
        retry_after: Option<Duration>,
        code: Option<String>,
        message: String,
        request_id: Option<String>,
    },

    /// No whole answer came in the time of an attempt. The provider may have begun to work.
    #[error("the AI provider did not answer in time")]
    Timeout,

    /// There is no connection: the name is unknown, the port closed, TLS failed, or connecting took too long. Nothing was sent.
    #[error("no connection to the AI provider")]
    Connect { source: Source },

    /// The connection broke after the request was sent, or did not speak HTTP.
    #[error("the connection to the AI provider broke")]
    Transport { source: Source },

    /// 3xx. It was not followed; most likely the base URL is wrong.
    #[error("the AI provider answered with a redirect, status {status}, which is not followed")]
    Redirected { status: u16, request_id: Option<String> },

    /// The answer is longer than `limit` bytes; the rest was not read.
    #[error("the answer of the AI provider is longer than {limit} bytes")]
    TooLarge { limit: usize, request_id: Option<String> },

    /// The answer is not what the Responses API says it is. `reason` tells where it stops being so, without quoting it.
    #[error("the answer of the AI provider is malformed: {reason}")]
    Malformed { reason: String, request_id: Option<String> },

    /// The answer was cut off. `text` is what there is of it; it was paid for as `usage` says.
    #[error("the answer of the AI provider is incomplete: {reason}")]
    Incomplete { reason: IncompleteReason, text: String, usage: Option<Usage>, request_id: Option<String> },

    /// The model declined to answer; `message` is how it put that. It was paid for as `usage` says.
    #[error("the model refused to answer{}", said(None, .message))]
    Refused { message: String, usage: Option<Usage>, request_id: Option<String> },

    /// The provider took the request and then failed, or stopped in a `status` that is not an end.
    #[error("the AI provider left the response {status}{}", said(.code.as_deref(), .message))]
    Failed { status: Status, code: Option<String>, message: String, request_id: Option<String> },

    /// The answer is complete and has no text. It was paid for as `usage` says.
    #[error("the answer of the AI provider has no text")]
    Empty { usage: Option<Usage>, request_id: Option<String> },
}

/// What cut an answer off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IncompleteReason {
    /// The answer reached [`Request::max_output_tokens`](crate::Request::max_output_tokens) or the model's own limit.
    MaxOutputTokens,
    /// The provider's content filter stopped it.
    ContentFilter,
    /// The provider gave another reason, or none.
    Unknown,
}

impl std::fmt::Display for IncompleteReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MaxOutputTokens => "it reached the token limit",
            Self::ContentFilter => "it was stopped by a content filter",
            Self::Unknown => "no reason is known",
        })
    }
}

impl Error {
    /// Whether the same request may succeed later though nothing is changed, and repeating it cannot be paid for twice. These are
    /// the errors that [`Client::create`](crate::Client::create) itself tries again; when it returns one, wait before the next try.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::RateLimited { .. } => true,
            // The others of the 5xx say that trying again changes nothing, as 501 and 505 do.
            Self::Unavailable { status, .. } => matches!(status, 408 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// How long the provider wants to be left alone, at most a day. `None` if it did not say.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The provider's name for the request (its `x-request-id` header), if an answer came and had one.
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
        // A base URL may hold what should not be in a log.
        let error = error.without_url();
        // Asked first: a connect timeout is both, and only here is it certain that nothing was sent.
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

/// The provider's words as the end of a sentence, or nothing where it had none.
fn said(code: Option<&str>, message: &str) -> String {
    let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    if message.is_empty() { code } else { format!("{code}: {message}") }
}
