//! The rules for a new password.

mod common;
mod digit;
mod guesses;

use std::str::FromStr;

use self::guesses::{Facts, is_guessable};
use crate::pattern;

/// The rules for a new password.
///
/// Lengths are in characters (Unicode scalar values). Both policies accept at most 128.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PasswordPolicy {
    /// At least 6 characters, one of them a digit.
    #[default]
    Basic,
    /// At least 15 characters, with no rule about which ones (NIST SP 800-63B-4, section 3.1.1.2).
    ///
    /// Rejects simple patterns, and passwords with fewer than 8 characters beside common passwords,
    /// public facts about the user and the word `daybook`. Each of at least 8,000 common passwords
    /// counts as two characters.
    Nist,
}

/// Why a text names no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be basic or nist")]
pub struct UnknownPolicy;

impl FromStr for PasswordPolicy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        match name {
            "basic" => Ok(Self::Basic),
            "nist" => Ok(Self::Nist),
            _ => Err(UnknownPolicy),
        }
    }
}

/// The rule that a new password breaks. `Display` is a sentence for the user.
///
/// The sentences about lengths are those of Pydantic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyViolation {
    /// The password has fewer characters than the policy accepts.
    #[error("String should have at least {min} character{}", plural_ending(.min))]
    TooShort {
        /// The smallest accepted number of characters.
        min: usize,
    },
    /// The password has more characters than the policy accepts.
    #[error("String should have at most {max} character{}", plural_ending(.max))]
    TooLong {
        /// The largest accepted number of characters.
        max: usize,
    },
    /// The password has no digit, and the policy requires one.
    #[error("Password must include one digit")]
    NoDigit,
    /// The password is common or follows a simple pattern.
    #[error("Password is too common or follows a simple pattern")]
    Common,
    /// The password is little more than the username, the e-mail address or the service's name.
    #[error("Password is too close to your email address, your username or the name of this service")]
    Context,
}

fn plural_ending(count: &usize) -> &'static str {
    if *count == 1 { "" } else { "s" }
}

/// In characters. NIST SP 800-63B-4, section 3.1.1.2, asks for at least 64.
const MAX: usize = 128;
/// Attackers try the name of a service on its users.
const SERVICE: &str = "daybook";

impl PasswordPolicy {
    /// Checks a new password.
    ///
    /// `context` holds public facts about the user, such as the e-mail address and the username.
    /// The part of an address before the `@` need not be listed separately.
    ///
    /// # Errors
    ///
    /// Returns the first broken rule. The length is checked first.
    pub fn check(self, password: &str, context: &[&str]) -> Result<(), PolicyViolation> {
        let min = match self {
            Self::Basic => 6,
            Self::Nist => 15,
        };
        let length = password.chars().count();
        if length < min {
            return Err(PolicyViolation::TooShort { min });
        }
        if length > MAX {
            return Err(PolicyViolation::TooLong { max: MAX });
        }
        match self {
            Self::Basic if !password.chars().any(digit::is_digit) => Err(PolicyViolation::NoDigit),
            Self::Basic => Ok(()),
            Self::Nist => check_guessable(password, context),
        }
    }
}

