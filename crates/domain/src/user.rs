//! Accounts and usernames.

use serde::Serialize;

use crate::text::{caseless, text};
use crate::{Email, Timestamp, UserId};

/// An account, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct User {
    /// The account's id.
    pub id: UserId,
    /// The owner's e-mail address.
    pub email: Email,
    /// The owner's name in daybook.
    pub username: Username,
    /// When the account was opened.
    pub created_at: Timestamp,
}

impl User {
    /// An account that was opened at `created_at`.
    #[must_use]
    pub fn new(id: UserId, email: Email, username: Username, created_at: Timestamp) -> Self {
        Self { id, email, username, created_at }
    }
}

text! {
    /// A username: 3 to 50 characters as the user wrote them, compared without case.
    #[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
    #[cfg_attr(
        feature = "utoipa",
        schema(value_type = String, min_length = 3, max_length = 50, example = "ada")
    )]
    Username, 3..=50
}

impl Username {
    /// The form in which this username is compared with others; see [`Username::key_of`].
    #[must_use]
    pub fn key(&self) -> String {
        Self::key_of(&self.0)
    }

    /// The form in which any text is compared with usernames: without case, composed (Unicode NFC).
    ///
    /// The text need not be a valid username, so a login can look up what the user typed.
    #[must_use]
    pub fn key_of(text: &str) -> String {
        caseless(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TextError;

    #[test]
    fn parse_counts_characters_and_not_bytes() {
        assert_eq!(Username::parse("äö"), Err(TextError::TooShort { min: 3 }));
        assert!(Username::parse("äöü").is_ok());
        assert!(Username::parse(&"ä".repeat(50)).is_ok());
        assert_eq!(Username::parse(&"ä".repeat(51)), Err(TextError::TooLong { max: 50 }));
        assert_eq!(Username::parse("ab\0"), Err(TextError::Nul));
    }

    #[test]
    fn key_of_ignores_case_and_composition() {
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
