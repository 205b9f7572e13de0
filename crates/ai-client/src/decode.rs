use serde::Deserialize;

use crate::response::{null_as_default, parts};
use crate::{ApiKey, Content, Error, IncompleteReason, OutputItem, Response, Status, Usage};

/// The body as it comes. Only `status` must be there: without it nothing says that the answer is whole.
#[derive(Deserialize)]
struct Wire {
    status: Status,
    #[serde(default, deserialize_with = "null_as_default")]
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    model: String,
    #[serde(default, deserialize_with = "null_as_default")]
    output: Vec<OutputItem>,
    usage: Option<Usage>,
    // Some servers count fractions of a second.
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

/// Reads the body of a 2xx answer. Everything but a complete answer with text and without a refusal is an error.
pub(crate) fn answer(body: &[u8], request_id: Option<String>, key: &ApiKey) -> Result<Response, Error> {
    let wire: Wire = match serde_json::from_slice(body) {
        Ok(wire) => wire,
        // The parser's own words may quote the answer, so only where it stopped is told.
        Err(error) => {
            let (kind, line, column) = (error.classify(), error.line(), error.column());
            let reason = format!("{kind:?} error at line {line}, column {column}");
            return Err(Error::Malformed { reason, request_id });
        }
    };
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
        (Status::Completed, None) => answered(response, key),
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
            code: error.as_ref().and_then(|error| error.code.as_deref()).map(|code| key.quote(code)),
            message: error.map(|error| key.quote(&error.message)).unwrap_or_default(),
            request_id: response.request_id,
        }),
    }
}

fn answered(response: Response, key: &ApiKey) -> Result<Response, Error> {
    let refusal = parts(&response.output).find_map(|part| match part {
        Content::Refusal { refusal } => Some(key.quote(refusal)),
        _ => None,
    });
    if let Some(message) = refusal {
        return Err(Error::Refused { message, request_id: response.request_id });
    }
    if response.output_text().trim().is_empty() {
        return Err(Error::Empty { usage: response.usage, request_id: response.request_id });
    }
    Ok(response)
}
