//! Accounts and usernames.

use daybook_text::is_invisible;
use serde::Serialize;

use crate::fold::caseless;
use crate::text::text;
use crate::{Email, TextError, Timestamp, UserId};

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
    ///
    /// A new name must not contain an invisible character, and not consist of spaces. A stored name
    /// may be older than this rule.
    #[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
    #[cfg_attr(
        feature = "utoipa",
        schema(value_type = String, min_length = 3, max_length = 50, example = "ada")
    )]
    Username, 3..=50, check_visible
}

/// Rejects a name that looks like another name, or like none.
///
/// Joiners are rejected too, although some scripts and emoji use them. Names are compared with
/// their joiners, so `ada` with a joiner would be another account that looks like `ada`. The
/// default identifiers of Unicode have no joiners either (UAX #31, section 2.3; UTS #39, section
/// 3.1.1), and neither have e-mail addresses.
fn check_visible(name: &str) -> Result<(), TextError> {
    match name.chars().find(|c| is_invisible(*c)) {
        Some(invisible) => Err(TextError::Invisible(invisible)),
        None if name.trim().is_empty() => Err(TextError::Blank),
        None => Ok(()),
    }
}

impl Username {
    /// The form in which this username is compared with others; see [`Username::key_of`].
    #[must_use]
    pub fn key(&self) -> String {
        Self::key_of(&self.0)
    }

    /// The form in which any text is compared with usernames: without case (Unicode default case
    /// folding, full), composed (Unicode NFC).
    ///
    /// The text need not be a valid username, so a login can look up the text that the user typed.
    #[must_use]
    pub fn key_of(text: &str) -> String {
        caseless(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_counts_characters_and_not_bytes() {
        assert_eq!(Username::parse("äö"), Err(TextError::TooShort { min: 3 }));
        assert!(Username::parse("äöü").is_ok());
        assert!(Username::parse(&"ä".repeat(50)).is_ok());
        assert_eq!(Username::parse(&"ä".repeat(51)), Err(TextError::TooLong { max: 50 }));
        assert_eq!(Username::parse("ab\0"), Err(TextError::Nul));
    }

    #[test]
    fn parse_rejects_invisible_characters() {
        for invisible in [
            '\t',
            '\n',
            '\r',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2066}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            for name in [format!("ada{invisible}"), format!("{invisible}ada"), format!("a{invisible}da")] {
                assert_eq!(Username::parse(&name), Err(TextError::Invisible(invisible)), "{name:?}");
                assert!(serde_json::from_value::<Username>(name.clone().into()).is_err(), "{name:?}");
                assert_eq!(Username::from_stored(name.clone()).as_str(), name);
            }
        }
    }

    #[test]
    fn parse_rejects_spaces_alone() {
        for name in ["   ", "\u{a0}\u{2003}\u{3000}"] {
            assert_eq!(Username::parse(name), Err(TextError::Blank), "{name:?}");
        }
        for name in ["Ada Lovelace", " a ", "李 小龙", "אדה", "ada@example.com", "🎂🎂🎂"] {
            assert_eq!(Username::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn key_of_ignores_case_and_composition() {
        for (one, other) in [
            ("ada", "ADA"),
            ("ÄDA", "a\u{308}da"),
            ("é", "e\u{301}"),
            ("J\u{30c}x", "\u{1f0}x"),
            // Full folding: one character can equal several.
            ("straße", "STRASSE"),
            ("Straße", "STRA\u{1e9e}E"),
            ("o\u{fb03}ce", "OFFICE"),
            ("\u{587}", "\u{565}\u{582}"),
            // Greek
            ("ΟΔΥΣ", "οδυσ"),
            ("οδυς", "οδυσ"),
            ("\u{1fb3}", "\u{3b1}\u{3b9}"),
            ("\u{3b1}\u{345}\u{301}", "\u{391}\u{301}\u{399}"),
            // Latin, Cyrillic, Armenian, Georgian, Cherokee and Adlam
            ("İnce", "i\u{307}nce"),
            ("\u{212a}ate", "kate"),
            ("\u{212b}sa", "åsa"),
            ("ſam", "Sam"),
            ("ЁЛКА", "е\u{308}лка"),
            ("ԱՆԻ", "անի"),
            ("\u{1c90}\u{1c91}", "\u{10d0}\u{10d1}"),
            ("\u{ab70}\u{13a1}", "\u{13a0}\u{ab71}"),
            ("\u{1e900}", "\u{1e922}"),
            // Scripts without case are only composed.
            ("가", "\u{1100}\u{1161}"),
            ("が", "か\u{3099}"),
        ] {
            assert_eq!(Username::key_of(one), Username::key_of(other), "{one} {other}");
        }
    }

    #[test]
    fn key_of_keeps_different_letters_apart() {
        for (one, other) in [
            ("ada", "adb"),
            // Default folding is not Turkic, so a dotless i is a letter of its own.
            ("kılıç", "kiliç"),
            ("İnce", "ince"),
            // An accent is not case.
            ("José", "Jose"),
            // Compatible characters are not equal: NFC, not NFKC.
            ("x\u{b2}y", "x2y"),
            ("ａｄａ", "ada"),
            // Letters of different scripts that look alike
            ("аda", "ada"),
            ("か", "カ"),
        ] {
            assert_ne!(Username::key_of(one), Username::key_of(other), "{one} {other}");
        }
    }

    #[test]
    fn key_of_shows_the_folded_text() {
        for (text, key) in [
            ("Straße", "strasse"),
            ("KILIÇ", "kiliç"),
            ("KıLıÇ", "kılıç"),
            ("İ", "i\u{307}"),
            ("E\u{301}", "é"),
            // Cherokee folds to its capital letters, because they are older.
            ("\u{ab70}", "\u{13a0}"),
        ] {
            assert_eq!(Username::key_of(text), key, "{text}");
        }
    }

    #[test]
    fn key_leaves_the_username_as_the_user_wrote_it() {
        let username = Username::parse("Stra\u{df}e").unwrap();
        assert_eq!((username.as_str(), username.key().as_str()), ("Straße", "strasse"));
    }
}
