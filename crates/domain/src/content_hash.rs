//! The hash that shows whether a note has changed since it was summarized.

use std::fmt;

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// SHA-256 of a note's title and content.
///
/// The length of the title is hashed before it, so moving text between title and content changes
/// the hash.
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
        Self(HEXLOWER.encode(&hasher.finalize()))
    }

    /// Wraps a hash that was stored as [`ContentHash::as_str`] returned it; nothing is checked.
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
    fn of_depends_on_the_split_between_title_and_content() {
        assert_ne!(ContentHash::of("ab", "c"), ContentHash::of("a", "bc"));
        assert_eq!(ContentHash::of("ab", "c"), ContentHash::of("ab", "c"));
        assert_eq!(ContentHash::of("", "").as_str().len(), 64);
    }

    #[test]
    fn of_is_sha256() {
        // printf '\0\0\0\0\0\0\0\1ab' | sha256sum
        assert_eq!(
            ContentHash::of("a", "b").as_str(),
            "bfd8d48c5ab028a9c554ccc9d65ed6fc15a987f4f98cdd8bbfd5f17860493bac"
        );
    }
}
