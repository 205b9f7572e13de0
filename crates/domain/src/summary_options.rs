//! What a client can request of a summary: its language and its length.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::LanguageTag;

/// How to summarize a note.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct SummaryOptions {
    /// The language of the summary as a tag (BCP 47); null for the language of the note.
    #[cfg_attr(feature = "utoipa", schema(required, value_type = Option<String>, example = "pt-BR"))]
    pub language: Option<LanguageTag>,
    /// The length of the summary.
    pub length: SummaryLength,
}

/// The length of a summary.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case", try_from = "String")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub enum SummaryLength {
    /// One or two sentences.
    Short,
    /// At most five sentences.
    #[default]
    Medium,
    /// At most twelve sentences.
    Long,
}

/// A text that is not the name of a length. The sentence is Pydantic's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Input should be 'short', 'medium' or 'long'")]
pub struct SummaryLengthError;

impl SummaryLength {
    /// The most sentences of a summary of this length.
    #[must_use]
    pub fn sentences(self) -> u32 {
        match self {
            Self::Short => 2,
            Self::Medium => 5,
            Self::Long => 12,
        }
    }
}

impl TryFrom<String> for SummaryLength {
    type Error = SummaryLengthError;

    fn try_from(name: String) -> Result<Self, SummaryLengthError> {
        Self::from_name(&name).ok_or(SummaryLengthError)
    }
}

#[cfg(test)]
mod tests {
    use super::SummaryLength;

    #[test]
    fn deserialize_reads_names_and_reports_the_sentence_of_pydantic() {
        assert_eq!(serde_json::from_str::<SummaryLength>("\"long\"").unwrap(), SummaryLength::Long);
        let error = serde_json::from_str::<SummaryLength>("\"Long\"").unwrap_err();
        assert_eq!(error.to_string(), "Input should be 'short', 'medium' or 'long'");
    }
}