fn check_guessable(password: &str, context: &[&str]) -> Result<(), PolicyViolation> {
    let text: Vec<char> = password.to_lowercase().chars().collect();
    if pattern::is_repetitive(&text) || pattern::is_predictable(&text) {
        return Err(PolicyViolation::Common);
    }
    if is_guessable(password, &Facts::default()) {
        return Err(PolicyViolation::Common);
    }
    let local_parts = context.iter().filter_map(|word| word.split_once('@')).map(|(local, _)| local);
    if is_guessable(password, &Facts::new(context.iter().copied().chain(local_parts).chain([SERVICE]))) {
        return Err(PolicyViolation::Context);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::sample::select;
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::string::string_regex;
    use proptest::test_runner::TestRunner;

    use super::{PasswordPolicy, PolicyViolation, UnknownPolicy, common};

    #[test]
    fn from_str_reads_the_names() {
        assert_eq!("basic".parse(), Ok(PasswordPolicy::Basic));
        assert_eq!("nist".parse(), Ok(PasswordPolicy::Nist));
        assert_eq!("NIST".parse::<PasswordPolicy>(), Err(UnknownPolicy));
    }

    #[test]
    fn basic_counts_characters_and_requires_a_digit() {
        let too_short = Err(PolicyViolation::TooShort { min: 6 });
        let too_long = Err(PolicyViolation::TooLong { max: 128 });
        for (password, verdict) in [
            ("", too_short),
            ("abcd1", too_short),
            ("äöü12", too_short),
            ("abcde1", Ok(())),
            ("password1", Ok(())),
            ("\0\0\0\0\u{1F511}1", Ok(())),
            ("abcde٣", Ok(())),
            ("abcde²", Ok(())),
            ("abcde½", Err(PolicyViolation::NoDigit)),
            ("abcdeⅧ", Err(PolicyViolation::NoDigit)),
            ("abcdef", Err(PolicyViolation::NoDigit)),
            (&"ä1".repeat(64), Ok(())),
            (&"ä1".repeat(65), too_long),
        ] {
            assert_eq!(PasswordPolicy::Basic.check(password, &["password1"]), verdict, "{password:?}");
        }
    }

    #[test]
    fn nist_rejects_common_patterned_and_personal_passwords() {
        let context = ["ada.lovelace@example.com", "countess"];
        for password in [
            "correct horse 9 stapler",
            "no digit needed here",
            "my daybook lives in the attic",
            "Countess of nothing at all",
            "пароль из пятнадцати букв",
            "vT9#kq2!Lm0@xZw",
        ] {
            assert_eq!(PasswordPolicy::Nist.check(password, &context), Ok(()), "{password:?}");
        }
        assert_eq!(
            PasswordPolicy::Nist.check("vT9#kq2!Lm0@xZ", &context),
            Err(PolicyViolation::TooShort { min: 15 })
        );
        assert_eq!(
            PasswordPolicy::Nist.check(&"vT9#kq2!Lm0@xZw".repeat(9), &context),
            Err(PolicyViolation::TooLong { max: 128 })
        );
        for password in [
            "aaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaB1!",
            "abcabcabcabcabc",
            "tk5!Rz9q tk5!Rz9q ",
            "123456789012345",
            "QwertyuiopAsdfgh",
            "passwordpassword123",
            "Password-1234567",
            "iloveyou iloveyou!!",
            "correcthorsebatterystaple",
            "1q2w3e4r5t6y7u8i9o0p",
            "LetMeIn-please-2026",
            "purple monkey dragon",
            "monkeydragonmonkeydragon1",
        ] {
            let verdict = PasswordPolicy::Nist.check(password, &context);
            assert_eq!(verdict, Err(PolicyViolation::Common), "{password:?}");
        }
        for password in [
            "Ada.Lovelace1815!",
            "ADA LOVELACE 1815",
            "ada.lovelace@example.com",
            "countess-daybook-1",
            "DayBook1DayBook2x",
            "daybook-password-1",
            "Dragon and Countess",
        ] {
            let verdict = PasswordPolicy::Nist.check(password, &context);
            assert_eq!(verdict, Err(PolicyViolation::Context), "{password:?}");
        }
    }

    #[test]
    fn nist_ignores_short_and_empty_context() {
        for context in [["", "@"], ["a", "e"], ["a@example.com", "--"]] {
            assert_eq!(PasswordPolicy::Nist.check("a e a better phrase", &context), Ok(()), "{context:?}");
        }
    }

    /// An attacker who has the list tries its words in these forms first.
    #[test]
    fn nist_rejects_every_common_password_doubled_numbered_capitalized_and_padded() {
        for word in common::list() {
            let padding = 15_usize.saturating_sub(word.len()).max(4);
            let capitalized: String = word[..1].to_uppercase() + &word[1..];
            let forms = [
                format!("{word}{word}{}", "1".repeat(padding)),
                format!("{capitalized}-{word}-2026!!!"),
                format!("{word}{}", &"1234567890123456"[..padding]),
                format!("{}{}", word.to_uppercase(), "!".repeat(padding)),
                format!("{}{capitalized}", "x".repeat(padding)),
            ];
            for password in forms.iter().map(String::as_str).chain((word.len() >= 15).then_some(word)) {
                let verdict = PasswordPolicy::Nist.check(password, &[]);
                assert_eq!(verdict, Err(PolicyViolation::Common), "{password:?}");
            }
        }
    }

    /// The words of BIP-39 are short and frequent. Many of them are also common passwords.
    #[test]
    fn nist_accepts_random_passphrases_and_characters() {
        let words: Vec<&str> = include_str!("../tests/auth/data/bip39.txt").lines().collect();
        let phrase = |count| vec(select(words.clone()), count).prop_map(|words| words.join(" "));
        let characters = |pattern| string_regex(pattern).unwrap().boxed();
        for (name, passwords) in [
            ("4 words", phrase(4).boxed()),
            ("5 words", phrase(5).boxed()),
            ("6 words", phrase(6).boxed()),
            ("letters and digits", characters("[a-zA-Z0-9]{15}")),
            ("hexadecimal", characters("[0-9a-f]{20}")),
            ("with punctuation", characters("[!-~]{20}")),
        ] {
            // This runner has a fixed seed.
            let mut runner = TestRunner::deterministic();
            let long = passwords.prop_filter("shorter than the policy accepts", |text| text.len() >= 15);
            for _ in 0..1_000 {
                let password = long.new_tree(&mut runner).unwrap().current();
                assert_eq!(PasswordPolicy::Nist.check(&password, &[]), Ok(()), "{name}: {password:?}");
            }
        }
    }

    #[test]
    fn violations_are_described_in_the_words_of_pydantic() {
        for (violation, sentence) in [
            (PolicyViolation::TooShort { min: 6 }, "String should have at least 6 characters"),
            (PolicyViolation::TooShort { min: 1 }, "String should have at least 1 character"),
            (PolicyViolation::TooLong { max: 128 }, "String should have at most 128 characters"),
            (PolicyViolation::TooLong { max: 1 }, "String should have at most 1 character"),
            (PolicyViolation::NoDigit, "Password must include one digit"),
        ] {
            assert_eq!(violation.to_string(), sentence);
        }
    }
}
