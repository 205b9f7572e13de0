use std::fmt;

use zeroize::Zeroizing;

use crate::Error;

/// Longest text of a provider that an error keeps, in characters: room for the longest messages OpenAI sends, and a log line
/// stays a line.
const MAX_QUOTE: usize = 500;

/// The key that a provider knows its customer by, sent as `Authorization: Bearer`.
///
/// It is wiped from memory when dropped and has neither `Display` nor `Serialize`; its `Debug` tells nothing. Servers that want no
/// key still want the header, so give them any word.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Takes a key of visible ASCII characters, which is what a header can carry safely.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the key is empty or holds anything else. A space or a line break at its end is refused and not cut off:
    /// it means that the key was copied badly, and half a key fails in ways that are harder to read.
    pub fn new(key: impl Into<String>) -> Result<Self, Error> {
        let key = Zeroizing::new(key.into());
        if key.is_empty() {
            return Err(Error::config("the API key is empty"));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::config("the API key holds a character other than visible ASCII"));
        }
        Ok(Self(key))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// A provider's words, fit to stand in an error: no control characters, at most [`MAX_QUOTE`] characters, and without this key,
    /// which some servers echo when they refuse it.
    pub(crate) fn quote(&self, text: &str) -> String {
        let printable: String = text.chars().filter(|c| !c.is_control()).collect();
        // The key goes before the length is cut: half a key at the end would not be recognised any more.
        printable.replace(self.expose(), "[key]").chars().take(MAX_QUOTE).collect()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_refuses_what_a_header_cannot_carry() {
        for bad in ["", " ", "sk-1\n", "sk 1", "sk-\u{0}", "schlüssel"] {
            assert!(matches!(ApiKey::new(bad), Err(Error::Config { .. })), "{bad:?} was accepted");
        }
        assert!(ApiKey::new("sk-proj-AZaz09_-.~+/=").is_ok());
    }

    #[test]
    fn quote_strips_the_key_and_control_characters() {
        let key = ApiKey::new("sk-canary").unwrap();
        assert_eq!(
            key.quote("bad\u{1b}[31m key:\r\n sk-can\u{0}ary, sk-canary."),
            "bad[31m key: [key], [key]."
        );
    }

    #[test]
    fn quote_counts_characters_and_never_ends_in_half_a_key() {
        let key = ApiKey::new("sk-canary").unwrap();
        assert_eq!(key.quote(&"ü".repeat(501)), "ü".repeat(500));
        let cut_inside_the_key = format!("{}sk-canary", "x".repeat(496));
        assert_eq!(key.quote(&cut_inside_the_key), format!("{}[key", "x".repeat(496)));
    }
}
