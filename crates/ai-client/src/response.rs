//! Responses and their JSON.

use std::fmt;

use serde_json::Value;

use crate::json;

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

    /// Replaces the text of the response, and keeps the other items.
    pub(crate) fn replace_text(&mut self, text: String) {
        self.output.retain(|item| !matches!(item, OutputItem::Message { .. }));
        self.output.push(OutputItem::Message { content: vec![Content::OutputText { text }] });
    }
}

/// The status of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    Unknown,
}

impl Status {
    pub(crate) fn parse(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "completed" => Self::Completed,
            "incomplete" => Self::Incomplete,
            "failed" => Self::Failed,
            "cancelled" | "canceled" => Self::Cancelled,
            "queued" => Self::Queued,
            "in_progress" => Self::InProgress,
            _ => Self::Unknown,
        }
    }

    /// Returns true if the provider still works on a response in this status.
    pub(crate) fn is_in_progress(self) -> bool {
        matches!(self, Self::Queued | Self::InProgress)
    }
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
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputItem {
    /// A message to the user.
    Message {
        /// The parts of the message.
        content: Vec<Content>,
    },
    /// The reasoning before a message.
    Reasoning {
        /// A summary of the reasoning; empty unless the request asks for it.
        summary: Vec<SummaryText>,
    },
    /// An item of a type that this crate does not know, or a message that is not from the model.
    Unknown,
}

impl OutputItem {
    /// Reads an item. An item without a type is a message if it has content.
    pub(crate) fn read(item: &Value) -> Self {
        let kind = item.get("type").and_then(Value::as_str);
        let is_message = kind.map_or(item.get("content").is_some(), |kind| kind == "message");
        // Some servers repeat the input.
        let is_own = item.get("role").and_then(Value::as_str).is_none_or(is_model);
        if is_message && is_own {
            let content = json::list(item.get("content")).iter().map(Content::read).collect();
            return Self::Message { content };
        }
        if kind == Some("reasoning") {
            let paragraphs = json::list(item.get("summary")).iter().filter_map(json::text);
            return Self::Reasoning {
                summary: paragraphs.map(|text| SummaryText { text: text.into() }).collect(),
            };
        }
        Self::Unknown
    }
}

fn is_model(role: &str) -> bool {
    ["assistant", "model"].iter().any(|own| role.eq_ignore_ascii_case(own))
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// A part of a type that this crate does not know, or without its text.
    Unknown,
}

impl Content {
    /// Reads a part. A string is a text, and so is a part without a type that has a text.
    pub(crate) fn read(part: &Value) -> Self {
        let text = match part {
            Value::String(text) => Some(text.as_str()),
            part => part.get("text").and_then(json::text),
        };
        let refusal = part.get("refusal").and_then(json::text);
        match (part.get("type").and_then(Value::as_str), text, refusal) {
            (Some("refusal") | None, _, Some(refusal)) => Self::Refusal { refusal: refusal.to_owned() },
            (Some("output_text" | "text") | None, Some(text), _) => {
                Self::OutputText { text: text.to_owned() }
            }
            _ => Self::Unknown,
        }
    }
}

/// One paragraph of a summary of the reasoning.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SummaryText {
    /// The paragraph.
    pub text: String,
}

/// The token counts of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Usage {
    /// Reads the counts, also under the names of Chat Completions. Returns `None` unless the input
    /// and the output are known: a caller can estimate them better than with zero.
    pub(crate) fn read(usage: &Value) -> Option<Self> {
        let count = |names: &[&str]| names.iter().find_map(|name| json::count(usage.get(*name)?));
        let detail = |object: &[&str], name: &str| {
            object.iter().find_map(|object| json::count(usage.get(*object)?.get(name)?))
        };
        let total = count(&["total_tokens"]);
        let input = count(&["input_tokens", "prompt_tokens"]);
        let output = count(&["output_tokens", "completion_tokens"]);
        let input_tokens = input.or_else(|| total?.checked_sub(output?))?;
        let output_tokens = output.or_else(|| total?.checked_sub(input?))?;
        Some(Self {
            input_tokens,
            output_tokens,
            total_tokens: total.unwrap_or(input_tokens.saturating_add(output_tokens)),
            cached_tokens: detail(&["input_tokens_details", "prompt_tokens_details"], "cached_tokens"),
            reasoning_tokens: detail(
                &["output_tokens_details", "completion_tokens_details"],
                "reasoning_tokens",
            ),
        })
    }
}

/// Returns the parts of all messages, in order.
pub(crate) fn parts(output: &[OutputItem]) -> impl Iterator<Item = &Content> {
    output.iter().flat_map(|item| match item {
        OutputItem::Message { content } => content.as_slice(),
        _ => &[],
    })
}
