//! The name that a client types at a login.

use crate::{Email, Username};

/// An e-mail address or a username, as a client typed it, in the forms by which accounts are found.
/// The text need not be a valid address or username.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LoginName {
    email_key: String,
    username_key: String,
}

impl LoginName {
    /// Returns the name in both forms.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { email_key: Email::key_of(text), username_key: Username::key_of(text) }
    }

    /// The form in which the name is compared with addresses; see [`Email::key_of`].
    #[must_use]
    pub fn email_key(&self) -> &str {
        &self.email_key
    }

    /// The form in which the name is compared with usernames; see [`Username::key_of`].
    #[must_use]
    pub fn username_key(&self) -> &str {
        &self.username_key
    }

    /// Returns what a limit should count: the name as an address, and the name as a username.
    ///
    /// Two texts that find the same account have one of them in common. So a limit that counts both
    /// counts all spellings of a name together. Both are separate, because an address of one user
    /// can be the username of another.
    #[must_use]
    pub fn counted(&self) -> [String; 2] {
        [format!("address {}", self.email_key), format!("username {}", self.username_key)]
    }
}

#[cfg(test)]
mod tests {
    use super::LoginName;

    fn have_one_in_common(one: &str, other: &str) -> bool {
        let [one, other] = [one, other].map(|text| LoginName::new(text).counted());
        one.iter().any(|form| other.contains(form))
    }

    #[test]
    fn counted_has_one_in_common_for_all_spellings_of_a_name() {
        for (one, other) in [
            ("ada", "ADA"),
            ("ada@example.com", "ADA@Example.COM"),
            ("ada@example.com", " ada@example.com"),
            ("ada@example.com", "Ada <ada@example.com>"),
            ("ada@bücher.de", "ada@xn--bcher-kva.de"),
            // The domains are different, but a username may have this text.
            ("ada@faß.de", "ADA@FASS.de"),
        ] {
            assert!(have_one_in_common(one, other), "{one} {other}");
        }
        assert!(!have_one_in_common("ada", "ada@example.com"));
    }

    #[test]
    fn counted_keeps_an_address_apart_from_an_equal_username() {
        let (address, username) = (LoginName::new("eve@fass.de"), LoginName::new("eve@fa\u{df}.de"));
        assert_eq!(address.username_key(), username.username_key());
        assert!(!username.counted().contains(&address.counted()[0]));
    }
}
