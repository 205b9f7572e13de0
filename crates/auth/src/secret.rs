use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{Error, pattern};

/// A secret that signs tokens: the bytes of the text as it stands (what PyJWT does with a `str`), not decoded from anything.
///
/// It cannot be printed or serialised, and its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// Why a text is no secret, as what is said of it: `JWT_SECRET_KEY` … No variant holds any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakSecret {
    /// HS256 wants a key at least as long as its output (RFC 7518, section 3.2).
    #[error("has fewer than {MIN} bytes")]
    TooShort,
    /// It stands in a tutorial, or says itself that it is to be replaced.
    #[error("is a known example")]
    WellKnown,
    /// Few different characters, a repeated piece, or a sequence.
    #[error("follows a simple pattern")]
    Predictable,
}

/// In bytes.
const MIN: usize = 32;
/// In bytes: 384 bits, 64 characters of base64.
const GENERATED: usize = 48;
/// 32 random hexadecimal digits have fewer different ones once in some twenty million times.
const DISTINCT: usize = 8;

/// Pieces of published or placeholder secrets, in lower case, letters and digits only. By chance one stands in a random secret
/// of 64 characters once in some hundred million times.
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
    // FastAPI's tutorial.
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    // jwt.io, then and now.
    "your256bitsecret",
    "astringsecretatleast256bitslong",
    // RFC 7515, appendix A.1.
    "aym1sysppbydfgzld3umj1qzkobwvmkoqqestjqlrt1qs0gzh75aktmn3yj0ips4hcguutwjazzr1z9caow",
    // Directus' documentation.
    "255d861b5ea159969aa3922530ec40b1",
];

impl Secret {
    /// Takes a configured secret, without trimming it.
    ///
    /// # Errors
    ///
    /// When it is too short, known, or could be guessed. What passes may still be weak: only [`Secret::generate`] is sure.
    pub fn parse(text: &str) -> Result<Self, WeakSecret> {
        if text.len() < MIN {
            return Err(WeakSecret::TooShort);
        }
        let chars = Zeroizing::new(text.to_lowercase().chars().collect::<Vec<char>>());
        let key = Zeroizing::new(chars.iter().filter(|c| c.is_alphanumeric()).collect::<String>());
        if WELL_KNOWN.iter().any(|example| key.contains(example)) {
            return Err(WeakSecret::WellKnown);
        }
        let mut distinct = chars.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < DISTINCT || pattern::repeats(&chars) || pattern::is_predictable(&chars) {
            return Err(WeakSecret::Predictable);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Makes one: 48 random bytes of the operating system as 64 characters of base64url.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] when the operating system has no randomness.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; GENERATED]);
        getrandom::fill(bytes.as_mut_slice()).map_err(Error::internal)?;
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))))
    }

    /// The text itself: to store a generated one.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, WeakSecret};

    #[test]
    fn accepted() {
        for text in [
            "xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6",
            "6f1ed002ab5595859014ebf0951522d9",
            "3Jx0cQ8m+Yw5bq1nTz/7fH2kLr9uVdS4gAeP6oXiWj0=",
            "a passphrase nobody else has thought of, ever",
        ] {
            assert_eq!(Secret::parse(text).unwrap().expose(), text);
        }
    }

    #[test]
    fn refused() {
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
        ] {
            assert_eq!(Secret::parse(text).err(), Some(reason), "{text}");
        }
    }

    #[test]
    fn generated_ones_are_strong_and_differ() {
        let secrets: Vec<Secret> = (0..100).map(|_| Secret::generate().unwrap()).collect();
        let mut texts: Vec<&str> = secrets.iter().map(Secret::expose).collect();
        assert!(texts.iter().all(|text| text.len() == 64 && Secret::parse(text).is_ok()));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 100);
    }

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", Secret::generate().unwrap()), "Secret(..)");
    }
}
