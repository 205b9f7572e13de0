//! Responses and their JSON.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// A complete response. `Debug` shows its text, so keep it out of logs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// The provider's id of the response; empty if the provider sent none.
    pub id: String,
    /// The model that wrote the response, often with a version; empty if the provider sent none.
    pub model: String,
    /// The status. [`Client::create`](crate::Client::create) returns only [`Status::Completed`].
    pub status: Status,
    /// The output of the model, in order.
    pub output: Vec<OutputItem>,
    /// The tokens that the provider charges for.
    pub usage: Option<Usage>,
    /// The time of creation, in seconds since 1970-01-01 UTC.
    pub created_at: Option<i64>,
    /// The provider's id of the request, from the header `x-request-id`. The provider's support
    /// asks for it.
    pub request_id: Option<String>,
}

impl Response {
    /// Returns the text of the response: all its text parts, without a separator.
    #[must_use]
    pub fn output_text(&self) -> String {
        parts(&self.output)
            .filter_map(|part| match part {
                Content::OutputText { text } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }
}

/// The status of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names of the API")]
pub enum Status {
    Completed,
    Incomplete,
    Failed,
    Cancelled,
    Queued,
    InProgress,
    /// A status that this crate does not know.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Queued => "queued",
            Self::InProgress => "in progress",
            Self::Unknown => "in an unknown state",
        })
    }
}

/// One item of the output.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutputItem {
    /// A message to the user.
    Message {
        /// The parts of the message.
        #[serde(default, deserialize_with = "null_as_default")]
        content: Vec<Content>,
    },
    /// The reasoning before a message.
    Reasoning {
        /// A summary of the reasoning; empty unless the request asks for it.
        #[serde(default, deserialize_with = "null_as_default")]
        summary: Vec<SummaryText>,
    },
    /// An item of a type that this crate does not know.
    #[serde(other)]
    Unknown,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Text for the user.
    OutputText {
        /// The text.
        text: String,
    },
    /// A refusal to answer.
    Refusal {
        /// The model's explanation.
        refusal: String,
    },
    /// A part of a type that this crate does not know.
    #[serde(other)]
    Unknown,
}

/// One paragraph of a summary of the reasoning.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct SummaryText {
    /// The paragraph.
    #[serde(default)]
    pub text: String,
}

/// The token counts of a call. A missing `input_tokens` or `output_tokens` is read as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "WireUsage")]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the input.
    pub input_tokens: u64,
    /// Tokens of the output, including reasoning.
    pub output_tokens: u64,
    /// The total; the sum of the two if the provider sent none.
    pub total_tokens: u64,
    /// The input tokens that the provider read from its cache. They are cheaper.
    pub cached_tokens: Option<u64>,
    /// The output tokens that the model used for reasoning.
    pub reasoning_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    total_tokens: Option<u64>,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize)]
struct InputDetails {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        Self {
            input_tokens: wire.input_tokens,
            output_tokens: wire.output_tokens,
            total_tokens: wire.total_tokens.unwrap_or(wire.input_tokens.saturating_add(wire.output_tokens)),
            cached_tokens: wire.input_tokens_details.and_then(|details| details.cached_tokens),
            reasoning_tokens: wire.output_tokens_details.and_then(|details| details.reasoning_tokens),
        }
    }
}

/// Returns the parts of all messages, in order.
pub(crate) fn parts(output: &[OutputItem]) -> impl Iterator<Item = &Content> {
    output.iter().flat_map(|item| match item {
        OutputItem::Message { content } => content.as_slice(),
        _ => &[],
    })
}

/// Deserializes `null` as the default value, since some servers send `null` for an empty value.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
