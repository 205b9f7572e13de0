//! What a provider says instead of an answer: statuses, headers and error bodies.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::retry::Failure;
use crate::{ApiKey, Error};

/// Longest wait that is passed on. Nobody holds a request for longer, and arithmetic with it cannot overflow.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Turns an answer whose status is not 2xx into an error.
pub(crate) fn classify(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    key: &ApiKey,
    now: SystemTime,
) -> Failure {
    let (code, message) = words(body, key);
    let request_id = request_id(headers, key);
    let retry_after = retry_after(headers, now);
    let number = status.as_u16();
    let error = match number {
        300..=399 => Error::Redirected { status: number, request_id },
        401 | 403 => Error::Unauthorized { status: number, code, message, request_id },
        429 if code.as_deref() == Some("insufficient_quota") => Error::QuotaExceeded { message, request_id },
        429 => Error::RateLimited { retry_after, code, message, request_id },
        408 | 500.. => Error::Unavailable { status: number, retry_after, code, message, request_id },
        400..=499 => Error::InvalidRequest { status: number, code, message, request_id },
        _ => Error::Malformed { reason: format!("status {number} is no answer"), request_id },
    };
    let forbidden = headers.get("x-should-retry").is_some_and(|value| value == "false");
    Failure { again: error.is_retryable() && !forbidden, error }
}

/// The provider's name for the request.
pub(crate) fn request_id(headers: &HeaderMap, key: &ApiKey) -> Option<String> {
    headers.get("x-request-id")?.to_str().ok().map(|id| key.quote(id))
}

/// `Retry-After` as RFC 9110 §10.2.3 has it: seconds, or a date in any of the three forms of §5.6.7. A date gone by means now;
/// anything else is as good as no header.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only a number too large to hold fails here, and that is a long wait, not a missing one.
        value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs)
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Code and message of an error body. OpenAI sends `{"error": {"code", "type", "message"}}`; servers that imitate it leave fields out,
/// send numbers as codes, or leave the wrapper away, and a proxy in between sends HTML, of which nothing is kept.
fn words(body: &[u8], key: &ApiKey) -> (Option<String>, String) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = body.get("error").unwrap_or(&body);
    let code = ["code", "type"].iter().find_map(|field| match error.get(field)? {
        Value::String(code) => Some(key.quote(code)),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    });
    let message = error.as_str().or_else(|| error.get("message")?.as_str()).unwrap_or_default();
    (code, key.quote(message))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn wait_of(value: &'static str) -> Option<Duration> {
        // Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's own examples.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]), now)
    }

    #[test]
    fn retry_after_reads_seconds_and_all_three_forms_of_a_date() {
        assert_eq!(wait_of("0"), Some(Duration::ZERO));
        assert_eq!(wait_of("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait_of("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(wait_of("Sunday, 06-Nov-94 08:50:37 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(wait_of("Sun Nov  6 08:50:37 1994"), Some(Duration::from_secs(60)));
    }

    #[test]
    fn retry_after_in_the_past_is_now_and_a_long_one_is_cut() {
        assert_eq!(wait_of("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait_of("99999999999999999999999"), Some(MAX_RETRY_AFTER));
        assert_eq!(wait_of("Sat, 06 Nov 2094 08:49:37 GMT"), Some(MAX_RETRY_AFTER));
    }

    #[test]
    fn retry_after_that_is_neither_counts_for_nothing() {
        for garbage in ["", "-1", "1.5", "soon", "1994-11-06T08:50:37Z"] {
            assert_eq!(wait_of(garbage), None, "{garbage:?}");
        }
    }

    #[test]
    fn words_understands_every_dialect() {
        let key = ApiKey::new("sk-1").unwrap();
        let some = |code: &str, message: &str| (Some(code.to_owned()), message.to_owned());
        let openai = br#"{"error":{"message":"No such model","type":"invalid_request_error","code":"model_not_found"}}"#;
        let ollama =
            br#"{"error":{"message":"No such model","type":"not_found_error","param":null,"code":null}}"#;
        let vllm = br#"{"object":"error","message":"No such model","code":404}"#;
        assert_eq!(words(openai, &key), some("model_not_found", "No such model"));
        assert_eq!(words(ollama, &key), some("not_found_error", "No such model"));
        assert_eq!(words(vllm, &key), some("404", "No such model"));
        assert_eq!(words(br#"{"error":"No such model"}"#, &key), (None, "No such model".to_owned()));
        for nothing in ["", "<h1>Bad Gateway</h1>", "[]", "{}", "null", r#"{"error":null}"#] {
            assert_eq!(words(nothing.as_bytes(), &key), (None, String::new()), "{nothing}");
        }
    }
}
