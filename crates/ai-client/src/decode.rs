//! Reads response objects, and rejects those that are incomplete, refused or without text.

use serde_json::Value;

use crate::head::Head;
use crate::response::parts;
use crate::retry::AttemptError;
use crate::{
    Content, Error, IncompleteReason, OutputItem, Response, Status, Usage, json, rejection, thoughts,
};

/// Reads a response object. `envelope` is the object around it, in which some servers put fields of
/// the response. `known_status` is used if the response has no final status.
///
/// # Errors
///
/// Returns an error unless the response is complete and contains no refusal.
pub(crate) fn response(
    value: &Value,
    envelope: &Value,
    known_status: Option<Status>,
    head: &Head,
) -> Result<Response, AttemptError> {
    let status = status(value).filter(|status| known_status.is_none() || status.is_final()).or(known_status);
    let Some(status) = status else {
        return Err(head.malformed_because("there is no status").into());
    };
    let usage = [value, envelope].iter().find_map(|object| Usage::read(object.get("usage")?));
    let name = |field: &str| value.get(field).and_then(json::name).unwrap_or_default();
    let mut response = Response {
        id: name("id"),
        model: name("model"),
        status,
        output: json::list(value.get("output")).iter().map(OutputItem::read).collect(),
        usage,
        // Some servers send fractions of a second, and some a date.
        created_at: value.get("created_at").and_then(Value::as_f64).map(|seconds| seconds as i64),
        request_id: head.request_id.clone(),
    };
    if response.output_text().is_empty() && !json::text_of(value, "output_text").is_empty() {
        response.replace_text(json::text_of(value, "output_text").to_owned());
    }
    let text = response.output_text();
    let answer = thoughts::strip(&text);
    if answer != text {
        response.replace_text(answer);
    }
    let error = value.get("error").filter(|error| !error.is_null());
    match (status, error) {
        (Status::Completed, None) if response.output_text().is_empty() && is_unreadable(value) => {
            Err(head.malformed_because("the output has an unknown form").into())
        }
        (Status::Completed, None) => Ok(reject_refusal(response, head)?),
        (Status::Incomplete, None) => Err(incomplete(value, response).into()),
        (status, error) => Err(rejection::failure(error.unwrap_or(&Value::Null), status, head)),
    }
}

/// Returns the status of a response, or else that of its last message.
fn status(value: &Value) -> Option<Status> {
    let of = |value: &Value| value.get("status").and_then(Value::as_str).map(Status::parse);
    let of_messages = || json::list(value.get("output")).iter().rev().find_map(of);
    of(value).or_else(of_messages)
}

/// Returns true if there is an output, or a text in it, of a type that cannot be read.
fn is_unreadable(value: &Value) -> bool {
    let is_text = |part: &Value| part.get("type").and_then(Value::as_str) == Some("output_text");
    let output = value.get("output").unwrap_or(&Value::Null);
    let mut parts = json::list(Some(output)).iter().flat_map(|item| json::list(item.get("content")));
    !matches!(output, Value::Null | Value::Array(_) | Value::Object(_))
        || parts.any(|part| is_text(part) && part.get("text").and_then(json::text).is_none())
}

fn incomplete(value: &Value, response: Response) -> Error {
    let details = value.get("incomplete_details").unwrap_or(&Value::Null);
    let reason = details.get("reason").unwrap_or(details).as_str();
    Error::Incomplete {
        reason: match reason {
            Some("max_output_tokens") => IncompleteReason::MaxOutputTokens,
            Some("content_filter") => IncompleteReason::ContentFilter,
            _ => IncompleteReason::Unknown,
        },
        text: response.output_text(),
        usage: response.usage,
        request_id: response.request_id,
    }
}

fn reject_refusal(response: Response, head: &Head) -> Result<Response, Error> {
    let refusal = parts(&response.output).find_map(|part| match part {
        Content::Refusal { refusal } => Some(head.key.sanitize(refusal)),
        _ => None,
    });
    if let Some(message) = refusal {
        return Err(Error::Refused { message, usage: response.usage, request_id: response.request_id });
    }
    Ok(response)
}

/// Rejects a response without text. `refusal` is the refusal of a stream, which its last event may
/// lack.
pub(crate) fn require_text(response: Response, refusal: Option<String>) -> Result<Response, Error> {
    if !response.output_text().trim().is_empty() {
        return Ok(response);
    }
    let Response { usage, request_id, .. } = response;
    Err(match refusal {
        Some(message) => Error::Refused { message, usage, request_id },
        None => Error::Empty { usage, request_id },
    })
}
