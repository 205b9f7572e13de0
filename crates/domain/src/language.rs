//! Language tags.
//!
//! Own code although parsers of language tags exist: each of them accepts another set of tags, and
//! the set accepted here is part of the HTTP API (`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A language tag such as `en`, `pt-br` or `zh-hant` (RFC 5646, section 2.1).
///
/// The form is checked, the registry of languages is not. The tag goes into the instructions of a
/// model, so nothing but letters, digits and hyphens is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct LanguageTag(String);

/// A text that is not a language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("A language is a tag like en, pt-BR or zh-Hant")]
pub struct LanguageTagError;

/// The most subtags. Four subtags of eight letters make 35 characters, which is enough for nearly
/// all tags (RFC 5646, section 4.4.1).
const SUBTAGS_MAX: usize = 4;

impl LanguageTag {
    /// Parses a tag and keeps it in lower case, because tags are compared without case (RFC 5646,
    /// section 2.1.1).
    ///
    /// # Errors
    ///
    /// Rejects a text that has another form.
    pub fn parse(text: &str) -> Result<Self, LanguageTagError> {
        let is_subtag = |(index, subtag): (usize, &str)| {
            let length = if index == 0 { 2..=8 } else { 1..=8 };
            let is_allowed = |byte: u8| byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit());
            length.contains(&subtag.len()) && subtag.bytes().all(is_allowed)
        };
        if text.split('-').count() > SUBTAGS_MAX || !text.split('-').enumerate().all(is_subtag) {
            return Err(LanguageTagError);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// Wraps a tag that was valid when it was stored; nothing is checked.
    #[must_use]
    pub fn from_stored(tag: String) -> Self {
        Self(tag)
    }

    /// The tag in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LanguageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for LanguageTag {
    type Error = LanguageTagError;

    fn try_from(text: String) -> Result<Self, LanguageTagError> {
        Self::parse(&text)
    }
}

impl From<LanguageTag> for String {
    fn from(tag: LanguageTag) -> Self {
        tag.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_accepts_tags_and_nothing_else() {
        let is_good = |tag: &str| LanguageTag::parse(tag).is_ok();
        for good in ["en", "pt-BR", "zh-Hant-TW", "de-1996", "es-419", "sl-rozaj-biske-1994"] {
            assert!(is_good(good), "{good}");
        }
        for bad in [
            "",
            "e",
            "en-",
            "-en",
            "en us",
            "en\n",
            "en_US",
            "english, and",
            "\u{e4}\u{e4}h",
            "419",
            "abcdefghi",
            "e1",
        ] {
            assert!(!is_good(bad), "{bad}");
        }
        assert!(!is_good(&"en-abc".repeat(10)));
    }

    #[test]
    fn parse_ignores_case() {
        assert_eq!(LanguageTag::parse("pt-BR"), LanguageTag::parse("PT-br"));
        assert_eq!(LanguageTag::parse("zh-Hant-TW").unwrap().as_str(), "zh-hant-tw");
    }

    #[test]
    fn deserialize_reports_the_sentence() {
        let error = serde_json::from_str::<LanguageTag>("\"en_US\"").unwrap_err();
        assert_eq!(error.to_string(), "A language is a tag like en, pt-BR or zh-Hant");
    }
}
