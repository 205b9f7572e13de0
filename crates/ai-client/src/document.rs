//! Decodes a whole body: a response object, an error object or events.

use serde_json::Value;

use crate::head::Head;
use crate::retry::AttemptError;
use crate::sse::Decoder;
use crate::transcript::Transcript;
use crate::{Error, Event, Response, decode, rejection};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Decodes the body of a 2xx response. A body of stream events is accepted too, since some servers
/// always stream.
///
/// # Errors
///
/// Returns an error unless the response is complete, has text and contains no refusal.
pub(crate) fn response(body: &[u8], head: &Head) -> Result<Response, AttemptError> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    if is_events(body) {
        return Ok(events(body, head)?);
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| head.malformed(&error))?;
    if let Some(rejection) = rejection::in_body(&value, head) {
        return Err(rejection);
    }
    Ok(decode::require_text(decode::response(&value, &value, None, head)?)?)
}

/// Returns true if a body begins like a stream of events and not like JSON.
pub(crate) fn is_events(body: &[u8]) -> bool {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body).trim_ascii_start();
    [&b"data:"[..], b"event:", b"id:", b"retry:", b":"].iter().any(|field| body.starts_with(field))
}

fn events(body: &[u8], head: &Head) -> Result<Response, Error> {
    let mut transcript = Transcript::new(head.clone());
    let mut events = Vec::new();
    Decoder::new(body.len()).decode(body, |event| {
        if !matches!(events.last(), Some(Event::Completed(_))) {
            transcript.read(&event, &mut events)?;
        }
        Ok(())
    })?;
    match events.pop() {
        Some(Event::Completed(response)) => Ok(response),
        _ => Err(Error::Transport { source: "the stream ended without a terminal event".into() }),
    }
}
