//! The API key, and its removal from text that a provider sends.

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use crate::Error;

/// The maximum length of a provider's text in an error, in characters. OpenAI's longest messages
/// fit, and a log line stays readable.
const TEXT_MAX: usize = 500;

/// An API key, sent as `Authorization: Bearer`.
///
/// The key is wiped from memory when it is dropped. It has neither `Display` nor `Serialize`, and
/// `Debug` is redacted. The header is always sent. For a server without keys, any word will do.
#[derive(Debug, Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Accepts a key of visible ASCII characters, which are safe in a header.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Config`] if the key is empty or has another character. A space or a line
    /// break at the end is rejected, not trimmed. It shows that the key was not copied correctly.
    /// An incomplete key would otherwise fail later, with a less clear error.
    pub fn new(key: impl Into<String>) -> Result<Self, Error> {
        let key = Zeroizing::new(key.into());
        if key.is_empty() {
            return Err(Error::config("the API key is empty"));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::config("the API key contains a character other than visible ASCII"));
        }
        // A copy of the exact length. `SecretString` would otherwise shrink the string, and the old
        // memory would not be wiped.
        Ok(Self(SecretString::from(key.as_str())))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Sanitizes text from the provider for an error.
    ///
    /// Removes control characters, replaces this key by `[key]`, and truncates the result to
    /// [`TEXT_MAX`] characters. Some servers echo a key that they reject.
    pub(crate) fn sanitize(&self, text: &str) -> String {
        let printable: String = text.chars().filter(|c| !c.is_control()).collect();
        // The key is replaced before the text is truncated, since a truncated key would not be
        // found.
        printable.replace(self.expose(), "[key]").chars().take(TEXT_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_rejects_characters_that_a_header_cannot_carry() {
        for bad in ["", " ", "sk-1\n", "sk 1", "sk-\u{0}", "schlüssel"] {
            assert!(matches!(ApiKey::new(bad), Err(Error::Config { .. })), "{bad:?} was accepted");
        }
        assert!(ApiKey::new("sk-proj-AZaz09_-.~+/=").is_ok());
    }

    #[test]
    fn sanitize_removes_the_key_and_control_characters() {
        let key = ApiKey::new("sk-canary").unwrap();
        assert_eq!(
            key.sanitize("bad\u{1b}[31m key:\r\n sk-can\u{0}ary, sk-canary."),
            "bad[31m key: [key], [key]."
        );
    }

    #[test]
    fn sanitize_truncates_by_characters_after_it_replaces_the_key() {
        let key = ApiKey::new("sk-canary").unwrap();
        assert_eq!(key.sanitize(&"ü".repeat(501)), "ü".repeat(500));
        let truncated_inside_the_key = format!("{}sk-canary", "x".repeat(496));
        assert_eq!(key.sanitize(&truncated_inside_the_key), format!("{}[key", "x".repeat(496)));
    }
}
