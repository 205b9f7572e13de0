use serde::Deserialize;

use crate::response::{null_as_default, parts};
use crate::sse::SseEvent;
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

/// What an event of a stream is; its other fields depend on that.
#[derive(Deserialize)]
struct Kind {
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    delta: String,
}

#[derive(Deserialize)]
struct Terminal {
    response: Wire,
}

/// Some servers wrap it as they do in the body of a rejection.
#[derive(Deserialize)]
struct Failure {
    error: Option<WireError>,
    code: Option<String>,
    message: Option<String>,
}

/// What an event of a stream says.
pub(crate) enum Said {
    /// More text.
    Text(String),
    /// The end of a complete answer, though perhaps without its text.
    End(Response),
    /// Nothing that anybody waits for.
    Nothing,
}

/// Reads the body of a 2xx answer. Everything but a complete answer with text and without a refusal is an error.
pub(crate) fn answer(body: &[u8], request_id: Option<String>, key: &ApiKey) -> Result<Response, Error> {
    let wire = parse(body, request_id.as_deref())?;
    with_text(complete(wire, request_id, key)?)
}

/// Reads an event of a stream. `text` is what the events before have said, for servers that leave it out at the end.
pub(crate) fn event(
    event: &SseEvent,
    text: &str,
    request_id: Option<&str>,
    key: &ApiKey,
) -> Result<Said, Error> {
    let data = event.data.as_bytes();
    // The type stands in the data, and usually in the field `event` too. Servers that speak other APIs as well end with this word.
    if event.data == "[DONE]" {
        return Ok(Said::Nothing);
    }
    let kind = parse::<Kind>(data, request_id)?.r#type;
    match kind.as_deref().unwrap_or(&event.name) {
        "response.output_text.delta" => Ok(Said::Text(parse::<Delta>(data, request_id)?.delta)),
        "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
            let wire = parse::<Terminal>(data, request_id)?.response;
            let mut response = complete(wire, request_id.map(str::to_owned), key)?;
            if response.output_text().is_empty() && !text.is_empty() {
                let content = vec![Content::OutputText { text: text.to_owned() }];
                response.output.push(OutputItem::Message { content });
            }
            with_text(response).map(Said::End)
        }
        "error" => {
            let failure = parse::<Failure>(data, request_id)?;
            let (code, message) = match failure.error {
                Some(error) => (error.code, Some(error.message)),
                None => (failure.code, failure.message),
            };
            Err(Error::Failed {
                status: Status::Failed,
                code: code.map(|code| key.quote(&code)),
                message: message.map(|message| key.quote(&message)).unwrap_or_default(),
                request_id: request_id.map(str::to_owned),
            })
        }
        _ => Ok(Said::Nothing),
    }
}

fn parse<'de, T: Deserialize<'de>>(json: &'de [u8], request_id: Option<&str>) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(|error| {
        // The parser's own words may quote the answer, so only where it stopped is told.
        let (kind, line, column) = (error.classify(), error.line(), error.column());
        let reason = format!("{kind:?} error at line {line}, column {column}");
        Error::Malformed { reason, request_id: request_id.map(str::to_owned) }
    })
}

fn complete(wire: Wire, request_id: Option<String>, key: &ApiKey) -> Result<Response, Error> {
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
        (Status::Completed, None) => unless_refused(response, key),
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

fn unless_refused(response: Response, key: &ApiKey) -> Result<Response, Error> {
    let refusal = parts(&response.output).find_map(|part| match part {
        Content::Refusal { refusal } => Some(key.quote(refusal)),
        _ => None,
    });
    if let Some(message) = refusal {
        return Err(Error::Refused { message, usage: response.usage, request_id: response.request_id });
    }
    Ok(response)
}

fn with_text(response: Response) -> Result<Response, Error> {
    if response.output_text().trim().is_empty() {
        return Err(Error::Empty { usage: response.usage, request_id: response.request_id });
    }
    Ok(response)
}
