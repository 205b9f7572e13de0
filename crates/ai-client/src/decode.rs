//! Decodes responses and stream events, and rejects responses that are incomplete, refused or
//! without text.

use serde::Deserialize;

use crate::response::{null_as_default, parts};
use crate::sse::SseEvent;
use crate::{ApiKey, Content, Error, Event, IncompleteReason, OutputItem, Response, Status, Usage};

/// A response as JSON. Only `status` is required: without it, the response may be incomplete.
#[derive(Deserialize)]
struct WireResponse {
    status: Status,
    #[serde(default, deserialize_with = "null_as_default")]
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    model: String,
    #[serde(default, deserialize_with = "null_as_default")]
    output: Vec<OutputItem>,
    usage: Option<Usage>,
    // Some servers send fractions of a second.
    created_at: Option<f64>,
    error: Option<WireError>,
    incomplete_details: Option<IncompleteDetails>,
}

#[derive(Deserialize)]
struct WireError {
    code: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    message: String,
}

#[derive(Deserialize)]
struct IncompleteDetails {
    #[serde(default, deserialize_with = "null_as_default")]
    reason: String,
}

/// The type of a stream event, which determines its other fields.
#[derive(Deserialize)]
struct EventType {
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct DeltaEvent {
    delta: String,
}

#[derive(Deserialize)]
struct TerminalEvent {
    response: WireResponse,
}

/// An `error` event. Some servers put `code` and `message` into an `error` object, as in the body
/// of a rejection.
#[derive(Deserialize)]
struct ErrorEvent {
    error: Option<WireError>,
    code: Option<String>,
    message: Option<String>,
}

/// Decodes the body of a 2xx response.
///
/// # Errors
///
/// Returns an error unless the response is complete, has text and contains no refusal.
pub(crate) fn response(body: &[u8], request_id: Option<String>, key: &ApiKey) -> Result<Response, Error> {
    let wire = parse(body, request_id.as_deref())?;
    require_text(require_completed(wire, request_id, key)?)
}

/// Decodes an event of a stream. Returns `None` for an event that the caller does not need.
///
/// `text` is the text of the earlier events. It is used if the terminal event has no text, as with
/// some servers.
///
/// # Errors
///
/// Returns an error for an error event, and for a terminal event with an incomplete response.
pub(crate) fn event(
    event: &SseEvent,
    text: &str,
    request_id: Option<&str>,
    key: &ApiKey,
) -> Result<Option<Event>, Error> {
    let data = event.data.as_bytes();
    // Servers that also implement Chat Completions end each stream with this event.
    if event.data == "[DONE]" {
        return Ok(None);
    }
    // The data contains the type. Most servers repeat it in the SSE field `event`.
    let event_type = parse::<EventType>(data, request_id)?.r#type;
    match event_type.as_deref().unwrap_or(&event.name) {
        "response.output_text.delta" => {
            Ok(Some(Event::TextDelta(parse::<DeltaEvent>(data, request_id)?.delta)))
        }
        "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
            let wire = parse::<TerminalEvent>(data, request_id)?.response;
            let mut response = require_completed(wire, request_id.map(str::to_owned), key)?;
            if response.output_text().is_empty() && !text.is_empty() {
                let content = vec![Content::OutputText { text: text.to_owned() }];
                response.output.push(OutputItem::Message { content });
            }
            Ok(Some(Event::Completed(require_text(response)?)))
        }
        "error" => {
            let event = parse::<ErrorEvent>(data, request_id)?;
            let (code, message) = match event.error {
                Some(error) => (error.code, Some(error.message)),
                None => (event.code, event.message),
            };
            Err(Error::Failed {
                status: Status::Failed,
                code: code.map(|code| key.sanitize(&code)),
                message: message.map(|message| key.sanitize(&message)).unwrap_or_default(),
                request_id: request_id.map(str::to_owned),
            })
        }
        _ => Ok(None),
    }
}

fn parse<'de, T: Deserialize<'de>>(json: &'de [u8], request_id: Option<&str>) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(|error| {
        // The parser's message may quote the response, so only the position is reported.
        let (kind, line, column) = (error.classify(), error.line(), error.column());
        let reason = format!("{kind:?} error at line {line}, column {column}");
        Error::Malformed { reason, request_id: request_id.map(str::to_owned) }
    })
}

fn require_completed(
    wire: WireResponse,
    request_id: Option<String>,
    key: &ApiKey,
) -> Result<Response, Error> {
    let response = Response {
        id: wire.id,
        model: wire.model,
        status: wire.status,
        output: wire.output,
        usage: wire.usage,
        created_at: wire.created_at.map(|seconds| seconds as i64),
        request_id,
    };
    match (response.status, wire.error) {
        (Status::Completed, None) => reject_refusal(response, key),
        (Status::Incomplete, None) => Err(Error::Incomplete {
            reason: match wire.incomplete_details.as_ref().map(|details| details.reason.as_str()) {
                Some("max_output_tokens") => IncompleteReason::MaxOutputTokens,
                Some("content_filter") => IncompleteReason::ContentFilter,
                _ => IncompleteReason::Unknown,
            },
            text: response.output_text(),
            usage: response.usage,
            request_id: response.request_id,
        }),
        (status, error) => Err(Error::Failed {
            status,
            code: error.as_ref().and_then(|error| error.code.as_deref()).map(|code| key.sanitize(code)),
            message: error.map(|error| key.sanitize(&error.message)).unwrap_or_default(),
            request_id: response.request_id,
        }),
    }
}

fn reject_refusal(response: Response, key: &ApiKey) -> Result<Response, Error> {
    let refusal = parts(&response.output).find_map(|part| match part {
        Content::Refusal { refusal } => Some(key.sanitize(refusal)),
        _ => None,
    });
    if let Some(message) = refusal {
        return Err(Error::Refused { message, usage: response.usage, request_id: response.request_id });
    }
    Ok(response)
}

fn require_text(response: Response) -> Result<Response, Error> {
    if response.output_text().trim().is_empty() {
        return Err(Error::Empty { usage: response.usage, request_id: response.request_id });
    }
    Ok(response)
}
