//! Notes.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::text::{no_nul, no_nul_if_sent};
use crate::{ContentHash, NoteId, Summary, Timestamp};

/// The most characters of a note's or a task's title.
pub(crate) const TITLE_MAX: usize = 200;
/// The most characters of a note's or a task's content.
pub(crate) const CONTENT_MAX: usize = 100_000;

/// A stored note, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Note {
    /// The note's id.
    pub id: NoteId,
    /// 1 to 200 characters.
    #[cfg_attr(feature = "utoipa", schema(example = "Groceries"))]
    pub title: String,
    /// At most 100,000 characters.
    #[cfg_attr(feature = "utoipa", schema(example = "Milk, bread and a birthday candle."))]
    pub content: String,
    /// When the note was written.
    pub created_at: Timestamp,
    /// When its title or content last changed.
    pub updated_at: Timestamp,
    /// The summary that was made or asked for last; absent from a note that was never summarised.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "utoipa", schema(nullable = false))]
    pub summary: Option<Summary>,
}

impl Note {
    /// The hash of what a summary of this note would speak of; see [`ContentHash`].
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        ContentHash::of(&self.title, &self.content)
    }
}

/// A note to be written, or the whole new content of one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Validate)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct NoteDraft {
    /// 1 to 200 characters.
    #[garde(length(chars, min = 1, max = TITLE_MAX), custom(no_nul))]
    #[cfg_attr(
        feature = "utoipa",
        schema(min_length = 1, max_length = 200, pattern = "^[^\\u0000]*$", example = "Groceries")
    )]
    pub title: String,
    /// At most 100,000 characters; may be empty.
    #[garde(length(chars, max = CONTENT_MAX), custom(no_nul))]
    #[cfg_attr(
        feature = "utoipa",
        schema(
            max_length = 100_000,
            pattern = "^[^\\u0000]*$",
            example = "Milk, bread and a birthday candle."
        )
    )]
    pub content: String,
}

/// What changes in a note; a field that is absent or null stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Validate)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct NotePatch {
    /// 1 to 200 characters.
    #[garde(length(chars, min = 1, max = TITLE_MAX), custom(no_nul_if_sent))]
    #[cfg_attr(
        feature = "utoipa",
        schema(min_length = 1, max_length = 200, pattern = "^[^\\u0000]*$", example = "Groceries, tomorrow")
    )]
    pub title: Option<String>,
    /// At most 100,000 characters; may be empty.
    #[garde(length(chars, max = CONTENT_MAX), custom(no_nul_if_sent))]
    #[cfg_attr(
        feature = "utoipa",
        schema(max_length = 100_000, pattern = "^[^\\u0000]*$", example = "Milk and bread.")
    )]
    pub content: Option<String>,
}

impl From<NoteDraft> for NotePatch {
    /// Replacing a note is a patch that names every field.
    fn from(draft: NoteDraft) -> Self {
        Self { title: Some(draft.title), content: Some(draft.content) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(title: String, content: String) -> bool {
        NoteDraft { title, content }.validate().is_ok()
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(draft("ä".repeat(200), "🎂".repeat(100_000)));
        assert!(!draft("ä".repeat(201), String::new()));
        assert!(!draft("a".into(), "🎂".repeat(100_001)));
        assert!(!draft(String::new(), String::new()));
    }

    #[test]
    fn nul_is_refused_everywhere() {
        assert!(!draft("a\0".into(), String::new()));
        assert!(!draft("a".into(), "\0".into()));
        assert!(NotePatch { title: Some("\0".into()), content: None }.validate().is_err());
    }

    #[test]
    fn a_patch_has_the_limits_of_a_draft() {
        assert!(NotePatch::default().validate().is_ok());
        assert!(NotePatch { title: Some(String::new()), content: None }.validate().is_err());
        assert!(NotePatch { title: None, content: Some("x".repeat(100_001)) }.validate().is_err());
    }
}
