//! Errors of summaries and of the AI provider.

use std::time::Duration;

use actix_web::http::StatusCode;
use daybook_ai_client::Error;

use super::ApiError;
use crate::failure::with_causes;

/// Used if an overloaded AI provider sends no `Retry-After`.
const RATE_LIMIT_RETRY_AFTER: Duration = Duration::from_secs(30);

impl ApiError {
    /// The response to an error of the AI provider.
    pub(crate) fn of_provider(error: &Error) -> Self {
        let cause = without_quotes(error);
        let (status, sentence) = match error {
            Error::RateLimited { retry_after, .. } => {
                return Self::Busy(retry_after.unwrap_or(RATE_LIMIT_RETRY_AFTER), cause);
            }
            Error::Timeout => (StatusCode::GATEWAY_TIMEOUT, "The AI provider did not answer in time"),
            Error::Unauthorized { .. } => {
                (StatusCode::BAD_GATEWAY, "The AI provider refuses this service's key")
            }
            Error::QuotaExceeded { .. } => {
                (StatusCode::BAD_GATEWAY, "This service's quota at the AI provider is used up")
            }
            Error::Unavailable { .. } | Error::Connect { .. } | Error::Transport { .. } => {
                (StatusCode::BAD_GATEWAY, "The AI provider is not available")
            }
            Error::Refused { .. } => {
                (StatusCode::BAD_GATEWAY, "The AI provider refuses to summarise this note")
            }
            _ => (StatusCode::BAD_GATEWAY, "The AI provider did not give a summary"),
        };
        let cause: Box<dyn std::error::Error + Send + Sync> = cause.into();
        Self::Upstream(status, sentence, cause.into())
    }
}

impl From<daybook_summarizer::Error> for ApiError {
    fn from(error: daybook_summarizer::Error) -> Self {
        use daybook_summarizer::Error as RunError;
        match error {
            RunError::Provider(error) => Self::of_provider(&error),
            // A client sees no difference between the timeout of one call and that of all.
            RunError::Timeout => Self::of_provider(&Error::Timeout),
            RunError::Cancelled | RunError::Interrupted => Self::busy(error),
            other => Self::internal(other),
        }
    }
}

/// The error for the log. Texts of the provider are left out, since they may quote the note.
fn without_quotes(error: &Error) -> String {
    let what = match error {
        Error::Unauthorized { status, code, .. } => {
            format!("status {status}, code {}", plain(code.as_deref()))
        }
        Error::RateLimited { code, .. } => format!("rate limited, code {}", plain(code.as_deref())),
        Error::QuotaExceeded { .. } => "quota exceeded".to_owned(),
        Error::InvalidRequest { status, code, .. } => {
            format!("status {status}, code {}", plain(code.as_deref()))
        }
        Error::Unavailable { status, code, .. } => {
            format!("status {status}, code {}", plain(code.as_deref()))
        }
        Error::Refused { .. } => "refused".to_owned(),
        Error::Failed { status, code, .. } => format!("{status}, code {}", plain(code.as_deref())),
        // The provider has sent nothing, so the causes cannot quote the note.
        Error::Connect { .. } | Error::Transport { .. } => with_causes(error),
        other => format!("{other}"),
    };
    format!("{what}, request id {}", plain(error.request_id()))
}

/// The longest code or id that is logged.
const NAME_MAX: usize = 100;

/// Returns a code or an id of the provider, unless it could be a sentence that quotes the note.
fn plain(name: Option<&str>) -> &str {
    let is_name = |name: &&str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
        name.len() <= NAME_MAX && name.bytes().all(is_plain)
    };
    name.map_or("none", |name| Some(name).filter(is_name).unwrap_or("unreadable"))
}
