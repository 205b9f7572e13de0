//! Stored summaries of notes.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{ContentHash, Cursor, Listed, SummaryId, SummaryOptions, Timestamp};

/// A stored summary of a note with its receipt: what was requested, which model answered, and what
/// it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Summary {
    /// The summary's id.
    pub id: SummaryId,
    /// How it ended. Only a completed summary has a text.
    pub status: SummaryStatus,
    /// The summary as plain text.
    #[cfg_attr(feature = "utoipa", schema(example = "A shopping list for a birthday breakfast."))]
    pub text: String,
    /// The model that wrote it, as the provider named it; `extractive` if sentences of the note
    /// were selected without a model.
    #[cfg_attr(feature = "utoipa", schema(example = "gpt-5-nano"))]
    pub model: String,
    /// What was requested.
    #[serde(flatten)]
    pub options: SummaryOptions,
    /// The version of the instructions that the model got. It changes with the service.
    #[cfg_attr(feature = "utoipa", schema(example = "2"))]
    pub prompt_version: String,
    /// Tokens that the provider read, as it reported them. If it reported none, an upper bound.
    /// Without a model, an estimate.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, example = 96))]
    pub input_tokens: i64,
    /// Tokens that the provider wrote, as it reported them. If it reported none, an upper bound.
    /// Without a model, an estimate.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, example = 14))]
    pub output_tokens: i64,
    /// The cost in millionths of a US dollar, from the operator's price list; null if the list
    /// does not have the model.
    #[cfg_attr(feature = "utoipa", schema(required, minimum = 0, example = 10))]
    pub cost_micros: Option<i64>,
    /// Number of calls to the provider: more than one if the note is too long for the model, 0
    /// without a model.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, example = 1))]
    pub calls: i64,
    /// Milliseconds from the first call to the end of the last answer.
    #[cfg_attr(feature = "utoipa", schema(required, minimum = 0, example = 1_840))]
    pub latency_ms: Option<i64>,
    /// The provider's id of its last answer.
    #[cfg_attr(feature = "utoipa", schema(required, example = "resp_68af4030"))]
    pub response_id: Option<String>,
    /// The version of the note that was summarized: its `updated_at` at that time.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub note_updated_at: Option<Timestamp>,
    /// SHA-256 of the title and content that were summarized, in hexadecimal.
    pub content_hash: ContentHash,
    /// When the summary was stored.
    pub created_at: Timestamp,
    /// Whether the note has changed since, so that its hash is no longer `content_hash`.
    pub stale: bool,
}

impl Summary {
    /// A completed summary with default options, an empty text and no usage, of a note that has not
    /// changed since.
    #[must_use]
    pub fn new(id: SummaryId, content_hash: ContentHash, created_at: Timestamp) -> Self {
        Self {
            id,
            status: SummaryStatus::Completed,
            text: String::new(),
            model: String::new(),
            options: SummaryOptions::default(),
            prompt_version: String::new(),
            input_tokens: 0,
            output_tokens: 0,
            cost_micros: None,
            calls: 0,
            latency_ms: None,
            response_id: None,
            note_updated_at: None,
            content_hash,
            created_at,
            stale: false,
        }
    }
}

impl Listed for Summary {
    fn cursor(&self) -> Cursor {
        Cursor::after(self.id.0)
    }
}

/// How a summary ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub enum SummaryStatus {
    /// The text is complete.
    Completed,
    /// The model stopped early, or a content filter stopped it.
    Incomplete,
    /// The model refused to answer.
    Refused,
    /// The provider failed after it had begun to answer.
    Failed,
    /// The client disconnected before the text was complete.
    Cancelled,
}

/// What a summary depends on: two requests with equal keys can share one summary.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SummaryKey {
    /// The note's title and content.
    pub content_hash: ContentHash,
    /// What was requested.
    pub options: SummaryOptions,
    /// The version of the instructions to the model.
    pub prompt_version: String,
    /// The model's name as it is sent to the provider.
    pub asked_model: String,
}
