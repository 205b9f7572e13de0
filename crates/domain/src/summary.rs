//! Summaries of notes, and what they were made of.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Timestamp;

/// A stored summary of a note with its receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Summary {
    /// The summary: plain text.
    #[cfg_attr(feature = "utoipa", schema(example = "A shopping list for a birthday breakfast."))]
    pub text: String,
    /// The model that wrote it, as the provider named it.
    #[cfg_attr(feature = "utoipa", schema(example = "gpt-5-nano"))]
    pub model: String,
    /// Tokens that the provider read for it, as it reported them.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, example = 96))]
    pub input_tokens: i64,
    /// Tokens that the provider wrote for it, as it reported them.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, example = 14))]
    pub output_tokens: i64,
    /// SHA-256 of the title and content that were summarised, in hexadecimal.
    pub content_hash: ContentHash,
    /// When it was written.
    pub created_at: Timestamp,
    /// Whether the note has changed since: its hash is no longer `content_hash`.
    pub stale: bool,
}

/// SHA-256 over a note's title and content: tells whether a summary still speaks of what the note says.
///
/// The title's length goes in before it, so that no other split of the same letters has the same hash.
#[derive(Clone, PartialEq, Eq, Serialize)]
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
    use super::ContentHash;

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
