//! Turns a rejection into an error: a response with a status other than 2xx, or an error object in
//! a response with status 200.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::head::Head;
use crate::retry::AttemptError;
use crate::{ApiKey, Error, Status, json};

/// The meaning of a provider's code, independent of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    RateLimit,
    Quota,
    Key,
    Request,
    Unavailable,
}

/// The codes and types of OpenAI, Azure, Anthropic, OpenRouter, DeepSeek, vLLM and LiteLLM.
const MEANINGS: [(Meaning, &[&str]); 5] = [
    (
        Meaning::Quota,
        &[
            "insufficient_quota",
            "quota_exceeded",
            "exceeded_current_quota_error",
            "insufficient_balance",
            "insufficient_credits",
            "billing_error",
            "billing_hard_limit_reached",
            "billing_not_active",
            "payment_required",
            "402",
        ],
    ),
    (
        Meaning::RateLimit,
        &[
            "rate_limit_exceeded",
            "rate_limit_error",
            "rate_limit_reached",
            "rate_limited",
            "ratelimitreached",
            "ratelimiterror",
            "rate_limit",
            "too_many_requests",
            "toomanyrequests",
            "tokens_limit_reached",
            "throttling",
            "throttled",
            "throttlingexception",
            "slow_down",
            "resource_exhausted",
            "429",
        ],
    ),
    (
        Meaning::Key,
        &[
            "invalid_api_key",
            "incorrect_api_key",
            "authentication_error",
            "permission_error",
            "permission_denied",
            "unauthorized",
            "forbidden",
            "401",
            "403",
        ],
    ),
    (
        Meaning::Request,
        &[
            "invalid_request_error",
            "invalid_request",
            "invalid_prompt",
            "bad_request",
            "model_not_found",
            "not_found_error",
            "context_length_exceeded",
            "400",
            "404",
            "413",
            "422",
        ],
    ),
    (
        Meaning::Unavailable,
        &[
            "server_error",
            "internal_error",
            "internal_server_error",
            "api_error",
            "overloaded_error",
            "engine_overloaded",
            "server_overloaded",
            "service_unavailable",
            "bad_gateway",
            "timeout",
            "500",
            "502",
            "503",
            "504",
            "520",
            "522",
            "524",
            "529",
        ],
    ),
];

/// Maps the status, the headers and the error body to an error.
pub(crate) fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8], head: &Head) -> AttemptError {
    // The body of a proxy may be HTML, which is ignored.
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let (code, message) = code_and_message(&body, &head.key);
    let Head { request_id, retry_after, .. } = head.clone();
    let status = status.as_u16();
    let error = match (status, meaning(&body)) {
        (300..=399, _) => Error::Redirected { status, request_id },
        (402 | 403 | 429, Some(Meaning::Quota)) | (402, None) => Error::QuotaExceeded { message, request_id },
        (401 | 403, _) => Error::Unauthorized { status, code, message, request_id },
        (429, _) | (400 | 408 | 409 | 500.., Some(Meaning::RateLimit)) => {
            Error::RateLimited { retry_after, code, message, request_id }
        }
        (408 | 500.., _) => Error::Unavailable { status, retry_after, code, message, request_id },
        (400..=499, _) => Error::InvalidRequest { status, code, message, request_id },
        _ => Error::Malformed { reason: format!("status {status} is not final"), request_id },
    };
    let no_retry = headers.get("x-should-retry").is_some_and(|value| value == "false");
    AttemptError { is_retryable: error.is_retryable() && !no_retry, error }
}

/// Returns the error if the body of a response with status 200 is that of a rejection.
///
/// It is retried like a rejection with another status.
pub(crate) fn in_body(body: &Value, head: &Head) -> Option<AttemptError> {
    // Gemini sends the error in a list.
    let body = body.get(0).unwrap_or(body);
    let is_error = |field: &str| body.get(field).and_then(Value::as_str) == Some("error");
    let has_status_code = body.get("code").and_then(json::count).is_some_and(|code| code >= 400);
    let has_output = body.get("output").is_some_and(|output| !output.is_null());
    let is_response = body.get("status").is_some_and(Value::is_string) || has_output;
    let is_rejection =
        !is_response && (json::has_error(body) || is_error("object") || is_error("type") || has_status_code);
    is_rejection.then(|| of_body(body, head).unwrap_or_else(|| failed(body, Status::Failed, head)).into())
}

/// Returns the error of a response that the provider accepted and then failed.
///
/// A rate limit, a used up quota and a wrong key are the same errors as in a rejection. The call is
/// not retried, since the model may have done work.
pub(crate) fn failure(error: &Value, status: Status, head: &Head) -> AttemptError {
    let error = limit_of(error, head).unwrap_or_else(|| failed(error, status, head));
    AttemptError { error, is_retryable: false }
}

