//! Turns a response with a status other than 2xx into an error.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::retry::AttemptError;
use crate::{ApiKey, Error};

/// The maximum of [`Error::retry_after`], so that sums with it cannot overflow. No caller waits
/// longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Maps the status, the headers and the error body to an error.
pub(crate) fn classify(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    key: &ApiKey,
    now: SystemTime,
) -> AttemptError {
    let (code, message) = code_and_message(body, key);
    let request_id = request_id(headers, key);
    let retry_after = retry_after(headers, now);
    let status = status.as_u16();
    let error = match status {
        300..=399 => Error::Redirected { status, request_id },
        401 | 403 => Error::Unauthorized { status, code, message, request_id },
        429 if code.as_deref() == Some("insufficient_quota") => Error::QuotaExceeded { message, request_id },
        429 => Error::RateLimited { retry_after, code, message, request_id },
        408 | 500.. => Error::Unavailable { status, retry_after, code, message, request_id },
        400..=499 => Error::InvalidRequest { status, code, message, request_id },
        _ => Error::Malformed { reason: format!("status {status} is not final"), request_id },
    };
    let no_retry = headers.get("x-should-retry").is_some_and(|value| value == "false");
    AttemptError { is_retryable: error.is_retryable() && !no_retry, error }
}

/// Reads `x-request-id`, the provider's id of the request.
pub(crate) fn request_id(headers: &HeaderMap, key: &ApiKey) -> Option<String> {
    headers.get("x-request-id")?.to_str().ok().map(|id| key.sanitize(id))
}

/// Reads `Retry-After` (RFC 9110 section 10.2.3), at most [`RETRY_AFTER_MAX`].
///
/// The value is a number of seconds or a date in one of the three forms of section 5.6.7. A date in
/// the past gives zero. An invalid value is ignored.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let delay = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // All characters are digits, so parsing fails only if the number is too large.
        value.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs)
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(delay.min(RETRY_AFTER_MAX))
}

/// Reads the code and the message of an error body.
///
/// OpenAI sends `{"error": {"code", "type", "message"}}`. Other servers leave out fields or the
/// outer object, or send a number as the code. A proxy may send HTML, which is ignored.
fn code_and_message(body: &[u8], key: &ApiKey) -> (Option<String>, String) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = body.get("error").unwrap_or(&body);
    let code = ["code", "type"].iter().find_map(|field| match error.get(field)? {
        Value::String(code) => Some(key.sanitize(code)),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    });
    let message = error.as_str().or_else(|| error.get("message")?.as_str()).unwrap_or_default();
    (code, key.sanitize(message))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn retry_after_of(value: &'static str) -> Option<Duration> {
        // Sun, 06 Nov 1994 08:49:37 GMT, the date in the examples of RFC 9110.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]), now)
    }

    #[test]
    fn retry_after_reads_seconds_and_the_three_forms_of_a_date() {
        assert_eq!(retry_after_of("0"), Some(Duration::ZERO));
        assert_eq!(retry_after_of("120"), Some(Duration::from_secs(120)));
        assert_eq!(retry_after_of("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(retry_after_of("Sunday, 06-Nov-94 08:50:37 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(retry_after_of("Sun Nov  6 08:50:37 1994"), Some(Duration::from_secs(60)));
    }

    #[test]
    fn retry_after_in_the_past_is_zero_and_a_long_one_is_limited() {
        assert_eq!(retry_after_of("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after_of("99999999999999999999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(retry_after_of("Sat, 06 Nov 2094 08:49:37 GMT"), Some(RETRY_AFTER_MAX));
    }

    #[test]
    fn retry_after_ignores_an_invalid_value() {
        for garbage in ["", "-1", "1.5", "soon", "1994-11-06T08:50:37Z"] {
            assert_eq!(retry_after_of(garbage), None, "{garbage:?}");
        }
    }

    #[test]
    fn code_and_message_reads_the_bodies_of_known_servers() {
        let key = ApiKey::new("sk-1").unwrap();
        let some = |code: &str, message: &str| (Some(code.to_owned()), message.to_owned());
        let openai = br#"{"error":{"message":"No such model","type":"invalid_request_error",
            "code":"model_not_found"}}"#;
        let ollama =
            br#"{"error":{"message":"No such model","type":"not_found_error","param":null,"code":null}}"#;
        let vllm = br#"{"object":"error","message":"No such model","code":404}"#;
        assert_eq!(code_and_message(openai, &key), some("model_not_found", "No such model"));
        assert_eq!(code_and_message(ollama, &key), some("not_found_error", "No such model"));
        assert_eq!(code_and_message(vllm, &key), some("404", "No such model"));
        assert_eq!(
            code_and_message(br#"{"error":"No such model"}"#, &key),
            (None, "No such model".to_owned())
        );
        for nothing in ["", "<h1>Bad Gateway</h1>", "[]", "{}", "null", r#"{"error":null}"#] {
            assert_eq!(code_and_message(nothing.as_bytes(), &key), (None, String::new()), "{nothing}");
        }
    }
}
