//! The name that a client types at a login.

use crate::{Email, Username};

/// An e-mail address or a username, as a client typed it, in the forms by which accounts are found.
/// The text need not be a valid address or username.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LoginName {
    forms: [String; 2],
}

impl LoginName {
    /// Returns the name in both forms.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { forms: [Email::key_of(text), Username::key_of(text)] }
    }

    /// The form in which the name is compared with addresses; see [`Email::key_of`].
    #[must_use]
    pub fn email_key(&self) -> &str {
        &self.forms[0]
    }

    /// The form in which the name is compared with usernames; see [`Username::key_of`].
    #[must_use]
    pub fn username_key(&self) -> &str {
        &self.forms[1]
    }

    /// Both forms. Two texts can find the same account only if they have a form in common, so a
    /// limit that counts for each form counts for all spellings of a name together.
    #[must_use]
    pub fn forms(&self) -> &[String] {
        &self.forms
    }
}

#[cfg(test)]
mod tests {
    use super::LoginName;

    fn have_a_form_in_common(one: &str, other: &str) -> bool {
        let [one, other] = [one, other].map(LoginName::new);
        one.email_key() == other.email_key() || one.username_key() == other.username_key()
    }

    #[test]
    fn spellings_of_a_name_have_a_form_in_common() {
        for (one, other) in [
            ("ada", "ADA"),
            ("ada@example.com", "ADA@Example.COM"),
            ("ada@example.com", " ada@example.com"),
            ("ada@example.com", "Ada <ada@example.com>"),
            ("ada@bücher.de", "ada@xn--bcher-kva.de"),
            // The domains are different, but a username may have this text.
            ("ada@faß.de", "ADA@FASS.de"),
        ] {
            assert!(have_a_form_in_common(one, other), "{one} {other}");
        }
        assert!(!have_a_form_in_common("ada", "ada@example.com"));
    }
}
