use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, Unexpected, Visitor},
};
use zeroize::Zeroizing;

/// A password as somebody typed it: any Unicode, of any length, never trimmed, folded, normalised or cut.
///
/// It cannot be printed or serialised, and its memory is wiped when it is dropped. How long it has to be is for a
/// [`PasswordPolicy`](crate::PasswordPolicy) to say.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the text over. Copies that the caller keeps are not wiped.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself: for a policy, or to compare it with its confirmation.
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

/// From a string, in a format that describes itself. The error for anything else names the type and leaves the value out, for a
/// password is often a bare number.
impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not `deserialize_string`: with that, serde_json itself complains of another type, value and all.
        deserializer.deserialize_any(Text)
    }
}

struct Text;

impl Visitor<'_> for Text {
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
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", Password::new("canary".into())), "Password(..)");
    }

    #[test]
    fn read_as_it_is() {
        let password: Password = serde_json::from_str(r#"" a\u0000Ä ""#).unwrap();
        assert_eq!(password.expose(), " a\0Ä ");
    }

    #[test]
    fn error_leaves_the_value_out() {
        for json in ["12345678", "-12345678", "12345678.5", "[12345678]", r#"{"a":12345678}"#] {
            let error = serde_json::from_str::<Password>(json).unwrap_err().to_string();
            assert!(error.contains("expected a string") && !error.contains("12345678"), "{error}");
        }
    }
}
