use serde::Deserialize;

/// A complete answer. `Debug` shows its text: keep it out of logs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// The provider's name for the answer; empty if it gave none.
    pub id: String,
    /// The model that answered, often more exact than the one asked for; empty if the provider did not say.
    pub model: String,
    /// Always [`Status::Completed`] in what [`Client::create`](crate::Client::create) returns.
    pub status: Status,
    /// What the model made, in order.
    pub output: Vec<OutputItem>,
    /// What was counted, and is paid for.
    pub usage: Option<Usage>,
    /// When the provider began, in seconds since 1970.
    pub created_at: Option<i64>,
    /// The provider's name for the request (its `x-request-id` header), which its support asks for.
    pub request_id: Option<String>,
}

impl Response {
    /// All text of the answer, its parts joined as they are.
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

/// How far a response has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the API's own words")]
pub enum Status {
    Completed,
    Incomplete,
    Failed,
    Cancelled,
    Queued,
    InProgress,
    /// One this crate does not know.
    #[serde(other)]
    Unknown,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

/// One thing the model made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutputItem {
    /// Something it says.
    Message {
        /// The parts of it.
        #[serde(default, deserialize_with = "null_as_default")]
        content: Vec<Content>,
    },
    /// How it came to it.
    Reasoning {
        /// What it thought, retold for readers; empty unless asked for.
        #[serde(default, deserialize_with = "null_as_default")]
        summary: Vec<SummaryText>,
    },
    /// A kind of item this crate does not know.
    #[serde(other)]
    Unknown,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Text for the reader.
    OutputText {
        /// The text itself.
        text: String,
    },
    /// The model declines.
    Refusal {
        /// How it puts that.
        refusal: String,
    },
    /// A kind of part this crate does not know.
    #[serde(other)]
    Unknown,
}

/// One paragraph of what a model thought.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct SummaryText {
    /// The paragraph.
    #[serde(default)]
    pub text: String,
}

/// Tokens that a call was counted at; zero where the provider left a number out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "WireUsage")]
#[non_exhaustive]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens made, those of reasoning included.
    pub output_tokens: u64,
    /// The sum of both.
    pub total_tokens: u64,
    /// Those of the input that came from the provider's cache and are cheaper.
    pub cached_tokens: Option<u64>,
    /// Those of the output that went into reasoning.
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

/// All parts of all messages, in order.
pub(crate) fn parts(output: &[OutputItem]) -> impl Iterator<Item = &Content> {
    output.iter().flat_map(|item| match item {
        OutputItem::Message { content } => content.as_slice(),
        _ => &[],
    })
}

/// Servers that imitate the API send `null` where it has an empty value.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
