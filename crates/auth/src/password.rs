//! A password as a client sends it.
//!
//! The text stays in its own allocation: `secrecy::SecretString` would shrink it, which can move it
//! and leave a copy that is not wiped.

use std::fmt;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A password: any Unicode text of any length, never trimmed, case-folded, normalized or truncated.
///
/// `Debug` does not show the text, there is no `Serialize`, and the memory is wiped on drop. A
/// [`PasswordPolicy`](crate::PasswordPolicy) checks the length.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes ownership of the text. Copies that the caller keeps are not wiped.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Returns the text, to check it with a policy or to compare it with its confirmation.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Reads a string from a self-describing format such as JSON.
///
/// The error for another type names the type but not the value, because a client may send its
/// password as a bare number.
impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // With `deserialize_string`, serde_json would write its own error, which shows the value.
        deserializer.deserialize_any(PasswordVisitor)
    }
}

struct PasswordVisitor;

impl Visitor<'_> for PasswordVisitor {
    type Value = Password;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Password, E> {
        Ok(Password::new(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Password, E> {
        Ok(Password::new(text))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Password, E> {
        Err(E::invalid_type(Unexpected::Other("boolean"), &self))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Password, E> {
        Err(E::invalid_type(Unexpected::Other("number"), &self))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Password, E> {
        Err(E::invalid_type(Unexpected::Other("number"), &self))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Password, E> {
        Err(E::invalid_type(Unexpected::Other("number"), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::Password;

    #[test]
    fn debug_hides_the_text() {
        assert_eq!(format!("{:?}", Password::new("canary".into())), "Password(..)");
    }

    #[test]
    fn deserialize_keeps_the_text_unchanged() {
        let password: Password = serde_json::from_str(r#"" a\u0000Ä ""#).unwrap();
        assert_eq!(password.expose(), " a\0Ä ");
    }

    #[test]
    fn deserialize_errors_do_not_show_the_value() {
        for json in ["12345678", "-12345678", "12345678.5", "[12345678]", r#"{"a":12345678}"#] {
            let error = serde_json::from_str::<Password>(json).unwrap_err().to_string();
            assert!(error.contains("expected a string") && !error.contains("12345678"), "{error}");
        }
    }
}