fn failed(body: &Value, status: Status, head: &Head) -> Error {
    let (code, message) = code_and_message(body, &head.key);
    Error::Failed { status, code, message, request_id: head.request_id.clone() }
}

/// Maps an error body with the status 200 to the error of the status that it should have. Returns
/// `None` if its code is not known.
fn of_body(body: &Value, head: &Head) -> Option<Error> {
    let (code, message) = code_and_message(body, &head.key);
    let Head { request_id, retry_after, .. } = head.clone();
    // Most servers use a status as the code, or one of the words of these statuses.
    let status = |default| code.as_deref().and_then(|code| code.parse().ok()).unwrap_or(default);
    Some(match meaning(body)? {
        Meaning::RateLimit => Error::RateLimited { retry_after, code, message, request_id },
        Meaning::Quota => Error::QuotaExceeded { message, request_id },
        Meaning::Key => Error::Unauthorized { status: status(401), code, message, request_id },
        Meaning::Request => Error::InvalidRequest { status: status(400), code, message, request_id },
        Meaning::Unavailable => {
            Error::Unavailable { status: status(500), retry_after, code, message, request_id }
        }
    })
}

/// Returns the error of a rate limit, a quota or a key, or `None` if the code means something else.
fn limit_of(body: &Value, head: &Head) -> Option<Error> {
    let is_limit = matches!(meaning(body), Some(Meaning::RateLimit | Meaning::Quota | Meaning::Key));
    if is_limit { of_body(body, head) } else { None }
}

/// Returns the meaning of the code, the type or the status of an error body.
fn meaning(body: &Value) -> Option<Meaning> {
    let error = body.get("error").unwrap_or(&Value::Null);
    let fields = ["code", "type", "status", "status_code"];
    // The error may also be its code alone, beside a status.
    let inner = fields.iter().filter_map(|field| error.get(*field)).chain([error]);
    let outer = fields.iter().filter_map(|field| body.get(*field));
    let names: Vec<String> = inner
        .chain(outer)
        .filter_map(json::name)
        .map(|name| name.trim().to_ascii_lowercase().replace(['-', ' '], "_"))
        .collect();
    let has = |known: &[&str]| names.iter().any(|name| known.contains(&name.as_str()));
    MEANINGS.iter().find(|(_, known)| has(known)).map(|(meaning, _)| *meaning)
}

/// Reads the code and the message of an error body.
///
/// OpenAI sends `{"error": {"code", "type", "message"}}`. Other servers leave out fields or the
/// outer object, or send a number as the code. The type is used if there is no code.
fn code_and_message(body: &Value, key: &ApiKey) -> (Option<String>, String) {
    let error = body.get("error").filter(|error| error.is_object() || error.is_string()).unwrap_or(body);
    let code = ["code", "type", "status_code"].iter().find_map(|field| json::name(error.get(*field)?));
    // The type of an event is not that of its error.
    let code = code.filter(|code| code != "error" && !code.starts_with("response."));
    let message = error.as_str().or_else(|| error.get("message")?.as_str()).unwrap_or_default();
    (code.map(|code| key.sanitize(&code)), key.sanitize(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_message_reads_the_bodies_of_known_servers() {
        let key = ApiKey::new("sk-1").unwrap();
        let some = |code: &str, message: &str| (Some(code.to_owned()), message.to_owned());
        let openai = br#"{"error":{"message":"No such model","type":"invalid_request_error",
            "code":"model_not_found"}}"#;
        let ollama =
            br#"{"error":{"message":"No such model","type":"not_found_error","param":null,"code":null}}"#;
        let vllm = br#"{"object":"error","message":"No such model","code":404}"#;
        let code_and_message = |body: &[u8], key: &ApiKey| {
            super::code_and_message(&serde_json::from_slice(body).unwrap_or_default(), key)
        };
        assert_eq!(code_and_message(openai, &key), some("model_not_found", "No such model"));
        assert_eq!(code_and_message(ollama, &key), some("not_found_error", "No such model"));
        assert_eq!(code_and_message(vllm, &key), some("404", "No such model"));
        assert_eq!(
            code_and_message(br#"{"error":"No such model"}"#, &key),
            (None, "No such model".to_owned())
        );
        let type_only = br#"{"type":"error","error":{"code":null,"type":"server_error"}}"#;
        assert_eq!(code_and_message(type_only, &key), (Some("server_error".to_owned()), String::new()));
        for nothing in ["", "<h1>Bad Gateway</h1>", "[]", "{}", "null", r#"{"error":null}"#] {
            assert_eq!(code_and_message(nothing.as_bytes(), &key), (None, String::new()), "{nothing}");
        }
    }
}
