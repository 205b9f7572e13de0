//! The only table of status codes: what can go wrong with a request, and how it is told.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use daybook_domain::{EmailError, Timestamp, UsernameError};
use daybook_throttle::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::seats::Full;
use crate::validation::Issue;

/// The body of every error but a failed validation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Detail {
    /// One sentence for the person who reads it.
    #[schema(example = "Not Found")]
    pub detail: String,
}

/// The body of a 422.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HTTPValidationError)]
pub(crate) struct ValidationDetail {
    /// Everything that is wrong with the request.
    pub detail: Vec<Issue>,
}

/// Why a request was not done.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// 422: the request is well-formed but says something that cannot be.
    Invalid(Vec<Issue>),
    /// 401 without a token.
    NotAuthenticated,
    /// 401 with a token that is no good; the reason goes into the challenge (RFC 6750, section 3).
    BadToken(&'static str),
    /// 401 at the login form.
    BadLogin,
    /// 403 with a sentence.
    Forbidden(&'static str),
    /// 404 with a sentence.
    NotFound(&'static str),
    /// 405 with the methods that are allowed.
    MethodNotAllowed(String),
    /// 408: the body did not arrive in time.
    BodyTimeout,
    /// 409 with a sentence.
    Conflict(&'static str),
    /// 413: more bytes than this.
    TooLarge(usize),
    /// 415: the media type that is wanted.
    UnsupportedMediaType(&'static str),
    /// 429: what has been used up, and for how long.
    TooManyAttempts(Refusal),
    /// 429: one user has too many summaries made at once.
    TooManySummaries,
    /// 429: the budget of tokens is used up until then, which is in so long.
    BudgetSpent(Timestamp, Duration),
    /// 503: come back after so long.
    Busy(Duration, String),
    /// 503: a feature that is not configured.
    Disabled(&'static str),
    /// 502 or 504: a server that daybook asked did not answer well. The sentence is for the client, the cause for the log.
    Upstream(StatusCode, &'static str, Box<dyn std::error::Error + Send + Sync>),
    /// 500: a fault of ours; the cause is for the log.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// A request that finds everything busy should not come back at once, nor make its user wait.
const BUSY_FOR: Duration = Duration::from_secs(1);

impl ApiError {
    /// Too much is going on.
    pub(crate) fn busy(cause: impl fmt::Display) -> Self {
        Self::Busy(BUSY_FOR, cause.to_string())
    }

    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// What the client is told.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Invalid(_) => "The request is not valid".to_owned(),
            Self::NotAuthenticated => "Not authenticated".to_owned(),
            Self::BadToken(_) => "Could not validate credentials".to_owned(),
            Self::BadLogin => "Incorrect username or password".to_owned(),
            Self::Forbidden(sentence) | Self::NotFound(sentence) | Self::Conflict(sentence) => {
                (*sentence).to_owned()
            }
            Self::MethodNotAllowed(_) => "Method Not Allowed".to_owned(),
            Self::BodyTimeout => "The request body did not arrive in time".to_owned(),
            Self::TooLarge(limit) => format!("The request body is larger than {limit} bytes"),
            Self::UnsupportedMediaType(wanted) => format!("The request body must be {wanted}"),
            Self::TooManyAttempts(_) => "Too many attempts, try again later".to_owned(),
            Self::TooManySummaries => "Too many of your summaries are being made at once".to_owned(),
            Self::BudgetSpent(resets_at, _) => {
                format!("The budget for summaries is used up; there is a new one at {resets_at}")
            }
            Self::Busy(..) => "The service is busy, try again shortly".to_owned(),
            Self::Disabled(sentence) | Self::Upstream(_, sentence, _) => (*sentence).to_owned(),
            Self::Internal(_) => "Internal Server Error".to_owned(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())?;
        match self {
            Self::BadToken(reason) => write!(f, ": {reason}"),
            Self::TooManyAttempts(refusal) => write!(f, ": {}", refusal.bucket),
            Self::Busy(_, cause) => write!(f, ": {cause}"),
            Self::Upstream(_, _, cause) | Self::Internal(cause) => {
                write!(f, ": {cause}")?;
                let mut source = cause.source();
                while let Some(deeper) = source {
                    write!(f, ": {deeper}")?;
                    source = deeper.source();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotAuthenticated | Self::BadToken(_) | Self::BadLogin => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyAttempts(_) | Self::TooManySummaries | Self::BudgetSpent(..) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Busy(..) | Self::Disabled(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upstream(status, ..) => *status,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::Invalid(issues) => return response.json(ValidationDetail { detail: issues.clone() }),
            Self::NotAuthenticated | Self::BadLogin => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            Self::BadToken(reason) => {
                let challenge = format!(r#"Bearer error="invalid_token", error_description="{reason}""#);
                response.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            Self::MethodNotAllowed(allow) => {
                response.insert_header((header::ALLOW, allow.as_str()));
            }
            // The rest of the body is not read, so the connection cannot be used again.
            Self::BodyTimeout | Self::TooLarge(_) => {
                response.force_close();
            }
            Self::TooManyAttempts(refusal) => {
                response.insert_header((header::RETRY_AFTER, whole_seconds(refusal.retry_after)));
                for (name, value) in rate_limit_fields(refusal) {
                    response.insert_header((name, value));
                }
            }
            Self::TooManySummaries => {
                response.insert_header((header::RETRY_AFTER, BUSY_FOR.as_secs()));
            }
            Self::BudgetSpent(_, wait) => {
                response.insert_header((header::RETRY_AFTER, wait.as_secs()));
            }
            Self::Busy(after, _) => {
                response.insert_header((header::RETRY_AFTER, after.as_secs().max(1)));
            }
            _ => {}
        }
        response.json(Detail { detail: self.sentence() })
    }
}

impl ApiError {
    /// An error of the database. [`RowResult`] says what a missing row means; here it is a fault of the service.
    pub(crate) fn of_database(error: daybook_persistence::Error) -> Self {
        use daybook_persistence::{Error, Field};
        match error {
            Error::Conflict(Field::Email) => Self::Conflict("Email already registered"),
            Error::Conflict(Field::Username) => Self::Conflict("Username already taken"),
            Error::Unavailable(_) => Self::busy(error),
            other => Self::Internal(other.into()),
        }
    }
}

/// Rounded up: whoever comes a moment before the time is refused again.
fn whole_seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

/// What has been used up, as clients can read it (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4).
fn rate_limit_fields(refusal: &Refusal) -> [(&'static str, String); 2] {
    let Refusal { bucket, quota, retry_after, .. } = refusal;
    let policy = format!(r#""{bucket}";q={};w={}"#, quota.limit(), quota.period().as_secs());
    let state = format!(r#""{bucket}";r=0;t={}"#, whole_seconds(*retry_after));
    [("RateLimit-Policy", policy), ("RateLimit", state)]
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::TooManyAttempts(refusal)
    }
}

/// Turns the result of a query into that of a handler. There is no `From`, so each handler says what a missing row means.
pub(crate) trait RowResult<T> {
    /// The query looked for one row by its id: a missing one is a 404 with this sentence.
    fn or_not_found(self, sentence: &'static str) -> Result<T, ApiError>;

    /// Only the account of the caller can be missing: that is a 401.
    fn or_account_gone(self) -> Result<T, ApiError>;
}

impl<T> RowResult<T> for Result<T, daybook_persistence::Error> {
    fn or_not_found(self, sentence: &'static str) -> Result<T, ApiError> {
        self.map_err(|error| match error {
            daybook_persistence::Error::NotFound => ApiError::NotFound(sentence),
            other => ApiError::of_database(other),
        })
    }

    fn or_account_gone(self) -> Result<T, ApiError> {
        self.map_err(|error| match error {
            daybook_persistence::Error::NotFound => ApiError::BadToken("The account no longer exists"),
            other => ApiError::of_database(other),
        })
    }
}

impl From<daybook_auth::Error> for ApiError {
    fn from(error: daybook_auth::Error) -> Self {
        match error {
            daybook_auth::Error::Busy => Self::busy(error),
            other => Self::Internal(other.into()),
        }
    }
}

impl From<daybook_auth::TokenError> for ApiError {
    fn from(error: daybook_auth::TokenError) -> Self {
        use daybook_auth::TokenError;
        match error {
            TokenError::Expired => Self::BadToken("The access token expired"),
            TokenError::Invalid(reason) => {
                tracing::info!(reason, "a bad access token");
                Self::BadToken("The access token is invalid")
            }
            other => Self::Internal(other.into()),
        }
    }
}

/// When an AI provider that is too busy does not say how long to wait.
const RATE_LIMITED_FOR: Duration = Duration::from_secs(30);

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        match full {
            Full::OfUser => Self::TooManySummaries,
            Full::OfAll => Self::busy("too many summaries are being made or waited for"),
        }
    }
}

impl ApiError {
    /// What an error of the AI provider is to a client.
    pub(crate) fn of_provider(error: &daybook_ai_client::Error) -> Self {
        use daybook_ai_client::Error;
        let cause = without_words(error);
        let (status, sentence) = match error {
            Error::RateLimited { retry_after, .. } => {
                return Self::Busy(retry_after.unwrap_or(RATE_LIMITED_FOR), cause);
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
        Self::Upstream(status, sentence, cause.into())
    }
}

/// An AI provider's error for the log: without the provider's own words, which may quote the note.
fn without_words(error: &daybook_ai_client::Error) -> String {
    use daybook_ai_client::Error;
    let what = match error {
        Error::Unauthorized { status, .. } => format!("status {status}"),
        Error::RateLimited { .. } => "rate limited".to_owned(),
        Error::QuotaExceeded { .. } => "quota exceeded".to_owned(),
        Error::InvalidRequest { status, code, .. } => format!("status {status}, code {code:?}"),
        Error::Unavailable { status, .. } => format!("status {status}"),
        Error::Refused { .. } => "refused".to_owned(),
        Error::Failed { status, code, .. } => format!("{status}, code {code:?}"),
        // Why there is no way to the provider, which has said nothing then.
        Error::Connect { .. } | Error::Transport { .. } => {
            let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
            causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
        }
        other => format!("{other}"),
    };
    let request_id = error.request_id().unwrap_or("none");
    format!("{what}, request id {request_id}")
}

// Drafts are validated before they are parsed, so these two speak only if the rules and the parsers disagree.
impl From<EmailError> for ApiError {
    fn from(error: EmailError) -> Self {
        Self::Invalid(vec![Issue::of_field("body", "email", "value_error", error.to_string())])
    }
}

impl From<UsernameError> for ApiError {
    fn from(error: UsernameError) -> Self {
        Self::Invalid(vec![Issue::of_field("body", "username", "value_error", error.to_string())])
    }
}
