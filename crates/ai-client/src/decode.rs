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
    let is_known = |status: &Status| known_status.is_none() || !status.is_in_progress();
    let status = status(value).filter(is_known).or(known_status);
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
    // Some servers put the error beside the response.
    if let Some(failed) = [value, envelope].into_iter().find(|object| json::has_error(object)) {
        return Err(rejection::failure(failed, status, head));
    }
    match status {
        Status::Incomplete => Err(incomplete(value, response).into()),
        Status::Completed if is_cut_off(value) => Err(incomplete(value, response).into()),
        Status::Completed if is_unreadable(value) => {
            Err(head.malformed_because("the output has an unknown form").into())
        }
        Status::Completed => Ok(reject_refusal(response, head)?),
        status => Err(rejection::failure(&Value::Null, status, head)),
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

/// Returns true if a completed response is cut off nevertheless.
fn is_cut_off(value: &Value) -> bool {
    let is_incomplete = |item: &Value| item.get("status").and_then(Value::as_str) == Some("incomplete");
    reason(value) != IncompleteReason::Unknown || json::list(value.get("output")).iter().any(is_incomplete)
}

fn reason(value: &Value) -> IncompleteReason {
    let details = value.get("incomplete_details").unwrap_or(&Value::Null);
    match details.get("reason").unwrap_or(details).as_str() {
        Some("max_output_tokens" | "max_tokens" | "length") => IncompleteReason::MaxOutputTokens,
        Some("content_filter") => IncompleteReason::ContentFilter,
        _ => IncompleteReason::Unknown,
    }
}

fn incomplete(value: &Value, response: Response) -> Error {
    Error::Incomplete {
        reason: reason(value),
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

/// Rejects a response without text.
pub(crate) fn require_text(response: Response) -> Result<Response, Error> {
    if response.output_text().trim().is_empty() {
        return Err(Error::Empty { usage: response.usage, request_id: response.request_id });
    }
    Ok(response)
}
