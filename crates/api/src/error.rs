//! The only table of status codes: what can go wrong with a request, and the response to it.

mod provider;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use daybook_domain::Timestamp;
use daybook_throttle::Refusal;
use daybook_validation::Issue;
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::with_causes;

/// The sentence of 404 for a note.
pub(crate) const NOTE_NOT_FOUND: &str = "Note not found";

/// The sentence of 404 for a task.
pub(crate) const TASK_NOT_FOUND: &str = "Task not found";

/// 401 for a token that was not issued by this service, or was changed.
pub(crate) const INVALID_TOKEN: ApiError = ApiError::BadToken("The access token is invalid");

/// The body of every error except a failed validation.
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
    /// Every problem of the request.
    pub detail: Vec<Issue>,
}

/// The cause of an error, for the log. Several requests may share it.
pub(crate) type Cause = Arc<dyn Error + Send + Sync>;

/// Why a request failed.
#[derive(Debug, Clone)]
pub(crate) enum ApiError {
    /// 422: the problems of the request.
    Invalid(Vec<Issue>),
    /// 401 without a token.
    NotAuthenticated,
    /// 401 with an invalid token. The reason is in the challenge (RFC 6750, section 3).
    BadToken(&'static str),
    /// 401 of the login form.
    BadLogin,
    /// 403 with a sentence.
    Forbidden(&'static str),
    /// 403: the write would exceed the quota of the account, which is this number of these.
    AccountFull(u64, &'static str),
    /// 404 with a sentence.
    NotFound(&'static str),
    /// 405 with the allowed methods.
    MethodNotAllowed(String),
    /// 408: the body did not arrive in time.
    BodyTimeout,
    /// 409 with a sentence.
    Conflict(&'static str),
    /// 413: the body has more bytes than this.
    TooLarge(usize),
    /// 415: the media type that the endpoint takes.
    UnsupportedMediaType(&'static str),
    /// 415: the body has a content coding, such as gzip (RFC 9110, section 15.5.16).
    Compressed,
    /// 429 with a sentence: the rate limit that is used up, and for how long. `None` in the
    /// document.
    RateLimited(&'static str, Option<Refusal>),
    /// 429: the user has reached this concurrency limit, which is this number.
    TooManyAtOnce(ConcurrencyLimit, usize),
    /// 429: summaries in progress have reserved the rest of this budget of tokens.
    BudgetReserved { quota: i64 },
    /// 429: this budget of tokens is used up until this time, and for this long.
    BudgetSpent { resets_at: Timestamp, wait: Duration, quota: i64 },
    /// 503: retry after this time. The text is for the log.
    Busy(Duration, String),
    /// 503: the request was carried out, but its network has not read too many large responses.
    ResultNotSent,
    /// 503: a feature that is switched off.
    Disabled(&'static str),
    /// 502 or 504: another server failed. The sentence is for the client, the cause for the log.
    Upstream(StatusCode, &'static str, Cause),
    /// 500: a fault of the service. The cause is for the log.
    Internal(Cause),
}

/// A concurrency limit of one user.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ConcurrencyLimit {
    /// Requests in flight.
    Requests,
    /// Summaries in progress.
    Summaries,
    /// Requests that wait for a summary.
    SummaryWaiters,
}

/// Long enough for the load to change, and short enough for a person to wait.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The window of a budget of tokens.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl ApiError {
    /// The service is overloaded. The cause is for the log.
    pub(crate) fn busy(cause: impl fmt::Display) -> Self {
        Self::Busy(BUSY_RETRY_AFTER, cause.to_string())
    }

    /// A fault of the service.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into().into())
    }

    /// A rate limit of passwords or registrations is used up.
    pub(crate) fn too_many_attempts(refusal: impl Into<Option<Refusal>>) -> Self {
        Self::RateLimited("Too many attempts, try again later", refusal.into())
    }

    /// A rate limit of the user's requests is used up.
    pub(crate) fn too_many_requests(refusal: impl Into<Option<Refusal>>) -> Self {
        Self::RateLimited("Too many requests, try again later", refusal.into())
    }

    /// An error of the database. [`OrMissing`] gives a missing row its meaning. Here it is a fault
    /// of the service.
    pub(crate) fn of_database(error: daybook_persistence::Error) -> Self {
        use daybook_persistence::{Error, Field};
        match error {
            Error::Conflict(Field::Email) => Self::Conflict("Email already registered"),
            Error::Conflict(Field::Username) => Self::Conflict("Username already taken"),
            Error::Unavailable(_) => Self::busy(error),
            other => Self::internal(other),
        }
    }

    /// The sentence for the client.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Invalid(_) => "The request is not valid".to_owned(),
            Self::NotAuthenticated => "Not authenticated".to_owned(),
            Self::BadToken(_) => "Could not validate credentials".to_owned(),
            Self::BadLogin => "Incorrect username or password".to_owned(),
            Self::Forbidden(sentence)
            | Self::NotFound(sentence)
            | Self::Conflict(sentence)
            | Self::RateLimited(sentence, _) => (*sentence).to_owned(),
            Self::AccountFull(quota, unit) => format!("Your account may store at most {quota} {unit}"),
            Self::MethodNotAllowed(_) => "Method Not Allowed".to_owned(),
            Self::BodyTimeout => "The request body did not arrive in time".to_owned(),
            Self::TooLarge(limit) => format!("The request body is larger than {limit} bytes"),
            Self::UnsupportedMediaType(wanted) => format!("The request body must be {wanted}"),
            Self::Compressed => "The request body must not be compressed".to_owned(),
            Self::TooManyAtOnce(ConcurrencyLimit::Requests, _) => {
                "Too many of your requests are being served at once".to_owned()
            }
            Self::TooManyAtOnce(ConcurrencyLimit::Summaries, _) => {
                "Too many of your summaries are being made at once".to_owned()
            }
            Self::TooManyAtOnce(ConcurrencyLimit::SummaryWaiters, _) => {
                "Too many of your requests are waiting for summaries".to_owned()
            }
            Self::BudgetReserved { .. } => {
                "Summaries in progress have reserved the rest of the budget, try again shortly".to_owned()
            }
            Self::BudgetSpent { resets_at, .. } => {
                format!("The budget for summaries is used up; there is a new one at {resets_at}")
            }
            Self::Busy(..) => "The service is busy, try again shortly".to_owned(),
            Self::ResultNotSent => {
                "The request was carried out, but its result is not sent: too many responses wait to be read"
                    .to_owned()
            }
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
            Self::RateLimited(_, Some(refusal)) => write!(f, ": {}", refusal.bucket),
            Self::Busy(_, cause) => write!(f, ": {cause}"),
            Self::Upstream(_, _, cause) | Self::Internal(cause) => {
                write!(f, ": {}", with_causes(&**cause))
            }
            _ => Ok(()),
        }
    }
}

impl Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotAuthenticated | Self::BadToken(_) | Self::BadLogin => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::AccountFull(..) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) | Self::Compressed => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited(..)
            | Self::TooManyAtOnce(..)
            | Self::BudgetReserved { .. }
            | Self::BudgetSpent { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(..) | Self::ResultNotSent | Self::Disabled(_) => StatusCode::SERVICE_UNAVAILABLE,
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
            // RFC 9110, section 12.5.3.
            Self::Compressed => {
                response.force_close();
                response.insert_header((header::ACCEPT_ENCODING, "identity"));
            }
            // The rest of the body is not read, so the connection cannot be used again.
            Self::BodyTimeout | Self::TooLarge(_) => {
                response.force_close();
            }
            Self::RateLimited(_, Some(refusal)) => {
                let Refusal { bucket, quota, retry_after, .. } = refusal;
                for field in limit_fields(bucket, quota.limit().into(), quota.period(), *retry_after) {
                    response.insert_header(field);
                }
            }
            Self::TooManyAtOnce(what, limit) => {
                for field in concurrency_fields(*what, *limit) {
                    response.insert_header(field);
                }
            }
            Self::BudgetReserved { quota } => {
                for field in limit_fields("tokens", *quota, DAY, BUSY_RETRY_AFTER) {
                    response.insert_header(field);
                }
            }
            Self::BudgetSpent { wait, quota, .. } => {
                for field in limit_fields("tokens", *quota, DAY, *wait) {
                    response.insert_header(field);
                }
            }
            Self::Busy(after, _) => {
                response.insert_header((header::RETRY_AFTER, after.as_secs().max(1)));
            }
            _ => {}
        }
        response.json(Detail { detail: self.sentence() })
    }
}

/// Rounds up, since a client that returns a moment too early is rejected again.
fn whole_seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

/// The limit that is used up, for clients (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and
/// 4), and the time to wait.
fn limit_fields(name: &str, limit: i64, window: Duration, wait: Duration) -> [(&'static str, String); 3] {
    let wait = whole_seconds(wait);
    [
        ("Retry-After", wait.to_string()),
        ("RateLimit-Policy", format!(r#""{name}";q={limit};w={}"#, window.as_secs())),
        ("RateLimit", format!(r#""{name}";r=0;t={wait}"#)),
    ]
}

/// Like [`limit_fields`], for a concurrency limit, which has no window. Its unit is that of section
/// 3.1.2.
fn concurrency_fields(what: ConcurrencyLimit, limit: usize) -> [(&'static str, String); 3] {
    let name = match what {
        ConcurrencyLimit::Requests => "requests",
        ConcurrencyLimit::Summaries => "summaries",
        ConcurrencyLimit::SummaryWaiters => "summary-waiters",
    };
    let wait = BUSY_RETRY_AFTER.as_secs();
    [
        ("Retry-After", wait.to_string()),
        ("RateLimit-Policy", format!(r#""{name}";q={limit};qu="concurrent-requests""#)),
        ("RateLimit", format!(r#""{name}";r=0;t={wait}"#)),
    ]
}

/// Turns the result of a query into that of a handler. There is no `From`, so each handler says
/// what a missing row means.
pub(crate) trait OrMissing<T>: Sized {
    /// A missing row is this error.
    fn or_missing(self, missing: ApiError) -> Result<T, ApiError>;

    /// The query looked for one row by its id: a missing row is a 404 with this sentence.
    fn or_not_found(self, sentence: &'static str) -> Result<T, ApiError> {
        self.or_missing(ApiError::NotFound(sentence))
    }

    /// Only the account of the caller can be missing, which is a 401.
    fn or_account_gone(self) -> Result<T, ApiError> {
        self.or_missing(ApiError::BadToken("The account no longer exists"))
    }
}

impl<T> OrMissing<T> for Result<T, daybook_persistence::Error> {
    fn or_missing(self, missing: ApiError) -> Result<T, ApiError> {
        self.map_err(|error| match error {
            daybook_persistence::Error::NotFound => missing,
            other => ApiError::of_database(other),
        })
    }
}

impl From<daybook_auth::Error> for ApiError {
    fn from(error: daybook_auth::Error) -> Self {
        match error {
            daybook_auth::Error::Busy => Self::busy(error),
            other => Self::internal(other),
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
                INVALID_TOKEN
            }
            other => Self::internal(other),
        }
    }
}
