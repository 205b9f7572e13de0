//! Texts of limited length: titles, contents and city names, and the error that they share.

/// Why a text is rejected. The sentences are Pydantic's, which clients of the HTTP API rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The text has fewer than `min` characters.
    #[error("String should have at least {min} character{}", plural(*min))]
    TooShort {
        /// The fewest characters.
        min: usize,
    },
    /// The text has more than `max` characters.
    #[error("String should have at most {max} character{}", plural(*max))]
    TooLong {
        /// The most characters.
        max: usize,
    },
    /// The text contains U+0000.
    #[error("Text must not contain the NUL character")]
    Nul,
    /// The text contains this invisible character.
    #[error("Text must not contain the invisible character U+{:04X}", u32::from(*.0))]
    Invisible(char),
    /// The text consists of spaces.
    #[error("Text must contain a character other than a space")]
    Blank,
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Rejects a text outside the limits, which are counted in characters (Unicode scalar values).
///
/// PostgreSQL cannot store U+0000 in a text. It is rejected here, so both databases behave alike.
pub(crate) fn check(text: &str, min: usize, max: usize) -> Result<(), TextError> {
    if text.contains('\0') {
        return Err(TextError::Nul);
    }
    let length = text.chars().count();
    if length < min {
        return Err(TextError::TooShort { min });
    }
    if length > max {
        return Err(TextError::TooLong { max });
    }
    Ok(())
}

/// Declares a text type that holds only texts within its limits, and that pass the check if there
/// is one.
macro_rules! text {
    ($(#[$meta:meta])* $name:ident, $min:literal..=$max:literal $(, $check:path)?) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The fewest characters.
            pub const MIN: usize = $min;
            /// The most characters.
            pub const MAX: usize = $max;

            /// Parses a text and keeps it unchanged.
            ///
            /// # Errors
            ///
            /// Rejects a text that is too short or too long, that contains U+0000, or that breaks
            /// another rule of the type.
            pub fn parse(text: &str) -> Result<Self, $crate::TextError> {
                Self::try_from(text.to_owned())
            }

            /// Wraps a text that was valid when it was stored; nothing is checked.
            #[must_use]
            pub fn from_stored(text: String) -> Self {
                Self(text)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::TextError;

            fn try_from(text: String) -> Result<Self, $crate::TextError> {
                $crate::text::check(&text, Self::MIN, Self::MAX)?;
                $($check(&text)?;)?
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

pub(crate) use text;

text! {
    /// The title of a note or a task: 1 to 200 characters.
    Title, 1..=200
}
text! {
    /// The content of a note or a task: at most 100,000 characters, or none.
    Content, 0..=100_000
}
text! {
    /// A city's name as the user wrote it: at most 100 characters, or none.
    City, 0..=100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_counts_characters_and_not_bytes() {
        assert!(Title::parse(&"ä".repeat(200)).is_ok());
        assert_eq!(Title::parse(&"ä".repeat(201)), Err(TextError::TooLong { max: 200 }));
        assert!(Content::parse(&"🎂".repeat(100_000)).is_ok());
        assert_eq!(Content::parse(&"🎂".repeat(100_001)), Err(TextError::TooLong { max: 100_000 }));
        assert!(City::parse(&"é".repeat(100)).is_ok());
        assert_eq!(City::parse(&"é".repeat(101)), Err(TextError::TooLong { max: 100 }));
    }

    #[test]
    fn parse_rejects_an_empty_title_only() {
        assert_eq!(Title::parse(""), Err(TextError::TooShort { min: 1 }));
        assert!(Content::parse("").is_ok());
        assert!(City::parse("").is_ok());
    }

    #[test]
    fn parse_rejects_nul() {
        assert_eq!(Title::parse("a\0"), Err(TextError::Nul));
        assert_eq!(Content::parse("\0"), Err(TextError::Nul));
        assert_eq!(City::parse("Lis\0bon"), Err(TextError::Nul));
    }

    #[test]
    fn every_constructor_that_checks_agrees() {
        for text in ["", "a", "a\0", &"a".repeat(201)] {
            let parsed = Title::parse(text);
            assert_eq!(Title::try_from(text.to_owned()), parsed);
            let read = serde_json::from_value::<Title>(text.into()).map_err(|error| error.to_string());
            assert_eq!(read, parsed.map_err(|error| error.to_string()));
        }
    }

    #[test]
    fn errors_are_the_sentences_of_pydantic() {
        let sentences = [
            (TextError::TooShort { min: 1 }, "String should have at least 1 character"),
            (TextError::TooShort { min: 3 }, "String should have at least 3 characters"),
            (TextError::TooLong { max: 200 }, "String should have at most 200 characters"),
            (TextError::Nul, "Text must not contain the NUL character"),
            (TextError::Invisible('\t'), "Text must not contain the invisible character U+0009"),
            (TextError::Invisible('\u{e0041}'), "Text must not contain the invisible character U+E0041"),
            (TextError::Blank, "Text must contain a character other than a space"),
        ];
        for (error, sentence) in sentences {
            assert_eq!(error.to_string(), sentence);
        }
    }

    #[test]
    fn a_text_is_serialized_as_it_is() {
        let title = Title::parse("Groceries").unwrap();
        assert_eq!(serde_json::to_value(&title).unwrap(), "Groceries");
        assert_eq!(String::from(title), "Groceries");
    }
}
