//! Accounts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Email, Timestamp, UserId};

/// An account, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct User {
    /// The account's id.
    pub id: UserId,
    /// Where its owner is reached.
    pub email: Email,
    /// What its owner is called here.
    pub username: Username,
    /// When it was opened.
    pub created_at: Timestamp,
}

/// A username: 3 to 50 characters as the user wrote them, compared without case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "utoipa", schema(value_type = String, min_length = 3, max_length = 50, example = "ada"))]
pub struct Username(String);

/// Why a text is no username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsernameError {
    /// Fewer than [`Username::MIN`] characters.
    #[error("A username has at least 3 characters")]
    TooShort,
    /// More than [`Username::MAX`] characters.
    #[error("A username has at most 50 characters")]
    TooLong,
    /// U+0000, which PostgreSQL cannot store.
    #[error("Text must not contain the NUL character")]
    Nul,
}

impl Username {
    /// The fewest characters.
    pub const MIN: usize = 3;
    /// The most characters.
    pub const MAX: usize = 50;

    /// Takes a text as a username, unchanged.
    ///
    /// # Errors
    ///
    /// Too short, too long, or with U+0000 in it.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        let length = text.chars().count();
        if length < Self::MIN {
            return Err(UsernameError::TooShort);
        }
        if length > Self::MAX {
            return Err(UsernameError::TooLong);
        }
        if text.contains('\0') {
            return Err(UsernameError::Nul);
        }
        Ok(Self(text.to_owned()))
    }

    /// A username that was valid when it was stored.
    #[must_use]
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// As the user wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two equal usernames have in common; see [`Username::key_of`].
    #[must_use]
    pub fn key(&self) -> String {
        Self::key_of(&self.0)
    }

    /// The form in which any text is compared with usernames: without case, composed (Unicode NFC).
    #[must_use]
    pub fn key_of(text: &str) -> String {
        crate::text::key_of(text)
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Username {
    type Error = UsernameError;

    fn try_from(text: String) -> Result<Self, UsernameError> {
        Self::parse(&text)
    }
}

impl From<Username> for String {
    fn from(username: Username) -> Self {
        username.0
    }
}

/// The part of [`Username::parse`] that is not its length, as a garde rule; the length is said with garde's own.
///
/// # Errors
///
/// With U+0000 in the text.
pub fn username_rule<C>(text: &str, context: &C) -> garde::Result {
    crate::text::no_nul(text, context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!(Username::parse("äö"), Err(UsernameError::TooShort));
        assert!(Username::parse("äöü").is_ok());
        assert!(Username::parse(&"ä".repeat(50)).is_ok());
        assert_eq!(Username::parse(&"ä".repeat(51)), Err(UsernameError::TooLong));
        assert_eq!(Username::parse("ab\0"), Err(UsernameError::Nul));
    }

    #[test]
    fn case_and_composition_do_not_tell_names_apart() {
        for (one, other) in [
            ("ÄDA", "a\u{308}da"),
            ("straße", "STRASSE"),
            ("ΟΔΥΣ", "οδυσ"),
            ("οδυς", "οδυσ"),
            ("J\u{30c}x", "\u{1f0}x"),
        ] {
            assert_eq!(Username::key_of(one), Username::key_of(other), "{one} {other}");
        }
        assert_ne!(Username::key_of("ada"), Username::key_of("adb"));
    }
}
