//! PBKDF2 (RFC 8018) with HMAC-SHA-256, the default of Werkzeug before 2.3:
//! `pbkdf2:sha256:iterations$salt$output`.

use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;

use super::werkzeug::{SaltedOutput, parse_number, split};
use crate::Error;

pub(super) const NAME: &str = "pbkdf2";

const METHOD: &str = "pbkdf2:sha256";
/// In bytes.
const OUTPUT_LENGTH: usize = 32;
/// Twice the highest default of Werkzeug: 50,000 in 0.12, 150,000 in 0.16 and 1.0, 260,000 from
/// 2.0, 600,000 from 2.3 and 1,000,000 since 3.1. On a processor with SHA instructions this takes
/// the time of three Argon2id hashes.
const ITERATIONS_MAX: u32 = 2_000_000;
/// For a hash without a number of iterations. Werkzeug always writes the number, so such a hash was
/// made by hand. `check_password_hash` then uses the default of the installed version. This is the
/// default of the latest one.
const ITERATIONS_DEFAULT: u32 = 1_000_000;

/// A parsed hash.
pub(crate) struct Pbkdf2 {
    iterations: u32,
    salted: SaltedOutput,
}

impl Pbkdf2 {
    /// Reads `pbkdf2:sha256:iterations$salt$output`. The iterations may be absent.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or(Error::UnsupportedHash)
    }

    fn parse(text: &str) -> Option<Self> {
        let (method, salted) = split(text, OUTPUT_LENGTH)?;
        let iterations = match method.strip_prefix(METHOD)? {
            "" => ITERATIONS_DEFAULT,
            given => parse_number(given.strip_prefix(':')?)?,
        };
        (1..=ITERATIONS_MAX).contains(&iterations).then_some(Self { iterations, salted })
    }

    pub(crate) fn verify(&self, password: &[u8]) -> Result<bool, Error> {
        self.salted.matches(|salt, output| {
            pbkdf2_hmac::<Sha256>(password, salt, self.iterations, output);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Pbkdf2;

    #[test]
    fn read_rejects_iterations_over_the_limits() {
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
