//! Summaries of notes, and what they were made of.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{SummaryId, Timestamp};

/// A stored summary of a note with its receipt: what was asked of whom, and what it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Summary {
    /// The summary's id.
    pub id: SummaryId,
    /// How it ended. Only a completed one has a text.
    pub status: SummaryStatus,
    /// The summary: plain text.
    #[cfg_attr(feature = "utoipa", schema(example = "A shopping list for a birthday breakfast."))]
    pub text: String,
    /// The model that wrote it, as the provider named it; `extractive` when sentences of the note were picked without one.
    #[cfg_attr(feature = "utoipa", schema(example = "gpt-5-nano"))]
    pub model: String,
    /// What was asked for.
    #[serde(flatten)]
    pub options: SummaryOptions,
    /// Which instructions the model was given: they change with the service.
    #[cfg_attr(feature = "utoipa", schema(example = "2"))]
    pub prompt_version: String,
    /// Tokens that the provider read for it: as it reported them, and where it did not, the most that it may have been.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, example = 96))]
    pub input_tokens: i64,
    /// Tokens that the provider wrote for it: as it reported them, and where it did not, the most that it may have been.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, example = 14))]
    pub output_tokens: i64,
    /// What it cost, in millionths of a US dollar, by the operator's list of prices; null where the list lacks the model.
    #[cfg_attr(feature = "utoipa", schema(required, minimum = 0, example = 10))]
    pub cost_micros: Option<i64>,
    /// How often the provider was asked: more than once for a note that is too long for the model.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, example = 1))]
    pub calls: i64,
    /// Milliseconds from the first question to the end of the last answer.
    #[cfg_attr(feature = "utoipa", schema(required, minimum = 0, example = 1_840))]
    pub latency_ms: Option<i64>,
    /// The provider's name for its last answer.
    #[cfg_attr(feature = "utoipa", schema(required, example = "resp_68af4030"))]
    pub response_id: Option<String>,
    /// Which version of the note was summarised: its `updated_at` then.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub note_updated_at: Option<Timestamp>,
    /// SHA-256 of the title and content that were summarised, in hexadecimal.
    pub content_hash: ContentHash,
    /// When it was written.
    pub created_at: Timestamp,
    /// Whether the note has changed since: its hash is no longer `content_hash`.
    pub stale: bool,
}

/// How a note is to be summarised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct SummaryOptions {
    /// The language to write in, as a tag (BCP 47); null for the language of the note.
    #[cfg_attr(feature = "utoipa", schema(required, example = "pt-BR"))]
    pub language: Option<String>,
    /// How long it is to be.
    pub length: SummaryLength,
}

/// How long a summary is to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub enum SummaryLength {
    /// A sentence, or two.
    Short,
    /// At most five sentences.
    #[default]
    Medium,
    /// At most twelve sentences.
    Long,
}

impl SummaryLength {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Short, Self::Medium, Self::Long];

    /// The name under which it is asked for, stored and shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Medium => "medium",
            Self::Long => "long",
        }
    }

    /// The length with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|length| length.name() == name)
    }

    /// The most sentences that it has.
    #[must_use]
    pub fn sentences(self) -> u32 {
        match self {
            Self::Short => 2,
            Self::Medium => 5,
            Self::Long => 12,
        }
    }
}

/// How the making of a summary ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub enum SummaryStatus {
    /// It is whole.
    Completed,
    /// The model stopped in the middle, or a filter stopped it.
    Incomplete,
    /// The model declined.
    Refused,
    /// The provider failed after it had begun.
    Failed,
    /// Whoever wanted it left before it was whole.
    Cancelled,
}

impl SummaryStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Completed, Self::Incomplete, Self::Refused, Self::Failed, Self::Cancelled];

    /// The name under which it is stored and shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// The most subtags: with four of eight letters, 35 characters, which is enough for nearly all tags (RFC 5646, section 4.4.1).
const SUBTAGS_MAX: usize = 4;

/// A rule for garde: a language's tag (RFC 5646, section 2.1), by its form and not by the registry. Since it goes into the instructions of a
/// model, nothing else fits in.
///
/// # Errors
///
/// When the text has another form.
pub fn language_rule<C>(language: &Option<String>, _: &C) -> garde::Result {
    let Some(tag) = language else { return Ok(()) };
    let subtag = |(index, subtag): (usize, &str)| {
        let length = if index == 0 { 2..=8 } else { 1..=8 };
        let letters = |byte: u8| byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit());
        length.contains(&subtag.len()) && subtag.bytes().all(letters)
    };
    if tag.split('-').count() <= SUBTAGS_MAX && tag.split('-').enumerate().all(subtag) {
        return Ok(());
    }
    Err(garde::Error::new("A language is a tag like en, pt-BR or zh-Hant"))
}

/// SHA-256 over a note's title and content: tells whether a summary still speaks of what the note says.
///
/// The title's length goes in before it, so that no other split of the same letters has the same hash.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "utoipa", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
pub struct ContentHash(String);

impl ContentHash {
    /// The hash of this title and content.
    #[must_use]
    pub fn of(title: &str, content: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update((title.len() as u64).to_be_bytes());
        hasher.update(title);
        hasher.update(content);
        let hex = hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            for nibble in [byte >> 4, byte & 15] {
                hex.extend(char::from_digit(nibble.into(), 16));
            }
            hex
        });
        Self(hex)
    }

    /// A hash that was stored as [`ContentHash::as_str`] gave it.
    #[must_use]
    pub fn from_stored(hex: String) -> Self {
        Self(hex)
    }

    /// 64 hexadecimal digits in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_they_are_stored() {
        for length in SummaryLength::ALL {
            assert_eq!(serde_json::to_value(length).unwrap(), length.name());
            assert_eq!(SummaryLength::from_name(length.name()), Some(length));
        }
        for status in SummaryStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
            assert_eq!(SummaryStatus::from_name(status.name()), Some(status));
        }
    }

    #[test]
    fn a_language_is_a_tag_and_nothing_else() {
        let is_good = |tag: &str| language_rule(&Some(tag.to_owned()), &()).is_ok();
        for good in ["en", "pt-BR", "zh-Hant-TW", "de-1996", "es-419", "sl-rozaj-biske-1994"] {
            assert!(is_good(good), "{good}");
        }
        for bad in
            ["", "e", "en-", "-en", "en us", "en\n", "en_US", "english, and", "ääh", "419", "abcdefghi", "e1"]
        {
            assert!(!is_good(bad), "{bad}");
        }
        assert!(!is_good(&"en-abc".repeat(10)));
        assert!(language_rule(&None, &()).is_ok());
    }

    #[test]
    fn the_split_between_title_and_content_counts() {
        assert_ne!(ContentHash::of("ab", "c"), ContentHash::of("a", "bc"));
        assert_eq!(ContentHash::of("ab", "c"), ContentHash::of("ab", "c"));
        assert_eq!(ContentHash::of("", "").as_str().len(), 64);
    }

    #[test]
    fn it_is_sha256() {
        // printf '\0\0\0\0\0\0\0\1ab' | sha256sum
        assert_eq!(
            ContentHash::of("a", "b").as_str(),
            "bfd8d48c5ab028a9c554ccc9d65ed6fc15a987f4f98cdd8bbfd5f17860493bac"
        );
    }
}
