//! PBKDF2 (RFC 8018) with HMAC-SHA-256, what Werkzeug made before 2.3: `pbkdf2:sha256:iterations$salt$output`.

use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;

use super::werkzeug::{Salted, number, split};
use crate::Error;

pub(super) const NAME: &str = "pbkdf2";

const METHOD: &str = "pbkdf2:sha256";
const OUTPUT_LENGTH: usize = 32;
/// Twice the most that Werkzeug has by default (50,000 in 0.12, 150,000 in 0.16 and 1.0, 260,000 from 2.0, 600,000 from 2.3, a
/// million since 3.1), and as long as three Argon2id hashes on a processor with SHA instructions.
const ITERATIONS_MAX: u32 = 2_000_000;
/// For a hash that does not say. Werkzeug always wrote the number, so such a hash was put together by hand; its
/// `check_password_hash` then takes the default of whatever version is installed, and this is the last one's.
const ITERATIONS_UNSAID: u32 = 1_000_000;

/// A hash, taken apart.
pub(crate) struct Pbkdf2 {
    iterations: u32,
    salted: Salted,
}

impl Pbkdf2 {
    /// Reads `pbkdf2:sha256:iterations$salt$output`, or that without iterations.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or(Error::UnsupportedHash)
    }

    fn parse(text: &str) -> Option<Self> {
        let (method, salted) = split(text, OUTPUT_LENGTH)?;
        let iterations = match method.strip_prefix(METHOD)? {
            "" => ITERATIONS_UNSAID,
            said => number(said.strip_prefix(':')?)?,
        };
        (1..=ITERATIONS_MAX).contains(&iterations).then_some(Self { iterations, salted })
    }

    pub(crate) fn verify(&self, password: &[u8]) -> Result<bool, Error> {
        self.salted.is_made_by(|salt, output| {
            pbkdf2_hmac::<Sha256>(password, salt, self.iterations, output);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Pbkdf2;

    #[test]
    fn the_limits() {
        let read = |iterations: &str| {
            Pbkdf2::read(&format!("pbkdf2:sha256{iterations}$salt${}", "00".repeat(32)))
                .map(|hash| hash.iterations)
                .ok()
        };
        assert_eq!(read(":1"), Some(1));
        assert_eq!(read(":2000000"), Some(2_000_000));
        assert_eq!(read(""), Some(1_000_000));
        for beyond in [":0", ":2000001", ":4294967295", ":4294967296"] {
            assert_eq!(read(beyond), None, "{beyond}");
        }
    }
}
