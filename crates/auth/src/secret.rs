//! The secret that signs access tokens, and the check that rejects weak ones.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{Error, pattern};

/// A secret that signs access tokens.
///
/// The key is the UTF-8 bytes of the text, as in PyJWT. The text is not decoded from base64 or hex.
///
/// `Debug` does not show the text, there is no `Serialize`, and the memory is wiped on drop.
#[derive(Debug, Clone)]
pub struct Secret(SecretString);

/// Why a secret is rejected.
///
/// `Display` is the rest of a sentence whose subject is the setting: "`JWT_SECRET_KEY` has fewer
/// than 32 bytes". No variant holds a part of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakSecret {
    /// HS256 requires a key that is at least as long as its output (RFC 7518, section 3.2).
    #[error("has fewer than {MIN} bytes")]
    TooShort,
    /// It contains the secret of a tutorial, or a placeholder such as `changeme`.
    #[error("is a known example")]
    WellKnown,
    /// It has few different characters, repeats a shorter text, or is a sequence.
    #[error("follows a simple pattern")]
    Predictable,
}

/// In bytes.
const MIN: usize = 32;
/// In bytes: 384 bits, 64 characters of base64.
const GENERATED: usize = 48;
/// The number of different characters. Of 20 million random texts of 32 hexadecimal digits, about
/// one has fewer.
const DISTINCT_MIN: usize = 8;

/// Parts of published secrets and placeholders, in lower case, letters and digits only. Of 100
/// million random secrets of 64 characters, about one contains one of these.
const WELL_KNOWN: [&str; 29] = [
    "changeme",
    "changethis",
    "changeit",
    "replaceme",
    "replacethis",
    "replacewith",
    "tobemodified",
    "placeholder",
    "insertyour",
    "yoursecret",
    "yourjwtsecret",
    "yourkey",
    "mysecret",
    "jwtsecret",
    "supersecret",
    "topsecret",
    "verysecret",
    "secretkey",
    "thisisasecret",
    "notasecret",
    "insecure",
    "donotuse",
    "developmentonly",
    "reallyreallyreallyreallyverysafe",
    // The tutorial of FastAPI.
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    // The former and the current example of jwt.io.
    "your256bitsecret",
    "astringsecretatleast256bitslong",
    // RFC 7515, appendix A.1.
    "aym1sysppbydfgzld3umj1qzkobwvmkoqqestjqlrt1qs0gzh75aktmn3yj0ips4hcguutwjazzr1z9caow",
    // The documentation of Directus.
    "255d861b5ea159969aa3922530ec40b1",
];

impl Secret {
    /// Takes a configured secret. The text is not trimmed.
    ///
    /// A secret that passes may still be weak. Only [`Secret::generate`] is certain to give a
    /// strong one.
    ///
    /// # Errors
    ///
    /// [`WeakSecret`] if the secret is too short, well known or predictable.
    pub fn parse(text: &str) -> Result<Self, WeakSecret> {
        if text.len() < MIN {
            return Err(WeakSecret::TooShort);
        }
        let chars = Zeroizing::new(text.to_lowercase().chars().collect::<Vec<char>>());
        let normalized = Zeroizing::new(chars.iter().filter(|c| c.is_alphanumeric()).collect::<String>());
        if WELL_KNOWN.iter().any(|part| normalized.contains(part)) {
            return Err(WeakSecret::WellKnown);
        }
        let mut distinct = chars.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < DISTINCT_MIN || pattern::is_repetitive(&chars) || pattern::is_predictable(&chars)
        {
            return Err(WeakSecret::Predictable);
        }
        Ok(Self(text.into()))
    }

    /// Generates a secret: 48 random bytes of the operating system as 64 characters of base64url.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the operating system has no randomness.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; GENERATED]);
        getrandom::fill(bytes.as_mut_slice()).map_err(Error::internal)?;
        // `encode` allocates the exact length, so the conversion does not move the text.
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes.as_slice()).into()))
    }

    /// Returns the text, to store a generated secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, WeakSecret};

    #[test]
    fn parse_accepts_random_texts_and_passphrases() {
        for text in [
            "xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6",
            "6f1ed002ab5595859014ebf0951522d9",
            "3Jx0cQ8m+Yw5bq1nTz/7fH2kLr9uVdS4gAeP6oXiWj0=",
            "a passphrase nobody else has thought of, ever",
            // Eight different characters.
            "a9f4k2pa4f9pk2a9p4f2kap9f2a4kp9m",
        ] {
            assert_eq!(Secret::parse(text).unwrap().expose(), text);
        }
    }

    #[test]
    fn parse_rejects_short_well_known_and_predictable_secrets() {
        for (text, reason) in [
            ("", WeakSecret::TooShort),
            ("xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS", WeakSecret::TooShort),
            ("changeme-changeme-changeme-changeme", WeakSecret::WellKnown),
            ("CHANGE_ME_please_this_is_for_development", WeakSecret::WellKnown),
            ("your-secret-key-here-make-it-long-enough", WeakSecret::WellKnown),
            ("09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7", WeakSecret::WellKnown),
            ("your-256-bit-secret-your-256-bit-secret", WeakSecret::WellKnown),
            ("a-string-secret-at-least-256-bits-long", WeakSecret::WellKnown),
            ("super-secret-jwt-token-with-at-least-32-characters-long", WeakSecret::WellKnown),
            (
                "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
                WeakSecret::WellKnown,
            ),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", WeakSecret::Predictable),
            ("01001011010010110010110100110101", WeakSecret::Predictable),
            ("s3cr3tXYs3cr3tXYs3cr3tXYs3cr3tXY", WeakSecret::Predictable),
            ("abcdefghijklmnopqrstuvwxyz0123456789", WeakSecret::Predictable),
            ("a9f4k2pa4f9pk2a9p4f2kap9f2a4kp9f", WeakSecret::Predictable),
            ("q7vK2mZ9xR4nB6tWq7vK2mZ9xR4nB6tW", WeakSecret::Predictable),
        ] {
            assert_eq!(Secret::parse(text).err(), Some(reason), "{text}");
        }
    }

    #[test]
    fn generate_makes_strong_secrets_that_differ() {
        let secrets: Vec<Secret> = (0..100).map(|_| Secret::generate().unwrap()).collect();
        let mut texts: Vec<&str> = secrets.iter().map(Secret::expose).collect();
        assert!(texts.iter().all(|text| text.len() == 64 && Secret::parse(text).is_ok()));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 100);
    }

    #[test]
    fn debug_hides_the_text() {
        assert_eq!(format!("{:?}", Secret::generate().unwrap()), "Secret(SecretBox<str>([REDACTED]))");
    }
}
