mod common;
mod digit;

use common::Remainder;

use crate::pattern;

/// What a new password has to be like. Lengths are in characters (Unicode scalar values), 128 at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PasswordPolicy {
    /// At least 6 characters, one of them a digit.
    #[default]
    Basic,
    /// At least 15 characters, not a common or patterned text, not made of what everybody knows about the user; nothing on
    /// which characters it has (NIST SP 800-63B-4, section 3.1.1.2).
    Nist,
}

/// What is wrong with a new password: one sentence for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyViolation {
    /// Too few characters.
    #[error("String should have at least {min} characters")]
    TooShort {
        /// The fewest that are accepted.
        min: usize,
    },
    /// Too many characters.
    #[error("String should have at most {max} characters")]
    TooLong {
        /// The most that are accepted.
        max: usize,
    },
    /// No digit, where one is asked for.
    #[error("Password must include one digit")]
    NoDigit,
    /// A common password, or a pattern.
    #[error("Password is too common or follows a simple pattern")]
    Common,
    /// Little more than the user's name, address or the name of the service.
    #[error("Password is too close to your email address, your username or the name of this service")]
    Context,
}

const MAX: usize = 128;
const SERVICE: &str = "daybook";

impl PasswordPolicy {
    /// Checks a new password. `context` is what everybody knows about its owner: the e-mail address or the part before its
    /// @-sign, the username.
    ///
    /// # Errors
    ///
    /// The first violation, lengths before the rest.
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
    if pattern::repeats(&text) || pattern::is_predictable(&text) {
        return Err(PolicyViolation::Common);
    }
    let local_part = |word: &&str| word.split_once('@').map_or("", |(local, _)| local).to_owned();
    let known = context.iter().map(|word| (*word).to_owned()).chain(context.iter().map(local_part));
    if Remainder::of(password).without(known.chain([SERVICE.to_owned()])).is_too_little() {
        return Err(PolicyViolation::Context);
    }
    if Remainder::of(password).without(common::words()).is_too_little() {
        return Err(PolicyViolation::Common);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{PasswordPolicy, PolicyViolation};

    #[test]
    fn basic() {
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
    fn nist() {
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
            "123456789012345",
            "QwertyuiopAsdfgh",
            "passwordpassword123",
            "Password-1234567",
            "iloveyou iloveyou!!",
            "correcthorsebatterystaple",
            "1q2w3e4r5t6y7u8i9o0p",
            "LetMeIn-please-2026",
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
        ] {
            let verdict = PasswordPolicy::Nist.check(password, &context);
            assert_eq!(verdict, Err(PolicyViolation::Context), "{password:?}");
        }
    }

    #[test]
    fn short_or_empty_context_is_not_held_against_anybody() {
        for context in [["", "@"], ["a", "e"], ["a@example.com", "--"]] {
            assert_eq!(PasswordPolicy::Nist.check("a e a better phrase", &context), Ok(()), "{context:?}");
        }
    }

    #[test]
    fn sentences() {
        for (violation, sentence) in [
            (PolicyViolation::TooShort { min: 6 }, "String should have at least 6 characters"),
            (PolicyViolation::TooLong { max: 128 }, "String should have at most 128 characters"),
            (PolicyViolation::NoDigit, "Password must include one digit"),
        ] {
            assert_eq!(violation.to_string(), sentence);
        }
    }
}
