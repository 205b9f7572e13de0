//! Notes.

use serde::Serialize;

use crate::draft::draft_and_patch;
use crate::{Content, ContentHash, Cursor, Listed, NoteId, Summary, TextError, Timestamp, Title};

/// A stored note, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Note {
    /// The note's id.
    pub id: NoteId,
    /// 1 to 200 characters.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, example = "Groceries"))]
    pub title: Title,
    /// At most 100,000 characters.
    #[cfg_attr(
        feature = "utoipa",
        schema(value_type = String, example = "Milk, bread and a birthday candle.")
    )]
    pub content: Content,
    /// When the note was created.
    pub created_at: Timestamp,
    /// When its title or content last changed.
    pub updated_at: Timestamp,
    /// The summary that was last created or requested; absent if the note was never summarized.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "utoipa", schema(nullable = false))]
    pub summary: Option<Summary>,
}

impl Note {
    /// A note that was created at `created_at`, has not changed since, and has no summary.
    #[must_use]
    pub fn new(id: NoteId, title: Title, content: Content, created_at: Timestamp) -> Self {
        Self { id, title, content, created_at, updated_at: created_at, summary: None }
    }

    /// The hash of the title and content, which a summary of this note keeps.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        ContentHash::of(self.title.as_str(), self.content.as_str())
    }
}

impl Listed for Note {
    fn cursor(&self) -> Cursor {
        Cursor::after(self.id.0)
    }
}

draft_and_patch! {
    /// A note to be created, or the new state of a note that is replaced.
    NoteDraft;
    /// A change of a note. Fields that are absent or null stay unchanged.
    NotePatch;
    required {
        /// 1 to 200 characters.
        title: Title(min_length = 1, max_length = 200), "Groceries" => "Groceries, tomorrow";
        /// At most 100,000 characters; may be empty.
        content: Content(max_length = 100_000), "Milk, bread and a birthday candle." => "Milk and bread.";
    }
    optional {}
}

impl NoteDraft {
    /// Parses a title and a content into a draft.
    ///
    /// # Errors
    ///
    /// Rejects texts that [`Title::parse`] or [`Content::parse`] rejects.
    pub fn parse(title: &str, content: &str) -> Result<Self, TextError> {
        Ok(Self::new(Title::parse(title)?, Content::parse(content)?))
    }
}
